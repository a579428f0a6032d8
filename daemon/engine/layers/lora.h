/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Adapters (LoRA) of the forms that kohya's scripts and diffusers write, for the matrices of a model. They are added to what
 * the matrices make of their inputs, so that the matrices stay as they are, byte for byte. */

#include "engine/layers/loader.h"

/* A component of the model that may be adapted. */
typedef struct LoraTarget {
        const char *prefixes[4]; /* of its keys in the files, NULL after the last: "lora_unet_", "unet." */
        const Matrices *matrices;
        const UNetConfig *unet; /* of the denoiser, whose keys may be the original ones too; else NULL */
} LoraTarget;

typedef struct LoraSet LoraSet; /* what is applied now */

LoraSet *lora_set_new(void);
/* Takes all of it off the matrices. */
LoraSet *lora_set_free(LoraSet *set);
DEFINE_CLEANUP(LoraSet *, lora_set_free)

/* Applies a file's adapters with that weight beside those that are there. -ENOENT, -EBADMSG: broken; -EOPNOTSUPP: of another
 * kind, or for another model; -ENOMEM. On an error some may be applied: free the set. */
int lora_apply(LoraSet *set, const char *path, double weight, const LoraTarget *targets, size_t n, Error *error);
