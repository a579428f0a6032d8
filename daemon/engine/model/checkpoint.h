/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A single-file checkpoint (safetensors or GGUF) in an original layout as a Model. Beside NAME.safetensors may lie
 * NAME.json, a card like imagined.json, and NAME.vae.safetensors, an autoencoder in place of its own. */

#include "engine/model/model.h"

/* Fills all but the name; model->dir is the file. */
int checkpoint_open(Model *model, Error *error);

/* The autoencoder of a file in place of the model's own: in an original layout, or with diffusers' names and the shapes
 * that the model's own has. */
int checkpoint_replace_vae(Model *model, const char *path, Error *error);
