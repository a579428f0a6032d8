/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a user's records say of a picture (records/records.h), from its job. */

#include <jansson.h>
#include <stdbool.h>

#include "service/service.h"

/* What is known of that model, into a record or changes of one: version, licence, digest, and each file's digest. Whether its
 * digest is. */
bool record_set_model(json_t *record, struct Service *service, const char *name);

/* Of one that has just been finished; its id is in the job's picture. seconds: it took. NULL: no memory. */
json_t *record_new(Service *service, const Job *job, uint32_t index, double seconds);
