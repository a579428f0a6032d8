/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "engine/image/vae.h"
#include "engine/inspect.h"

/* What a picture of the usual size needs beside the weights, about: bytes for each of its pixels, and for all. */
#define BYTES_A_PIXEL 2600.0
#define BYTES_ALWAYS 100e6
#define PIXELS_AT_ONCE (640.0 * 640.0) /* larger ones are decoded in tiles */

static const char *family(const Model *m)
{
        if (model_is_xl(m))
                return "Stable Diffusion XL";
        if (m->texts[0].config.activation == ACTIVATION_GELU)
                return "Stable Diffusion 2";
        return "Stable Diffusion 1";
}

/* How the weights of the denoiser are stored, by a matrix that all have. */
static const char *precision(const Model *m)
{
        const StoredTensor *t = NULL;
        const uint64_t first = m->unet.block_out_channels[0];

        if (weights_find(m->unet_weights, &t, (uint64_t[]) { 4 * first, 4 * first }, 2, NULL,
                         "time_embedding.linear_2.weight") < 0)
                return "unknown";
        return dtype_to_string(t->dtype);
}

static double bytes_of_all(const Model *m)
{
        double bytes = (double)weights_bytes(m->unet_weights) + (double)weights_bytes(m->vae_weights);

        for (uint32_t i = 0; i < m->n_texts; i++)
                bytes += (double)weights_bytes(m->texts[i].weights);
        return bytes;
}

int inspect_model(const char *path, FILE *out, Error *error)
{
        static const char *const predictions[] = { [PREDICTION_EPSILON] = "noise (epsilon)",
                                                   [PREDICTION_V] = "velocity (v_prediction)",
                                                   [PREDICTION_SAMPLE] = "the picture (sample)" };
        _cleanup_(model_freep) Model *m = NULL;
        ModelInfo info = {};
        int r = model_open(&m, path, error);
        if (r >= 0)
                r = engine_fill_info(&info, m, error);
        if (r < 0)
                return r;

        const double pixels = MIN((double)info.width * info.height, PIXELS_AT_ONCE);
        (void)fprintf(out, "name         %s\n", info.name);
        (void)fprintf(out, "family       %s%s%s\n", family(m),
                      m->unet.in_channels > m->vae.latent_channels ? ", inpainting" : "",
                      m->unet.guidance_width > 0 ? ", latent consistency" : "");
        (void)fprintf(out, "predicts     %s\n", predictions[m->scheduler.prediction]);
        (void)fprintf(out, "precision    %s\n", precision(m));
        (void)fprintf(out, "parameters   %.1f million\n", (double)info.parameters / 1e6);
        (void)fprintf(out, "memory       about %.1f GB\n", (bytes_of_all(m) + pixels * BYTES_A_PIXEL + BYTES_ALWAYS) / 1e9);
        (void)fprintf(out, "size         %ux%u\n", info.width, info.height);
        (void)fprintf(out, "steps        %u\n", info.steps);
        (void)fprintf(out, "guidance     %g\n", info.guidance);
        (void)fprintf(out, "sampler      %s\n", sampler_to_string(info.sampler));
        if (m->inferred[0])
                (void)fprintf(out, "inferred     %s\n", m->inferred);
        return 0;
}
