/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A model's folder: the configs read and checked, the weights mapped. Nothing is computed here. */

#include "engine/model/config.h"
#include "engine/model/original-config.h"
#include "engine/model/weights.h"

typedef struct ModelText {
        TextEncoderConfig config;
        Weights *weights;
} ModelText;

typedef struct Model {
        char *dir; /* of a Diffusers folder; of a single file, that file */
        bool single; /* a file in the original layout: it has no vocabulary, and what it does not say was inferred */
        Safetensors *file; /* that one, of which the weights are views */
        Safetensors *vae_file; /* of a separate autoencoder in an original layout */
        char inferred[256]; /* what was, for people */
        ModelCard card;
        TokenizerConfig tokenizer;
        uint32_t n_texts; /* 1, or 2 in Stable Diffusion XL, whose embeddings lie side by side */
        ModelText texts[CONFIG_TEXTS_MAX];
        bool zero_empty_negative; /* an empty negative prompt is zeros (force_zeros_for_empty_prompt) */
        UNetConfig unet;
        VaeConfig vae;
        UNetConfig fast_unet; /* of DIR/unet_fast, which draws in few steps; if card.fast_steps says that there is one */
        SchedulerConfig scheduler;
        UpscalerConfig upscaler;
        Weights *unet_weights, *vae_weights;
        Weights *fast_unet_weights; /* or NULL */
        Weights *upscaler_weights; /* NULL if the model has no upscaler/ beside it */
} Model;

/* Whether the embeddings are those of Stable Diffusion XL: of the last layer but one, with a pooled output beside. */
static inline bool model_is_xl(const Model *model)
{
        return model->unet.sizes_width > 0;
}

/* Elements of all weights. */
uint64_t model_parameters(const Model *model);

/* Reads a folder's model_index.json and the components it names, or a single file. Errors as for engine_new. */
int model_open(Model **ret, const char *dir, Error *error);
Model *model_free(Model *model);
DEFINE_CLEANUP(Model *, model_free)
