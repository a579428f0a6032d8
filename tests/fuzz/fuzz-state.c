/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "engine/denoise/state.h"
#include "tests/fuzz/fuzz.h"

#define N 64

/* How far a picture is, as other hands give it back: what is taken leaves a generator and a step that can be gone on with.
 * Every second input is laid over a good state, or chance would never find the beginning. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const SchedulerConfig scheduler = {
                .train_timesteps = 1000, .beta_start = 0.00085, .beta_end = 0.012, .beta_schedule = BETA_SCALED_LINEAR,
        };
        static const SamplingSettings settings = { .sampler = SAMPLER_EULER_A, .steps = 10, .eta = -1 };
        DenoiseKey key;
        Sampling *s = NULL;
        float latents[N] = { 0 }, drawn[N];
        Noise noise;
        void *good = NULL;
        size_t good_size = 0;
        uint32_t next = 0;

        if (size < 1 || sampling_new(&s, &scheduler, &settings, N, NULL) < 0)
                return 0;
        memset(&key, 0, sizeof(key));
        key.seed = 7;
        noise_seed(&noise, 7);
        if (denoise_state_save(&key, s, 3, &noise, latents, &good, &good_size) < 0)
                abort();
        if (data[0] & 1)
                for (size_t i = 1; i + 2 < size; i += 3)
                        ((uint8_t *)good)[((size_t)data[i] << 8 | data[i + 1]) % good_size] = data[i + 2];
        int r = data[0] & 1 ? denoise_state_load(good, good_size, &key, s, &next, &noise, latents)
                            : denoise_state_load(data + 1, size - 1, &key, s, &next, &noise, latents);
        if (r >= 0) {
                if (next > s->n_evaluations)
                        abort();
                noise_normals(&noise, drawn, N);
                noise_normals(&noise, drawn, 3);
                if (next < s->n_evaluations)
                        sampling_step(s, next, drawn, latents, &noise);
        }
        free(good);
        sampling_free(s);
        return 0;
}
