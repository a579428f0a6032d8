/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who drew a job's pictures where others may draw, on which terms, and for how much. */

#include <jansson.h>

#include "client/job.h"

/* The job's property Provenance as an object; NULL: drawn here, or it cannot be had. */
json_t *provenance_read(Client *client, const JobInfo *job);

/* "0.04 USD" of an amount that stands there, "?" where none does; buffer: MONEY_TEXT_MAX. */
const char *provenance_amount(const json_t *provenance, const char *key, char *buffer);

/* Where a provider draws, as ListProviders tells it, for people: "" where that is not known. */
const char *provenance_place(const json_t *provider);

/* Says on stderr what became of the request, who drew, what it cost and where the terms are. */
void provenance_say(Client *client, const JobInfo *job, const json_t *provenance);

/* Writes what would have been sent to stdout: the results of a job with dry-run. CODE_OK, or what was reported. */
ExitCode provenance_print_requests(Client *client, JobInfo *job);
