/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The engine "chat": the idea is sent to a chat server of the configuration (service/remote/). */

#include "service/enhance/engines.h"

int chat_check(const struct Service *service, const json_t *request, Error *error);
int chat_start(void **ret, struct Service *service, const Job *job, const json_t *request, prompt_done_t done, void *userdata, Error *error);
void chat_stop(void *task);
