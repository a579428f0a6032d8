/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/denoise/sampler.h"
#include "engine/model/config.h"
#include "tests/fuzz/fuzz.h"

#define LATENTS 16

/* A scheduler that was accepted makes a plan for any number of steps. */
static void use_scheduler(const SchedulerConfig *config)
{
        for (int sampler = 1; sampler < SAMPLER_MAX; sampler++) {
                _cleanup_(sampling_freep) Sampling *s = NULL;
                float x[LATENTS] = { 1 };
                Noise noise;

                noise_seed(&noise, 1);
                const SamplingSettings settings = { .sampler = (Sampler)sampler, .schedule = sampler % SIGMA_SCHEDULE_MAX, .steps = 7, .eta = -1 };
                if (sampling_new(&s, config, &settings, LATENTS, NULL) < 0)
                        continue;
                sampling_start(s, x);
                for (uint32_t i = 0; i < s->n_evaluations; i++)
                        sampling_step(s, i, x, x, &noise);
        }
}

/* A JSON file, read as each of the configs; channels that were accepted can be divided by. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        FuzzFile file = fuzz_file_new(data, size);
        TokenizerConfig tokenizer;
        TextEncoderConfig text;
        UNetConfig unet;
        VaeConfig vae;
        SchedulerConfig scheduler;
        ModelCard card;
        Error error = {};

        (void)tokenizer_config_read(&tokenizer, file.path, file.path, &error);
        (void)model_card_read(&card, file.path, &error);
        if (text_encoder_config_read(&text, file.path, &error) >= 0 && text.hidden_size % text.n_heads != 0)
                abort();
        if (unet_config_read(&unet, file.path, &error) >= 0)
                for (uint32_t i = 0; i < unet.n_levels; i++)
                        if (unet.block_out_channels[i] % unet.norm_groups != 0)
                                abort();
        if (vae_config_read(&vae, file.path, &error) >= 0 && vae.kind == VAE_KL)
                for (uint32_t i = 0; i < vae.n_levels; i++)
                        if (vae.block_out_channels[i] % vae.norm_groups != 0)
                                abort();
        if (scheduler_config_read(&scheduler, file.path, &error) >= 0 && scheduler.train_timesteps <= 2000)
                use_scheduler(&scheduler);
        fuzz_file_done(&file);
        return 0;
}
