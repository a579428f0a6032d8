/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of an errand share: errand.c (its life), errand-send.c, errand-hear.c (what is told of it), errand-report.c
 * (what becomes of it, in the workers' words). */

#include "service/forward/forward-private.h"

/* Calls a method of the job without caring for the answer. */
void errand_tell(const Errand *errand, const char *member);

/* The errand is over; the one at the front says so last of all. */
void errand_lose(Errand *errand, ForwardLoss loss, const Error *error);

/* Likewise, after an error of a call. */
void errand_lose_by(Errand *errand, const sd_bus_error *error);

/* Likewise, when an answer makes no sense, or cannot be had. */
void errand_lose_broken(Errand *errand, int r);

/* Sends it, from its beginning. */
void errand_generate(Errand *errand);

/* Asks for all of its properties there. */
void errand_ask(Errand *errand);

/* Tells what is new, if it is at the front, and fetches what can be fetched. The errand may be gone afterwards. */
void errand_report(Errand *errand);

/* It ended there; the last word of it. The errand is gone afterwards. */
void errand_end(Errand *errand, JobState state);
