/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A model's folder: the configs read and checked, the weights mapped. Nothing is computed here. */

#include "engine/model/config.h"
#include "engine/model/weights.h"

typedef struct Model {
        char *dir; /* the tokenizer reads its two files from DIR/tokenizer */
        ModelCard card;
        TokenizerConfig tokenizer;
        TextEncoderConfig text_encoder;
        UNetConfig unet;
        VaeConfig vae;
        SchedulerConfig scheduler;
        Weights *text_encoder_weights, *unet_weights, *vae_weights;
} Model;

/* Reads model_index.json and the components it names. Errors as for engine_new. */
int model_open(Model **ret, const char *dir, Error *error);
Model *model_free(Model *model);
DEFINE_CLEANUP(Model *, model_free)
