/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ComfyUI's workflows with placeholders in the texts of their JSON, docs/providers.md:
 *
 *     {{prompt}} {{negative_prompt}} {{seed}} {{steps}} {{guidance}} {{strength}} {{width}} {{height}} {{count}} {{style}}
 *     {{model}} {{image}} {{mask}}
 *
 * {{NAME|DEFAULT}} stands for DEFAULT where nothing is asked. A text that is one placeholder and nothing else becomes a number
 * where that is one. */

#include <jansson.h>

#include "net/dialect.h"

/* What the pictures are called there, once they have been sent; "": they have not. */
typedef struct WorkflowFiles {
        char picture[256], mask[256];
} WorkflowFiles;

/* NET_UNSUPPORTED with a sentence: something is asked for which the workflow has no place, or has no default. */
int workflow_check(const Talk *talk, Error *error);

/* The workflow for count pictures from the result n_results on. seed: where none is asked for. */
json_t *workflow_fill(const Talk *talk, uint32_t count, uint64_t seed, const WorkflowFiles *files, Error *error);
