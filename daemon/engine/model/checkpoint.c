/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/checkpoint.h"
#include "engine/model/file.h"

/* Of OpenCLIP's vocabulary the first entry, with which it fills up. */
#define OPEN_CLIP_FILL "!"

/* NAME.safetensors with another end in place of its own. */
static int path_beside(char **ret, const char *path, const char *end, Error *error)
{
        const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
        const int stem = dot && (!slash || dot > slash) ? (int)(dot - path) : (int)strlen(path);

        if (asprintf(ret, "%.*s%s", stem, path, end) < 0) {
                *ret = NULL;
                return error_set(error, -ENOMEM, "%s: out of memory", path);
        }
        return 0;
}

static int read_card(Model *m, Error *error)
{
        _cleanup_(freep) char *path = NULL;
        int r = path_beside(&path, m->dir, ".json", error);
        if (r < 0 || access(path, F_OK) < 0)
                return r;
        return model_card_read(&m->card, path, error);
}

/* Stable Diffusion 2 predicts noise at 512 pixels and velocity at 768, and the files do not say which. The biases of one
 * norm late in the denoiser spread wider where it is velocity: a rule of thumb that ComfyUI found. Later checkpoints that
 * predict velocity hold an entry of that name. */
static PredictionType infer_prediction(const Model *m, Family family)
{
        float values[4096];
        double sum = 0, squares = 0;

        if (safetensors_find(m->file, "v_pred"))
                return PREDICTION_V;
        const StoredTensor *t = safetensors_find(
                        m->file, "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias");
        if (family != FAMILY_SD2 || !t || t->n_elements < 2 || t->n_elements > ELEMENTSOF(values))
                return PREDICTION_EPSILON;

        stored_tensor_to_f32(t, values);
        for (uint64_t i = 0; i < t->n_elements; i++) {
                sum += (double)values[i];
                squares += (double)values[i] * (double)values[i];
        }
        const double n = (double)t->n_elements, mean = sum / n;
        return sqrt(MAX(squares / n - mean * mean, 0)) > 0.09 ? PREDICTION_V : PREDICTION_EPSILON;
}

/* As the families were trained. */
static void infer_scheduler(Model *m, Family family)
{
        const bool said = m->card.prediction >= 0;

        m->scheduler = (SchedulerConfig) {
                .train_timesteps = 1000,
                .beta_start = 0.00085,
                .beta_end = 0.012,
                .beta_schedule = BETA_SCALED_LINEAR,
                .prediction = said ? (PredictionType)m->card.prediction : infer_prediction(m, family),
                .steps_offset = 1,
                .original_steps = 50,
                .rescale_betas_zero_snr = safetensors_find(m->file, "ztsnr"),
                .clip_sample_range = 1,
        };
        (void)snprintf(m->inferred, sizeof(m->inferred), "scheduler: scaled_linear, 1000 steps, %s%s",
                       m->scheduler.prediction == PREDICTION_V ? "v_prediction" : "epsilon",
                       said ? " (its card says so)" : "");
}

static void infer_tokenizer(Model *m, Family family)
{
        TokenizerConfig *c = &m->tokenizer;

        *c = (TokenizerConfig) {
                .max_length = m->texts[0].config.max_positions,
                .bos_token = "<|startoftext|>",
                .eos_token = "<|endoftext|>",
                .pad_token = "<|endoftext|>",
        };
        if (family == FAMILY_SD2)
                (void)snprintf(c->fill_tokens[0], sizeof(c->fill_tokens[0]), OPEN_CLIP_FILL);
        if (family == FAMILY_XL)
                (void)snprintf(c->fill_tokens[1], sizeof(c->fill_tokens[1]), OPEN_CLIP_FILL);
}

static uint32_t native_size(const Model *m, Family family)
{
        if (family == FAMILY_XL)
                return 1024;
        return family == FAMILY_SD2 && m->scheduler.prediction == PREDICTION_V ? 768 : 512;
}

static int open_weights(Model *m, OriginalModel *original, Error *error)
{
        int r;

        original->unet_map.unet = &m->unet;
        original->vae_map.vae = &m->vae;
        if ((r = weights_open_view(&m->unet_weights, m->file, m->dir, &original->unet_map, error)) < 0 ||
            (r = weights_open_view(&m->vae_weights, m->file, m->dir, &original->vae_map, error)) < 0)
                return r;
        for (uint32_t i = 0; i < m->n_texts && r >= 0; i++)
                r = weights_open_view(&m->texts[i].weights, m->file, m->dir, &original->texts[i].map, error);
        return r;
}

static int open_separate_vae(Model *m, Error *error)
{
        _cleanup_(freep) char *path = NULL;
        int r = path_beside(&path, m->dir, ".vae.safetensors", error);
        if (r < 0 || access(path, F_OK) < 0)
                return r;
        return checkpoint_replace_vae(m, path, error);
}

int checkpoint_open(Model *m, Error *error)
{
        OriginalModel original;
        int r;

        m->single = true;
        if ((r = tensor_file_open(&m->file, m->dir, error)) < 0 ||
            (r = original_model_infer(&original, m->file, m->dir, error)) < 0 || (r = read_card(m, error)) < 0)
                return r;

        m->n_texts = original.n_texts;
        for (uint32_t i = 0; i < m->n_texts; i++)
                m->texts[i].config = original.texts[i].config;
        m->unet = original.unet;
        m->vae = original.vae;
        m->zero_empty_negative = original.family == FAMILY_XL;
        infer_scheduler(m, original.family);
        infer_tokenizer(m, original.family);
        m->unet.sample_size = native_size(m, original.family) / (1U << (m->vae.n_levels - 1));
        r = open_weights(m, &original, error);
        return r < 0 ? r : open_separate_vae(m, error);
}

int checkpoint_replace_vae(Model *m, const char *path, Error *error)
{
        _cleanup_(safetensors_freep) Safetensors *file = NULL;
        Weights *weights = NULL;
        int r = tensor_file_open(&file, path, error);
        if (r < 0)
                return r;

        if (safetensors_find(file, "decoder.up_blocks.0.resnets.0.conv1.weight")) {
                r = weights_open(&weights, path, error);
                if (r < 0)
                        return r;
        } else if (original_vae_is_tiny(file)) {
                if ((r = original_tiny_vae_infer(&m->vae, file, path, error)) < 0 || (r = weights_open(&weights, path, error)) < 0)
                        return r;
        } else {
                VaeConfig config;
                KeyMap map;

                r = original_vae_infer(&config, &map, file, path, error);
                if (r < 0)
                        return r;
                config.scaling_factor = m->vae.scaling_factor;
                config.shift_factor = m->vae.shift_factor;
                m->vae = config;
                map.vae = &m->vae;
                r = weights_open_view(&weights, file, path, &map, error);
                if (r < 0)
                        return r;
                m->vae_file = TAKE_PTR(file);
        }
        weights_free(m->vae_weights);
        m->vae_weights = weights;
        return 0;
}
