/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>

#include "base/util.h"
#include "engine/image/vae.h"
#include "engine/inspect.h"
#include "engine/pipeline.h"

/* What a picture of the usual size needs beside the weights, about: bytes for each of its pixels, and for all. */
#define BYTES_A_PIXEL 1600.0
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

/* Floats are kept as they are stored, the rest as what is multiplied. */
static double bytes_of(const Weights *weights, Precision precision)
{
        if (precision == PRECISION_F32)
                return (double)weights_bytes(weights);
        return (double)weights_parameters(weights) * (precision == PRECISION_BF16 ? 2 : 1);
}

static double bytes_of_all(const Model *m, Precision precision)
{
        const Precision ends = pipeline_ends_precision(precision);
        double bytes = bytes_of(m->unet_weights, precision) + bytes_of(m->vae_weights, ends);

        for (uint32_t i = 0; i < m->n_texts; i++)
                bytes += bytes_of(m->texts[i].weights, ends);
        return bytes;
}

/* What is told, for people and for programs. */
typedef struct Inspection {
        ModelInfo info;
        char family[64], precision[WEIGHTS_KINDS_MAX]; /* of the denoiser's weights */
        const char *predicts, *inferred;
        double bytes; /* of memory, about */
} Inspection;

static void fill(Inspection *ret, const Model *m)
{
        static const char *const predictions[] = { [PREDICTION_EPSILON] = "noise (epsilon)",
                                                   [PREDICTION_V] = "velocity (v_prediction)",
                                                   [PREDICTION_SAMPLE] = "the picture (sample)" };
        const double pixels = MIN((double)ret->info.width * ret->info.height, PIXELS_AT_ONCE);

        (void)snprintf(ret->family, sizeof(ret->family), "%s%s%s", family(m),
                       m->unet.in_channels > m->vae.latent_channels ? ", inpainting" : "",
                       m->unet.guidance_width > 0 ? ", latent consistency" : "");
        ret->predicts = predictions[m->scheduler.prediction];
        weights_describe(m->unet_weights, ret->precision);
        ret->inferred = m->inferred;
        ret->bytes = bytes_of_all(m, ret->info.precision) + pixels * BYTES_A_PIXEL + BYTES_ALWAYS;
}

static void print_text(const Inspection *i, FILE *out)
{
        (void)fprintf(out, "name         %s\n", i->info.name);
        (void)fprintf(out, "family       %s\n", i->family);
        (void)fprintf(out, "predicts     %s\n", i->predicts);
        (void)fprintf(out, "precision    %s\n", i->precision);
        (void)fprintf(out, "parameters   %.1f million\n", (double)i->info.parameters / 1e6);
        (void)fprintf(out, "memory       about %.1f GB\n", i->bytes / 1e9);
        (void)fprintf(out, "size         %ux%u\n", i->info.width, i->info.height);
        (void)fprintf(out, "steps        %u\n", i->info.steps);
        (void)fprintf(out, "guidance     %g\n", i->info.guidance);
        (void)fprintf(out, "sampler      %s\n", sampler_to_string(i->info.sampler));
        if (i->inferred[0])
                (void)fprintf(out, "inferred     %s\n", i->inferred);
}

/* json_pack() wants UTF-8 and fails where it gets something else. */
static int print_json(const Inspection *i, FILE *out)
{
        json_t *object = json_pack(
                        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:s*}", "name", i->info.name, "family", i->family,
                        "predicts", i->predicts, "precision", i->precision, "parameters", (json_int_t)i->info.parameters,
                        "memory", (json_int_t)i->bytes, "width", (json_int_t)i->info.width, "height",
                        (json_int_t)i->info.height, "steps", (json_int_t)i->info.steps, "guidance", i->info.guidance,
                        "sampler", sampler_to_string(i->info.sampler), "inferred", i->inferred[0] ? i->inferred : NULL);
        const int r = object ? json_dumpf(object, out, JSON_INDENT(2)) : -1;

        json_decref(object);
        return r < 0 || fputc('\n', out) == EOF ? -EIO : 0;
}

int inspect_model(const char *path, bool json, FILE *out, Error *error)
{
        _cleanup_(model_freep) Model *m = NULL;
        Inspection inspection = {};
        int r = model_open(&m, path, error);
        if (r >= 0)
                r = engine_fill_info(&inspection.info, m, PRECISION_AUTO, error);
        if (r < 0)
                return r;
        fill(&inspection, m);
        r = json ? print_json(&inspection, out) : (print_text(&inspection, out), 0);
        return r < 0 ? error_set(error, r, "%s: what it is cannot be written", path) : 0;
}
