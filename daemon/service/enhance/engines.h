/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What makes prompts of ideas, behind one job: a line in the table of engines.c, and a file.
 *
 * The request is the one of prompts/enhance.h, with "engine" and "model" beside it, and so is the answer. An engine that
 * has texts from elsewhere puts them into the request as "texts" and lets the built-in one make the answer of it
 * (builtin_start), so that all engines' prompts have fields, and a text for the resident model. */

#include <jansson.h>

#include "queue/job.h"

struct Service;

/* Once, never from within start: the answer, which is not the handler's, or NULL and an error. The handler calls stop. */
typedef void (*prompt_done_t)(const json_t *answer, const Error *error, void *userdata);

typedef struct PromptEngine {
        const char *name;
        /* Whether this can be asked for, before there is a job; NULL: always. */
        int (*check)(const struct Service *service, const json_t *request, Error *error);
        /* *ret is the engine's own, for stop. The request is only read. */
        int (*start)(void **ret, struct Service *service, const Job *job, const json_t *request, prompt_done_t done, void *userdata, Error *error);
        void (*stop)(void *task); /* frees it, at any time */
} PromptEngine;

/* NULL: there is none of that name. */
const PromptEngine *prompt_engine_find(const char *name);

/* builtin.c: imagined-prompts, which runs for one request. */
int builtin_start(void **ret, struct Service *service, const Job *job, const json_t *request, prompt_done_t done, void *userdata, Error *error);
void builtin_stop(void *task);
