/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a user's records say of a picture (records/records.h), from its job. */

#include <jansson.h>

#include "service/service.h"

/* Of one that has just been finished; its id is in the job's picture. seconds: it took. NULL: no memory. */
json_t *record_new(Service *service, const Job *job, uint32_t index, double seconds);
