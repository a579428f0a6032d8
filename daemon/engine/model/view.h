/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tensors of a single-file checkpoint as a model's folder has them, where the layouts differ in more than names: some rows of
 * one that holds several, or a matrix the other way round. Each is made when it is first asked for. */

#include "engine/model/original-names.h"
#include "engine/model/safetensors.h"

typedef struct View View;

/* The tensor of that key, made of the stored one as `how` says; NULL: it is not of a kind with which that can be done, or there
 * is no memory. It lives as long as the views and the file. */
const StoredTensor *views_find(View **views, const char *key, const StoredTensor *stored, const OriginalKey *how);

void views_free(View *views);
