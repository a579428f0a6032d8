/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a checkpoint in an original layout is, by the names and shapes of its tensors: single files bring no
 * configurations. */

#include "engine/model/original-names.h"
#include "engine/model/safetensors.h"

typedef enum Family {
        FAMILY_SD1,
        FAMILY_SD2,
        FAMILY_XL,
} Family;

typedef struct OriginalText {
        KeyMap map;
        TextEncoderConfig config;
} OriginalText;

typedef struct OriginalModel {
        Family family;
        uint32_t n_texts;
        OriginalText texts[CONFIG_TEXTS_MAX];
        KeyMap unet_map, vae_map; /* the pointers in them are the caller's to set */
        UNetConfig unet;
        VaeConfig vae;
} OriginalModel;

/* -EBADMSG: not a whole checkpoint of the family, with what is missing; -EOPNOTSUPP: one of another family, or something
 * else than a checkpoint. */
int original_model_infer(OriginalModel *ret, const Safetensors *file, const char *path, Error *error);

/* An autoencoder alone, whose keys may have the prefix of a whole checkpoint. */
int original_vae_infer(VaeConfig *ret, KeyMap *ret_map, const Safetensors *file, const char *path, Error *error);

/* An autoencoder of TAESD's kind alone, with the keys of Diffusers' AutoencoderTiny. */
bool original_vae_is_tiny(const Safetensors *file);
int original_tiny_vae_infer(VaeConfig *ret, const Safetensors *file, const char *path, Error *error);
