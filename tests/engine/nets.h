/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the networks share: PyTorch's order of axes, and where the reference outputs lie.
 *
 * A variant is a folder with text.safetensors, unet.safetensors, vae.safetensors and model/ in the Diffusers
 * layout: tests/fixtures/nets/NAME (made by tests/reference/make-nets.py), or ../shared/data/goldens/NAME
 * where that exists. */

#include "engine/denoise/unet.h"
#include "engine/image/vae.h"
#include "tests/engine/fixtures.h"
#include "tests/engine/tensors.h"

#define TOLERANCE 2e-5 /* relative to the largest value */

typedef struct Variant {
        const char *name;
        bool shared;
} Variant;

#define TINY (&(Variant) { "tiny", false })
#define XL (&(Variant) { "xl", false })
#define LCM (&(Variant) { "lcm", false })
#define LINEAR (&(Variant) { "linear", false })
#define GOLDEN_A (&(Variant) { "A", true })
#define GOLDEN_B (&(Variant) { "B", true })

static inline TestPath variant_path(const Variant *variant, const char *file)
{
        char name[256];
        (void)snprintf(name, sizeof name, "%s/%s/%s", variant->shared ? "goldens" : "nets", variant->name,
                       file);
        return variant->shared ? shared(name) : fixture(name);
}

static inline Weights *load_weights(const Variant *variant, const char *file)
{
        TestPath path = variant_path(variant, file);
        Weights *weights = NULL;
        Error error = {};

        if (weights_open(&weights, path.text, &error) < 0)
                fail_msg("%s", error.text);
        return weights;
}

/* A file of inputs and of the outputs that the reference implementation has for them, and what to compute one's own
 * with:
 *
 *     _cleanup_(reference_done) Reference r = reference_open(*state, "vae.safetensors", 2);
 *     Tensor z = load_picture(&r, "square/z"), wanted = load_picture(&r, "square/decoded"); */
typedef struct Reference {
        Safetensors *file;
        Compute c;
} Reference;

static inline Reference reference_open(const Variant *variant, const char *file, unsigned threads)
{
        TestPath path = variant_path(variant, file);
        return (Reference) { .file = load_safetensors(path.text), .c = compute_for_test(threads) };
}

static inline void reference_done(Reference *r)
{
        arena_free(r->c.arena);
        safetensors_free(r->file);
}

static inline const StoredTensor *stored(const Safetensors *file, const char *name)
{
        const StoredTensor *tensor = safetensors_find(file, name);
        if (!tensor)
                fail_msg("no tensor %s", name);
        return tensor;
}

/* A stored [n, c, h, w] as the [n, h, w, c] that the engine computes with. */
static inline Tensor load_picture(Reference *r, const char *name)
{
        const StoredTensor *t = stored(r->file, name);
        assert_int_equal(t->n_dims, 4);
        Tensor ret =
                        compute_tensor(&r->c, (uint32_t)t->shape[0], (uint32_t)t->shape[2],
                                       (uint32_t)t->shape[3], (uint32_t)t->shape[1]);
        _cleanup_(freep) float *values = load_floats(r->file, NULL, "%s", name);
        const size_t pixels = (size_t)ret.h * ret.w;

        assert_non_null(ret.data);
        for (size_t n = 0; n < ret.n; n++)
                for (size_t i = 0; i < pixels; i++)
                        for (size_t ch = 0; ch < ret.c; ch++)
                                ret.data[(n * pixels + i) * ret.c + ch] =
                                                values[(n * ret.c + ch) * pixels + i];
        return ret;
}

/* A stored [n, tokens, c]. */
static inline Tensor load_rows(Reference *r, const char *name)
{
        const StoredTensor *t = stored(r->file, name);
        assert_int_equal(t->n_dims, 3);
        Tensor ret = compute_tensor(
                        &r->c, (uint32_t)t->shape[0], 1, (uint32_t)t->shape[1], (uint32_t)t->shape[2]);

        assert_non_null(ret.data);
        stored_tensor_to_f32(t, ret.data);
        return ret;
}

static inline Tensor channels_of(Compute *c, const Tensor *x, uint32_t first, uint32_t n)
{
        Tensor ret = compute_tensor(c, x->n, x->h, x->w, n);

        assert_non_null(ret.data);
        for (size_t row = 0; row < tensor_rows(x); row++)
                memcpy(ret.data + row * n, x->data + row * x->c + first, n * sizeof(float));
        return ret;
}

static inline void assert_close(const Tensor *got, const Tensor *wanted, double tolerance, const char *what)
{
        assert_int_equal(got->n, wanted->n);
        assert_int_equal(got->h, wanted->h);
        assert_int_equal(got->w, wanted->w);
        assert_int_equal(got->c, wanted->c);

        double d = difference(got->data, wanted->data, tensor_elements(got));
        print_message("%s: %.1e\n", what, d);
        if (!(d <= tolerance))
                fail_msg("%s: off by %.2e of the largest value", what, d);
}

static inline UNet *load_unet(const Variant *variant)
{
        TestPath config_path = variant_path(variant, "model/unet/config.json");
        _cleanup_(weights_freep) Weights *weights =
                        load_weights(variant, "model/unet/diffusion_pytorch_model.safetensors");
        UNetConfig config;
        UNet *unet = NULL;
        Error error = {};

        if (unet_config_read(&config, config_path.text, &error) < 0 ||
            unet_new(&unet, &config, weights, PRECISION_F32, &error) < 0)
                fail_msg("%s", error.text);
        return unet;
}

static inline Vae *load_vae(const Variant *variant, const char *folder, VaeConfig *ret_config)
{
        char name[128];
        (void)snprintf(name, sizeof name, "%s/config.json", folder);
        TestPath config_path = variant_path(variant, name);
        (void)snprintf(name, sizeof name, "%s/diffusion_pytorch_model.safetensors", folder);
        _cleanup_(weights_freep) Weights *weights = load_weights(variant, name);
        Vae *vae = NULL;
        Error error = {};

        if (vae_config_read(ret_config, config_path.text, &error) < 0 ||
            vae_new(&vae, ret_config, weights, PRECISION_F32, &error) < 0 || vae_load_encoder(vae, weights, PRECISION_F32, &error) < 0)
                fail_msg("%s", error.text);
        return vae;
}

/* All that the file says about what the denoiser is told. */
static inline UNetConditions load_conditions(Reference *r)
{
        UNetConditions ret = { .text = load_rows(r, "encoder_hidden_states") };
        const StoredTensor *pooled = safetensors_find(r->file, "pooled");

        if (pooled) {
                ret.pooled = compute_tensor(&r->c, (uint32_t)pooled->shape[0], 1, 1, (uint32_t)pooled->shape[1]);
                stored_tensor_to_f32(pooled, ret.pooled.data);
                stored_tensor_to_f32(stored(r->file, "sizes"), ret.sizes);
        }
        if (safetensors_find(r->file, "guidance"))
                stored_tensor_to_f32(stored(r->file, "guidance"), &ret.guidance);
        return ret;
}
