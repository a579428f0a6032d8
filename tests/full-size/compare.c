/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model of true shapes, stage by stage, against what PyTorch made of it (tests/reference/make-full.py):
 *
 *     compare FOLDER      prints how far each output is from PyTorch's, relative to the largest value; fails beyond 2e-3 */

#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/denoise/unet.h"
#include "engine/image/vae.h"
#include "engine/kernels/blas.h"
#include "engine/text/text_encoder.h"

#define LIMIT 2e-3

static const char *folder;
static int failures;

static void in_folder(char ret[static 1024], const char *name)
{
        (void)snprintf(ret, 1024, "%s/%s", folder, name);
}

static Safetensors *open_outputs(const char *name)
{
        char path[1024];
        Safetensors *file = NULL;
        Error error = {};

        in_folder(path, name);
        if (safetensors_open(&file, path, &error) < 0)
                errx(1, "%s", error.text);
        return file;
}

static Weights *open_weights(const char *name)
{
        char path[1024];
        Weights *weights = NULL;
        Error error = {};

        in_folder(path, name);
        if (weights_open(&weights, path, &error) < 0)
                errx(1, "%s", error.text);
        return weights;
}

static const StoredTensor *stored(const Safetensors *file, const char *name)
{
        const StoredTensor *t = safetensors_find(file, name);
        if (!t)
                errx(1, "no tensor %s", name);
        return t;
}

static Tensor new_tensor(Compute *c, uint64_t n, uint64_t h, uint64_t w, uint64_t channels)
{
        Tensor ret = compute_tensor(c, (uint32_t)n, (uint32_t)h, (uint32_t)w, (uint32_t)channels);
        if (!ret.data)
                errx(1, "out of memory");
        return ret;
}

/* [n, tokens, c] and [n, c] as they are; [n, c, h, w] as [n, h, w, c]. */
static Tensor load(Compute *c, const Safetensors *file, const char *name)
{
        const StoredTensor *t = stored(file, name);
        const uint64_t *s = t->shape;

        if (t->n_dims < 4) {
                Tensor rows = new_tensor(c, s[0], 1, t->n_dims == 3 ? s[1] : 1, s[t->n_dims - 1]);
                stored_tensor_to_f32(t, rows.data);
                return rows;
        }
        Tensor ret = new_tensor(c, s[0], s[2], s[3], s[1]), as_stored = new_tensor(c, s[0], s[2], s[3], s[1]);
        const size_t pixels = (size_t)ret.h * ret.w;
        stored_tensor_to_f32(t, as_stored.data);
        for (size_t i = 0; i < tensor_elements(&ret); i++) {
                const size_t n = i / pixels / ret.c, channel = i / pixels % ret.c, pixel = i % pixels;
                ret.data[(n * pixels + pixel) * ret.c + channel] = as_stored.data[i];
        }
        return ret;
}

/* The first channels of what was got. */
static void compare(const char *what, const Tensor *got, const Tensor *wanted)
{
        double worst = 0, largest = 0;

        if (tensor_rows(got) != tensor_rows(wanted) || got->c < wanted->c)
                errx(1, "%s: another shape", what);
        for (size_t i = 0; i < tensor_elements(wanted); i++) {
                const double w = wanted->data[i], d = fabs(got->data[i / wanted->c * got->c + i % wanted->c] - w);
                worst = d <= worst ? worst : d;
                largest = w < 0 ? fmax(largest, -w) : fmax(largest, w);
        }
        const bool good = worst <= LIMIT * largest && largest > 0;
        printf("%s %s: %.1e\n", good ? "ok  " : "FAIL", what, worst / largest);
        failures += !good;
}

static void compare_text(Compute *c, const char *part, const char *outputs)
{
        char config_path[1024], name[128], what[128];
        TextEncoderConfig config;
        TextEncoder *encoder = NULL;
        Error error = {};

        (void)snprintf(name, sizeof name, "model/%s/config.json", part);
        in_folder(config_path, name);
        (void)snprintf(name, sizeof name, "model/%s/model.safetensors", part);
        Weights *weights = open_weights(name);
        if (text_encoder_config_read(&config, config_path, &error) < 0 ||
            text_encoder_new(&encoder, &config, weights, PRECISION_F32, &error) < 0)
                errx(1, "%s", error.text);

        Safetensors *file = open_outputs(outputs);
        const StoredTensor *stored_ids = stored(file, "ids");
        const uint32_t n = (uint32_t)stored_ids->shape[0], length = (uint32_t)stored_ids->shape[1];
        uint32_t *ids = calloc(stored_ids->n_elements, sizeof *ids);
        for (size_t i = 0; i < stored_ids->n_elements; i++)
                memcpy(&ids[i], (const char *)stored_ids->data + i * 8, sizeof ids[i]);

        const bool pools = safetensors_find(file, "pooled");
        Tensor got = {}, pooled = {}, wanted = load(c, file, "last_hidden_state");
        const TextWish last = { .pooled = pools }, penultimate = { .skip = 1, .plain = true };
        if (text_encoder_forward(encoder, c, ids, n, length, &last, &got, &pooled) < 0)
                errx(1, "%s failed", part);
        (void)snprintf(what, sizeof what, "%s, last layer", part);
        compare(what, &got, &wanted);
        if (pools) {
                wanted = load(c, file, "pooled");
                (void)snprintf(what, sizeof what, "%s, pooled", part);
                compare(what, &pooled, &wanted);
        }
        wanted = load(c, file, "penultimate");
        if (text_encoder_forward(encoder, c, ids, n, length, &penultimate, &got, NULL) < 0)
                errx(1, "%s failed", part);
        (void)snprintf(what, sizeof what, "%s, penultimate layer", part);
        compare(what, &got, &wanted);

        free(ids);
        safetensors_free(file);
        text_encoder_free(encoder);
        weights_free(weights);
}

static void compare_unet(Compute *c)
{
        char config_path[1024], name[64];
        UNetConfig config;
        UNet *unet = NULL;
        UNetContext *context = NULL;
        Error error = {};

        in_folder(config_path, "model/unet/config.json");
        Weights *weights = open_weights("model/unet/diffusion_pytorch_model.safetensors");
        if (unet_config_read(&config, config_path, &error) < 0 || unet_new(&unet, &config, weights, PRECISION_F32, &error) < 0)
                errx(1, "%s", error.text);

        Safetensors *file = open_outputs("unet.safetensors");
        Tensor sample = load(c, file, "sample"), got;
        UNetConditions conditions = { .text = load(c, file, "encoder_hidden_states") };
        if (safetensors_find(file, "pooled")) {
                conditions.pooled = load(c, file, "pooled");
                stored_tensor_to_f32(stored(file, "sizes"), conditions.sizes);
        }
        if (unet_context_new(&context, unet, c, &conditions) < 0)
                errx(1, "no context");
        for (int i = 0; i < 2; i++) {
                const int t = i == 0 ? 981 : 1;
                (void)snprintf(name, sizeof name, "out_t%d", t);
                Tensor wanted = load(c, file, name);
                if (unet_forward(unet, c, context, &sample, (float)t, &got) < 0)
                        errx(1, "unet failed");
                (void)snprintf(name, sizeof name, "unet, timestep %d", t);
                compare(name, &got, &wanted);
        }

        unet_context_free(context);
        safetensors_free(file);
        unet_free(unet);
        weights_free(weights);
}

static void compare_vae(Compute *c)
{
        char config_path[1024];
        VaeConfig config;
        Vae *vae = NULL;
        Error error = {};

        in_folder(config_path, "model/vae/config.json");
        Weights *weights = open_weights("model/vae/diffusion_pytorch_model.safetensors");
        if (vae_config_read(&config, config_path, &error) < 0 || vae_new(&vae, &config, weights, PRECISION_F32, &error) < 0 ||
            vae_load_encoder(vae, weights, PRECISION_F32, &error) < 0)
                errx(1, "%s", error.text);

        Safetensors *file = open_outputs("vae.safetensors");
        Tensor z = load(c, file, "z"), image = load(c, file, "image"), got, wanted = load(c, file, "decoded");
        if (vae_decode(vae, c, &z, &got) < 0)
                errx(1, "vae failed");
        compare("vae, decoder", &got, &wanted);
        wanted = load(c, file, "mean");
        if (vae_encode(vae, c, &image, &got) < 0)
                errx(1, "vae failed");
        compare("vae, encoder", &got, &wanted);

        safetensors_free(file);
        vae_free(vae);
        weights_free(weights);
}

int main(int argc, char **argv)
{
        Compute c = { .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), .arena = arena_new(0) };
        char second[1024];

        if (argc != 2)
                errx(2, "Usage: compare FOLDER");
        if (blas_ensure_core(argv) < 0 || !c.arena)
                errx(1, "cannot begin");
        folder = argv[1];
        in_folder(second, "text_2.safetensors");
        compare_text(&c, "text_encoder", "text.safetensors");
        if (access(second, F_OK) == 0)
                compare_text(&c, "text_encoder_2", "text_2.safetensors");
        arena_release(c.arena, (ArenaMark) {});
        compare_unet(&c);
        arena_release(c.arena, (ArenaMark) {});
        compare_vae(&c);
        arena_free(c.arena);
        return failures > 0;
}
