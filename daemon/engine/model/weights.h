/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The weights of one component (text encoder, UNet, VAE) by their Diffusers key names, whatever container
 * they came from.
 *
 *     const StoredTensor *w;
 *     r = weights_find(weights, &w, (uint64_t[]) { 320, 4, 3, 3 }, 4, error, "down_blocks.%u.conv.weight",
 * i);
 */

#include <stdbool.h>

#include "engine/model/original-names.h"
#include "engine/model/pack.h"
#include "engine/model/safetensors.h"
#include "engine/tensor/backlog.h"

typedef struct Weights Weights;

/* One file, safetensors or GGUF. */
int weights_open(Weights **ret, const char *path, Error *error);

/* Several of them, in the folder of an index ("weight_map": {KEY: FILE}). -EBADMSG also where it names what is no file
 * of that folder, or a tensor that is not in its file. */
int weights_open_index(Weights **ret, const char *path, Error *error);

/* One component of a file in an original layout. The file (which stays the caller's) and what the map points to must
 * outlive it; path: for error messages. */
int weights_open_view(Weights **ret, const Safetensors *file, const char *path, const KeyMap *map, Error *error);

Weights *weights_free(Weights *weights);
DEFINE_CLEANUP(Weights *, weights_free)

/* While the component is loaded: where its weights are packed to, or are already (pack_begin() to pack_end()), and who packs
 * them later. NULL: nowhere, at once. Both stay the caller's. */
typedef struct Packing {
        Pack *pack;
        Backlog *backlog;
} Packing;

void weights_set_packing(Weights *weights, Packing packing);
Packing weights_packing(const Weights *weights);

/* The stored tensor of exactly that shape under that name: -ENOENT if missing, -EBADMSG if the shape is
 * another, with a sentence that names file, key, the shape found and the shape wanted. */
int weights_find(const Weights *weights, const StoredTensor **ret, const uint64_t *shape, uint32_t n_dims,
                 Error *error, const char *key_format, ...) _printf_(6, 7);

bool weights_has(const Weights *weights, const char *key_format, ...) _printf_(2, 3);

/* The shape of a tensor with that many dimensions; false if there is no such tensor. */
bool weights_shape(const Weights *weights, uint64_t *ret, uint32_t n_dims, const char *key_format, ...)
                _printf_(4, 5);

/* Elements of all tensors together. */
uint64_t weights_parameters(const Weights *weights);

/* The bytes of all tensors together, as they are stored. */
uint64_t weights_bytes(const Weights *weights);

/* How they are stored, what there is most of first: "Q8_0, F16". What is less than a fiftieth is left out. */
#define WEIGHTS_KINDS_MAX 64
void weights_describe(const Weights *weights, char ret[static WEIGHTS_KINDS_MAX]);

/* Writes n_elements floats. NaN and infinities pass as they are. */
void stored_tensor_to_f32(const StoredTensor *tensor, float *ret);
