/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What trades accuracy for time in the denoiser: tokens taken together, deep features used again. */

#include "engine/denoise/token_merging.h"
#include "tests/engine/nets.h"

/* A denoiser with room for what its deep layers make of the sample. */
typedef struct Denoiser { /* denoiser_done() */
        Reference r;
        UNet *unet;
        UNetContext *context;
        Tensor sample, next, deep;
} Denoiser;

static Denoiser denoiser_open(const Variant *variant, const char *size, unsigned threads)
{
        Denoiser d = { .r = reference_open(variant, "unet.safetensors", threads), .unet = load_unet(variant) };
        TestPath path = variant_path(variant, "shortcuts.safetensors");
        const UNetConditions conditions = load_conditions(&d.r);
        char name[32];

        assert_int_equal(unet_context_new(&d.context, d.unet, &d.r.c, &conditions), 0);
        (void)snprintf(name, sizeof name, "%s/sample", size);
        d.sample = load_picture(&d.r, name);
        safetensors_free(d.r.file);
        d.r.file = load_safetensors(path.text);
        (void)snprintf(name, sizeof name, "%s/next", size);
        d.next = load_picture(&d.r, name);
        d.deep = compute_tensor(&d.r.c, d.sample.n, d.sample.h, d.sample.w, unet_deep_channels(d.unet));
        return d;
}

static void denoiser_done(Denoiser *d)
{
        (void)unet_context_free(d->context);
        (void)unet_free(d->unet);
        reference_done(&d->r);
}

static Tensor forward(Denoiser *d, const UNetShortcuts *shortcuts, const Tensor *x, float timestep)
{
        Tensor ret;

        assert_int_equal(unet_forward_short(d->unet, &d->r.c, d->context, shortcuts, x, timestep, &ret), 0);
        return ret;
}

static void assert_equal(const Tensor *got, const Tensor *wanted)
{
        assert_memory_equal(got->data, wanted->data, tensor_elements(wanted) * sizeof(float));
}

static const char *const sizes[] = { "square", "odd" };

static void test_merged(void **state)
{
        static const double shares[] = { 0.3, 0.75 };

        for (size_t i = 0; i < ELEMENTSOF(sizes) * ELEMENTSOF(shares); i++) {
                _cleanup_(denoiser_done) Denoiser d = denoiser_open(*state, sizes[i / 2], 2);
                char name[32];
                (void)snprintf(name, sizeof name, "%s/merged_%g", sizes[i / 2], shares[i % 2]);
                Tensor wanted = load_picture(&d.r, name);
                Tensor got = forward(&d, &(UNetShortcuts) { .merge_tokens = shares[i % 2] }, &d.sample, 500);

                assert_close(&got, &wanted, TOLERANCE, name);
        }
}

/* The pass that keeps deep features is a plain one, and the one that uses them is that of the reference. */
static void test_reused(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(denoiser_done) Denoiser d = denoiser_open(*state, sizes[i], 2);
                char name[32];
                (void)snprintf(name, sizeof name, "%s/reused", sizes[i]);
                Tensor wanted = load_picture(&d.r, name), plain = forward(&d, &(UNetShortcuts) {}, &d.sample, 500);
                Tensor kept = forward(&d, &(UNetShortcuts) { .deep = &d.deep }, &d.sample, 500);
                d.r.c.flops = 0;
                Tensor same = forward(&d, &(UNetShortcuts) { .deep = &d.deep, .reuse = true }, &d.sample, 500);
                const double flops = d.r.c.flops;
                Tensor got = forward(&d, &(UNetShortcuts) { .deep = &d.deep, .reuse = true }, &d.next, 450);

                assert_equal(&kept, &plain);
                assert_equal(&same, &plain); /* of the same input nothing is lost */
                assert_close(&got, &wanted, TOLERANCE, name);
                d.r.c.flops = 0;
                (void)forward(&d, &(UNetShortcuts) {}, &d.next, 450);
                assert_true(flops < 0.7 * d.r.c.flops);
        }
}

/* The bits depend neither on the threads nor on what else is in the batch. */
static void test_same_bits(void **state)
{
        _cleanup_(denoiser_done) Denoiser d = denoiser_open(*state, "odd", 1);
        _cleanup_(unet_context_freep) UNetContext *last = NULL;
        const UNetShortcuts merge = { .merge_tokens = 0.5, .deep = &d.deep },
                            reuse = { .merge_tokens = 0.5, .deep = &d.deep, .reuse = true };
        Tensor merged = forward(&d, &merge, &d.sample, 500), reused = forward(&d, &reuse, &d.next, 450);

        for (d.r.c.threads = 2; d.r.c.threads <= 4; d.r.c.threads++) {
                Tensor again = forward(&d, &merge, &d.sample, 500), reused_again = forward(&d, &reuse, &d.next, 450);
                assert_equal(&again, &merged);
                assert_equal(&reused_again, &reused);
        }
        assert_int_equal(unet_context_last(&last, d.context), 0);
        const Tensor sample = tensor_picture(&d.sample, 1), next = tensor_picture(&d.next, 1);
        const Tensor wanted = tensor_picture(&merged, 1), wanted_next = tensor_picture(&reused, 1);
        Tensor deep = d.deep, got;
        deep.n = 1;
        const UNetShortcuts one = { .merge_tokens = 0.5, .deep = &deep },
                            one_reuse = { .merge_tokens = 0.5, .deep = &deep, .reuse = true };
        assert_int_equal(unet_forward_short(d.unet, &d.r.c, last, &one, &sample, 500, &got), 0);
        assert_equal(&got, &wanted);
        assert_int_equal(unet_forward_short(d.unet, &d.r.c, last, &one_reuse, &next, 450, &got), 0);
        assert_equal(&got, &wanted_next);
}

static void test_bad_shortcuts(void **state)
{
        _cleanup_(denoiser_done) Denoiser d = denoiser_open(*state, "odd", 1);
        Tensor narrow = d.deep, one = tensor_picture(&d.deep, 0), ret;
        narrow.c--;
        const UNetShortcuts bad[] = {
                { .reuse = true },
                { .deep = &narrow },
                { .deep = &one },
                { .merge_tokens = 0.8 },
                { .merge_tokens = -0.1 },
                { .merge_tokens = NAN },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(unet_forward_short(d.unet, &d.r.c, d.context, &bad[i], &d.sample, 500, &ret), -EINVAL);
}

/* Tokens that are the same are taken together, and each gets back what its group has. */
static void test_map(void **state)
{
        (void)state;
        Compute c = compute_for_test(2);
        Tensor x = compute_tensor(&c, 1, 3, 5, 2), few, same = compute_tensor(&c, 1, 3, 5, 2);

        for (uint32_t i = 0; i < 15; i++) {
                const uint32_t cell = i / 5 / 2 * 3 + i % 5 / 2;
                x.data[2 * i] = cosf((float)cell);
                x.data[2 * i + 1] = sinf((float)cell);
        }
        const TokenMap map = token_map(&c, &x, TOKENS_MERGED_MAX);
        assert_int_equal(map.tokens, 15);
        assert_int_equal(map.kept, 6); /* more than a quarter, since sides are odd */
        for (uint32_t i = 0; i < 15; i++)
                assert_int_equal(map.to[i], i / 5 / 2 * 3 + i % 5 / 2);
        few = compute_tensor(&c, 1, 1, map.kept, 2);
        tokens_merge(&c, &map, &x, &few);
        memset(same.data, 0, tensor_elements(&same) * sizeof(float));
        tokens_add(&c, &map, &few, &same);
        assert_true(difference(same.data, (const float *)x.data, 30) < 1e-6);

        const TokenMap none = token_map(&c, &x, 0);
        assert_int_equal(none.kept, 15);
        for (uint32_t i = 0; i < 15; i++)
                assert_int_equal(none.to[i], i);
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

/* Where likeness is equal, or there is none (zeros, what is no number), the earlier tokens go. */
static void test_ties(void **state)
{
        (void)state;
        Compute c = compute_for_test(1);
        Tensor x = compute_tensor(&c, 2, 4, 4, 3);

        for (size_t i = 0; i < tensor_elements(&x); i++)
                x.data[i] = i < tensor_elements(&x) / 2 ? 0 : NAN;
        const TokenMap map = token_map(&c, &x, 0.25);
        assert_int_equal(map.kept, 12);
        for (uint32_t n = 0; n < 2; n++)
                for (uint32_t i = 0; i < 16; i++)
                        assert_true(map.to[n * 16 + i] < 12);
        assert_memory_equal(map.to, map.to + 16, 16 * sizeof *map.to);
        assert_int_equal(map.to[1], 0);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_map),
                cmocka_unit_test(test_ties),
                { "test_merged", test_merged, NULL, NULL, TINY },
                { "test_merged at the first level", test_merged, NULL, NULL, LINEAR },
                { "test_merged with added conditioning", test_merged, NULL, NULL, XL },
                { "test_reused", test_reused, NULL, NULL, TINY },
                { "test_reused with attention", test_reused, NULL, NULL, LINEAR },
                { "test_reused with added conditioning", test_reused, NULL, NULL, XL },
                { "test_same_bits", test_same_bits, NULL, NULL, TINY },
                { "test_same_bits with attention at the first level", test_same_bits, NULL, NULL, LINEAR },
                cmocka_unit_test_prestate(test_bad_shortcuts, TINY),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
