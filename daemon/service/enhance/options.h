/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of Enhance. */

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "queue/job.h"

#define ENHANCE_COUNT_MAX 16
#define ENHANCE_TEXT_MAX 8192 /* bytes of an idea, and of each text of the lineage */
#define ENHANCE_FIELD_MAX 2048 /* bytes of a field, of an instruction */
#define ENHANCE_LINEAGE_MAX 64 /* texts */
#define ENHANCE_FIELDS_MAX 32

/* Reads an a{sv} into what the job is to do (request, an object that is there) and how (policy). -EINVAL with a sentence
 * *picture: -1, or the picture that came, a sealed memfd of the caller's; the request has true for it then. A sentence
 * that names the option: unknown, given twice, of a wrong type, too long or out of its range. */
int enhance_options_read(sd_bus_message *message, json_t *request, JobPolicy *policy, int *picture, Error *error);
