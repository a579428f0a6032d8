/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* LoadModel and UnloadModel calls that wait for their answer, and the wishes that outlive it. */

#include <systemd/sd-bus.h>

#include "queue/job.h"

typedef struct LoadCalls LoadCalls;

int load_calls_new(LoadCalls **ret, sd_event *event);
LoadCalls *load_calls_free(LoadCalls *calls);
DEFINE_CLEANUP(LoadCalls *, load_calls_free)

/* Wishes for a model; call NULL: without anybody waiting for it. -EDQUOT: too many. */
int load_calls_add(LoadCalls *calls, sd_bus_message *call, uid_t uid, const char *model);

/* The model that is to be loaded next; NULL: none is wished for. */
const char *load_calls_first(const LoadCalls *calls);

/* Answers all that wait for this model (NULL: for any): it is loaded, or the error says why not. */
void load_calls_answer(LoadCalls *calls, const char *model, const Error *error);

/* An UnloadModel that waits until the worker has gone. */
int load_calls_add_unload(LoadCalls *calls, sd_bus_message *call);
void load_calls_answer_unloads(LoadCalls *calls);
