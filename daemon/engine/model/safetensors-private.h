/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the readers of the containers alone. */

#include <jansson.h>

#include "engine/model/file.h"
#include "engine/model/safetensors.h"

struct Safetensors {
        char *path;
        MappedFile file;
        json_t *header; /* owns the names, or */
        char *names; /* does */
        StoredTensor *tensors; /* sorted by name */
        size_t n_tensors;
};

void safetensors_sort(Safetensors *file);

/* Maps a file and lets `read` find its tensors there: what the openings of all kinds of files share. */
int tensor_file_open_as(
                Safetensors **ret, const char *path, int (*read)(Safetensors *s, Error *error), Error *error);
