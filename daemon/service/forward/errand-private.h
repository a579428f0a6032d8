/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* errand.c (sending a job, hearing of it) and errand-report.c (what becomes of it, in the workers' words). */

#include "service/forward/forward-private.h"

/* Sends it, from its beginning. */
void errand_generate(Errand *errand);

/* Tells what is new, if it is at the front, and fetches what can be fetched. The errand may be gone afterwards. */
void errand_report(Errand *errand);

/* It ended there; the last word of it. The errand is gone afterwards. */
void errand_end(Errand *errand, JobState state);

/* A call failed: the same. */
void errand_lose_by(Errand *errand, const sd_bus_error *error);
