/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "engine/engine.h"
#include "engine/model/model.h"

/* What a model recommends; -EOPNOTSUPP if its pictures are too large. */
int engine_fill_info(ModelInfo *info, const Model *model, Precision automatic, Error *error);

/* Writes what a model is, for people, a line a fact, or as a JSON object: its family, how its weights are stored, how many there are, the memory
 * that it needs, and what it recommends. Reads headers only. Errors as for engine_new. */
int inspect_model(const char *path, bool json, FILE *out, Error *error);
