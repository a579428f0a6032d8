/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which models are installed: directories with a model_index.json, and files that end in .safetensors, .gguf or .ckpt (which
 * the engine refuses, saying how to convert it), one floor below the configured directories, or configured themselves.
 * Nothing in them is parsed here. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "queue/job.h"

typedef struct Model {
        char name[MODEL_NAME_MAX + 1];
        char *directory; /* or the file */
} Model;

typedef struct Models {
        Model *items; /* by name */
        size_t n;
} Models;

void models_clear(Models *models);

/* All of them; the first of a name wins. Directories that cannot be read are passed over. */
int models_find(Models *ret, char *const *directories);

/* One of them, "" being the first that is found. *ret_directory is the caller's. -ENOPKG with a sentence: none of
 * that name. */
int models_resolve(
                char *const *directories, const char *name, char **ret_directory,
                char ret_name[static MODEL_NAME_MAX + 1], Error *error);

/* Tells the workers to come where models lie, through the environment. */
void models_tell_workers(char *const *directories);

/* [A-Za-z0-9._-]+, no dot in front, not too long. */
bool model_name_is_valid(const char *name);
