/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the networks share: PyTorch's order of axes, a Compute, and where the reference outputs
 * lie.
 *
 * A variant is a folder with text.safetensors, unet.safetensors, vae.safetensors and model/ in the Diffusers
 * layout: tests/fixtures/nets/NAME (made by tests/reference/make-nets.py), or ../shared/data/goldens/NAME
 * where that exists. */

#include "engine/tensor/compute.h"
#include "tests/engine/fixtures.h"

#define TOLERANCE 2e-5 /* relative to the largest value */

typedef struct Variant {
        const char *name;
        bool shared;
} Variant;

static inline TestPath variant_path(const Variant *variant, const char *file)
{
        char name[256];
        (void)snprintf(name, sizeof name, "%s/%s/%s", variant->shared ? "goldens" : "nets", variant->name,
                       file);
        return variant->shared ? shared(name) : fixture(name);
}

static inline Weights *load_weights(const char *path)
{
        Weights *weights = NULL;
        Error error = {};

        if (weights_open(&weights, path, &error) < 0)
                fail_msg("%s", error.text);
        return weights;
}

static inline Compute compute_for_test(unsigned threads)
{
        Compute c = { .threads = threads, .arena = arena_new(0) };
        assert_non_null(c.arena);
        return c;
}

static inline const StoredTensor *stored(const Safetensors *file, const char *name)
{
        const StoredTensor *tensor = safetensors_find(file, name);
        if (!tensor)
                fail_msg("no tensor %s", name);
        return tensor;
}

/* A stored [n, c, h, w] as the [n, h, w, c] that the engine computes with. */
static inline Tensor load_picture(Compute *c, const Safetensors *file, const char *name)
{
        const StoredTensor *t = stored(file, name);
        assert_int_equal(t->n_dims, 4);
        Tensor ret =
                        compute_tensor(c, (uint32_t)t->shape[0], (uint32_t)t->shape[2],
                                       (uint32_t)t->shape[3], (uint32_t)t->shape[1]);
        _cleanup_(freep) float *values = load_floats(file, NULL, "%s", name);
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
static inline Tensor load_rows(Compute *c, const Safetensors *file, const char *name)
{
        const StoredTensor *t = stored(file, name);
        assert_int_equal(t->n_dims, 3);
        Tensor ret = compute_tensor(
                        c, (uint32_t)t->shape[0], 1, (uint32_t)t->shape[1], (uint32_t)t->shape[2]);

        assert_non_null(ret.data);
        stored_tensor_to_f32(t, ret.data);
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
