/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a model's JSON files say, checked: every number here is within bounds that make products of them safe
 * in 64 bits (channels, widths <= 65536, layers <= 128, levels <= 8), and whatever this version cannot
 * compute was refused with -EOPNOTSUPP. Key names as in diffusers and transformers; absent keys have those
 * libraries' defaults.
 *
 * Each NAME_read fills *ret from one file: 0, -ENOENT, -EBADMSG, -EOPNOTSUPP or -ENOMEM with a sentence that
 * names the file and the key. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/request.h"

#define CONFIG_LEVELS_MAX 8
#define CONFIG_TEXTS_MAX 2 /* text encoders */

typedef enum Activation {
        ACTIVATION_SILU,
        ACTIVATION_GELU,
        ACTIVATION_QUICK_GELU,
} Activation;

typedef struct TokenizerConfig {
        uint32_t max_length; /* tokens with both marks: 77 for CLIP */
        char bos_token[64], eos_token[64], pad_token[64];
        char fill_tokens[CONFIG_TEXTS_MAX][64]; /* what fills up the rows of each text encoder that reads them; ""
                                                   is pad_token */
} TokenizerConfig;

/* tokenizer_config.json and, where it exists, special_tokens_map.json, which has the last word. */
int tokenizer_config_read(TokenizerConfig *ret, const char *path, const char *special_tokens_path,
                          Error *error);

/* Old configurations give 2, which is no id of CLIP's: transformers then pools at the largest id. */
#define CONFIG_EOS_LARGEST 2U

typedef struct TextEncoderConfig { /* CLIPTextModel, with or without projection */
        uint32_t vocab_size, hidden_size, intermediate_size;
        uint32_t n_layers, n_heads;
        uint32_t max_positions;
        Activation activation;
        float layer_norm_eps;
        uint32_t projection; /* projection_dim: width of the pooled output, where the weights have a
                                text_projection */
        uint32_t left_out; /* layers that were trained with but are not there: 1 in Stable Diffusion 2 */
        uint32_t eos_token; /* whose first position is pooled; CONFIG_EOS_LARGEST: that of the largest id */
} TextEncoderConfig;

int text_encoder_config_read(TextEncoderConfig *ret, const char *path, Error *error);

typedef enum PredictionType {
        PREDICTION_EPSILON,
        PREDICTION_V,
        PREDICTION_SAMPLE,
} PredictionType;

typedef struct UNetConfig { /* UNet2DConditionModel */
        uint32_t in_channels, out_channels;
        uint32_t sample_size; /* latents, default width and height */
        uint32_t n_levels;
        uint32_t block_out_channels[CONFIG_LEVELS_MAX];
        bool down_attention[CONFIG_LEVELS_MAX]; /* CrossAttnDownBlock2D */
        bool up_attention[CONFIG_LEVELS_MAX]; /* CrossAttnUpBlock2D, in the order of up_blocks */
        uint32_t layers_per_block[CONFIG_LEVELS_MAX];
        uint32_t transformer_layers[CONFIG_LEVELS_MAX];
        uint32_t n_heads[CONFIG_LEVELS_MAX]; /* from attention_head_dim, which counts heads in SD1, or
                                                num_attention_heads */
        uint32_t cross_attention_dim;
        uint32_t norm_groups;
        float norm_eps;
        bool use_linear_projection;
        bool flip_sin_to_cos;
        float freq_shift;
        uint32_t guidance_width; /* time_cond_proj_dim: of the embedding of the guidance scale (LCM); 0: none */
        uint32_t sizes_width; /* addition_time_embed_dim: of each embedded number of SDXL's added conditioning
                                 (addition_embed_type "text_time"); 0: no added conditioning */
        uint32_t added_width; /* projection_class_embeddings_input_dim: pooled text and embedded sizes together */
} UNetConfig;

#define CONFIG_SIZES 6 /* SDXL's: original height and width, top and left of the crop, target height and width */

int unet_config_read(UNetConfig *ret, const char *path, Error *error);

typedef enum VaeKind {
        VAE_KL, /* AutoencoderKL */
        VAE_TINY, /* AutoencoderTiny, which TAESD is one of */
} VaeKind;

typedef struct VaeConfig {
        VaeKind kind;
        uint32_t in_channels, out_channels, latent_channels;
        uint32_t sample_size;
        uint32_t n_levels;
        uint32_t block_out_channels[CONFIG_LEVELS_MAX];
        uint32_t layers_per_block;
        uint32_t norm_groups;
        bool mid_attention; /* mid_block_add_attention */
        bool use_quant_conv, use_post_quant_conv;
        float scaling_factor, shift_factor;
        uint32_t tiny_blocks[2][CONFIG_LEVELS_MAX]; /* VAE_TINY: blocks of each level, encoder and decoder */
} VaeConfig;

int vae_config_read(VaeConfig *ret, const char *path, Error *error);

typedef enum BetaSchedule {
        BETA_LINEAR,
        BETA_SCALED_LINEAR,
        BETA_SQUAREDCOS_CAP_V2,
} BetaSchedule;

typedef enum TimestepSpacing {
        SPACING_DEFAULT, /* each sampler class's own (denoise/sampler.h) */
        SPACING_LEADING,
        SPACING_TRAILING,
        SPACING_LINSPACE,
} TimestepSpacing;

typedef struct SchedulerConfig {
        uint32_t train_timesteps;
        double beta_start, beta_end;
        BetaSchedule beta_schedule;
        PredictionType prediction;
        TimestepSpacing spacing;
        uint32_t steps_offset;
        bool set_alpha_to_one;
        bool rescale_betas_zero_snr;
        bool clip_sample;
        double clip_sample_range;
        bool karras; /* use_karras_sigmas */
        uint32_t original_steps; /* original_inference_steps: those that LCM skips among */
        Sampler class_sampler; /* the sampler that _class_name names, SAMPLER_DEFAULT if it is none of ours */
} SchedulerConfig;

int scheduler_config_read(SchedulerConfig *ret, const char *path, Error *error);

#define UPSCALER_WIDTH_MAX 512
#define UPSCALER_LAYERS_MAX 128

typedef struct UpscalerConfig { /* SRVGGNetCompact; zeros where the file says nothing */
        uint32_t scale, width; /* num_feat */
        uint32_t layers; /* num_conv: the convolutions between the first and the last */
} UpscalerConfig;

int upscaler_config_read(UpscalerConfig *ret, const char *path, Error *error);

/* The final touches in the order in which they are done where the card says no other. */
typedef enum Touch {
        TOUCH_REMOVE_ARTEFACTS,
        TOUCH_ENLARGE,
        TOUCH_SMOOTH_EDGES,
        TOUCH_SHARPEN,
        TOUCH_MAX,
} Touch;

/* imagined.json beside model_index.json: the author's recommendations; zeros where there is none. */
typedef struct ModelCard {
        char name[64], version[32], license[64];
        uint32_t steps;
        double guidance; /* negative: not said */
        double guidance_rescale; /* 0 to 1; 0: none (Lin et al. 2023, "Common diffusion noise schedules…",
                                    eq. 15, 16) */
        Sampler sampler;
        uint32_t fast_steps; /* of the few-step denoiser, for which it was trained; 0: there is none */
        double fast_guidance; /* 1, if its guidance is built in */
        SigmaSchedule schedule; /* that stands behind the sampler's name */
        uint32_t native_size; /* pixels of the decoded picture that the denoiser draws best */
        char empty_prompt[128]; /* what stands for a prompt without words; "": nothing does */
        uint32_t prompt_chunks; /* that a prompt may be cut into (text/chunks.h); 0: as many as there can be */
        Precision precision; /* in which it is good enough and fast; PRECISION_AUTO: not said */
        int prediction; /* a PredictionType, for single files, which do not say it themselves; -1 if not said */
        char vae[128]; /* a file beside the model, whose autoencoder is used in place of its own; "": none */
        uint32_t enlarge; /* factor from the decoded picture to the finished one; 1 if not said */
        Enlarge enlarge_with; /* ENLARGE_DEFAULT: the network if there is one */
        double remove_artefacts, smooth_edges, sharpen; /* strengths, 0 to 1; 0: off */
        Touch touch_order[TOUCH_MAX]; /* each once */
} ModelCard;

/* The card of a model that has none. */
void model_card_init(ModelCard *card);

int model_card_read(ModelCard *ret, const char *path, Error *error);
