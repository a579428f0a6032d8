/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The key names of the original layouts (CompVis' latent diffusion, OpenCLIP), in which single-file checkpoints come, for
 * those of diffusers and transformers, by which the networks ask for their weights. */

#include <stdbool.h>
#include <stddef.h>

#include "engine/model/config.h"

#define ORIGINAL_KEY_MAX 256

typedef enum KeyLayout {
        KEYS_SAME, /* only with the prefix in front */
        KEYS_UNET,
        KEYS_VAE,
        KEYS_OPEN_CLIP,
        KEYS_STABLE_CPP, /* the text encoders that stable-diffusion.cpp writes: as KEYS_SAME but for the projection */
        KEYS_STABLE_CPP_FUSED, /* the same where it leaves queries, keys and values in one */
} KeyLayout;

typedef struct KeyMap {
        KeyLayout layout;
        char prefix[64]; /* of the component in the file */
        const UNetConfig *unet; /* for KEYS_UNET */
        const VaeConfig *vae; /* for KEYS_VAE */
} KeyMap;

/* Where a tensor is found. */
typedef struct OriginalKey {
        char name[ORIGINAL_KEY_MAX];
        uint32_t part, parts; /* it is rows part / parts … (part + 1) / parts of that one; parts is 1 for most */
        bool transposed; /* it is stored with rows and columns exchanged */
} OriginalKey;

/* False if the layout has nothing of that name. */
bool original_key(const KeyMap *map, const char *key, OriginalKey *ret);
