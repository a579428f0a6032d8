/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/vae_tiles.h"
#include "tests/engine/nets.h"
#include "tests/engine/numbers.h"

static void compare_decode(const Vae *vae, Reference *r, const char *shape)
{
        char name[64];
        Tensor got;

        (void)snprintf(name, sizeof name, "%s/z", shape);
        Tensor z = load_picture(r, name);
        (void)snprintf(name, sizeof name, "%s/decoded", shape);
        Tensor wanted = load_picture(r, name);
        assert_int_equal(vae_decode(vae, &r->c, &z, &got), 0);
        assert_close(&got, &wanted, TOLERANCE, name);
}

static void compare_encode(const Vae *vae, Reference *r, const char *shape)
{
        char name[64];
        Tensor got;

        (void)snprintf(name, sizeof name, "%s/image", shape);
        Tensor image = load_picture(r, name);
        assert_int_equal(vae_encode(vae, &r->c, &image, &got), 0);

        static const char *const halves[] = { "mean", "logvar" };
        for (uint32_t i = 0; i < 2; i++) {
                (void)snprintf(name, sizeof name, "%s/%s", shape, halves[i]);
                Tensor wanted = load_picture(r, name),
                       half = channels_of(&r->c, &got, i * wanted.c, wanted.c);
                assert_close(&half, &wanted, TOLERANCE, name);
        }
}

static void compare(const Variant *variant, const char *folder)
{
        _cleanup_(reference_done) Reference r = reference_open(variant, "vae.safetensors", 2);
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(variant, folder, &config);

        compare_decode(vae, &r, "square");
        compare_decode(vae, &r, "wide");
        compare_encode(vae, &r, "square");
        compare_encode(vae, &r, "wide");
}

static void test_reference(void **state)
{
        compare(*state, "model/vae");
}

static void test_old_names(void **state)
{
        compare(*state, "vae_old_names");
}

static void test_same_bits(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "vae.safetensors", 1);
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        Tensor z = load_picture(&r, "wide/z"), one, got;

        assert_int_equal(vae_decode(vae, &r.c, &z, &one), 0);
        for (r.c.threads = 2; r.c.threads <= 3; r.c.threads++) {
                assert_int_equal(vae_decode(vae, &r.c, &z, &got), 0);
                assert_memory_equal(got.data, one.data, tensor_elements(&one) * sizeof(float));
        }
}

/* The columns of a picture from `first` on. */
static Tensor columns_of(Compute *c, const Tensor *x, uint32_t first, uint32_t n)
{
        Tensor ret = compute_tensor(c, x->n, x->h, n, x->c);

        for (size_t row = 0; row < (size_t)x->n * x->h; row++)
                memcpy(ret.data + row * n * x->c, x->data + (row * x->w + first) * x->c,
                       (size_t)n * x->c * sizeof(float));
        return ret;
}

/* Where one tile stands alone it is what it would be by itself; where two overlap, one fades into the other. */
static void test_tiles(void **state)
{
        enum { TILE = 10, OVERLAP = 4, SIDE = 2 * TILE - OVERLAP };
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        const uint32_t factor = vae_factor(&config), ramp = OVERLAP * factor, alone = (TILE - OVERLAP) * factor;
        Compute c = compute_for_test(2);
        Numbers numbers = { 1 };
        Tensor z = compute_tensor(&c, 2, TILE - 3, SIDE, config.latent_channels), got, left, right, whole;

        for (size_t i = 0; i < tensor_elements(&z); i++)
                z.data[i] = number(&numbers);
        Tensor left_z = columns_of(&c, &z, 0, TILE), right_z = columns_of(&c, &z, SIDE - TILE, TILE);
        assert_int_equal(vae_decode_tiles(vae, &c, &z, TILE, OVERLAP, &got), 0);
        assert_int_equal(vae_decode(vae, &c, &left_z, &left), 0);
        assert_int_equal(vae_decode(vae, &c, &right_z, &right), 0);

        Tensor a = columns_of(&c, &got, 0, alone), b = columns_of(&c, &left, 0, alone);
        assert_same(&a, &b);
        a = columns_of(&c, &got, alone + ramp, alone);
        b = columns_of(&c, &right, ramp, alone);
        assert_same(&a, &b);

        Tensor middle = columns_of(&c, &got, alone, ramp), from = columns_of(&c, &left, alone, ramp),
               to = columns_of(&c, &right, 0, ramp);
        for (size_t i = 0; i < tensor_elements(&middle); i++) {
                double t = ((double)(i / middle.c % ramp) + 0.5) / ramp;
                assert_near((double)middle.data[i], (1 - t) * (double)from.data[i] + t * (double)to.data[i], 1e-5);
        }

        /* One tile is the whole, bit for bit; and small latents are decoded so. */
        assert_int_equal(vae_decode(vae, &c, &z, &whole), 0);
        assert_int_equal(vae_decode_tiles(vae, &c, &z, SIDE, OVERLAP, &got), 0);
        assert_same(&got, &whole);
        assert_int_equal(vae_decode_any(vae, &c, &z, &got), 0);
        assert_same(&got, &whole);
        assert_int_equal(vae_decode_tiles(vae, &c, &z, 4, 4, &got), -EINVAL);
        arena_free(c.arena);
}

/* Any size, cut in both directions: of parts that all have the same colour, the whole has it too. */
static void test_tiles_cover(void **state)
{
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        Compute c = compute_for_test(2);

        for (uint32_t side = 1; side < 40; side += 3) {
                ArenaMark mark = arena_mark(c.arena);
                Tensor z = compute_tensor(&c, 1, side, 41 - side, config.latent_channels), got, one;
                memset(z.data, 0, tensor_elements(&z) * sizeof(float));
                assert_int_equal(vae_decode_tiles(vae, &c, &z, 13, 5, &got), 0);
                assert_int_equal(vae_decode(vae, &c, &z, &one), 0);
                assert_int_equal(got.h, one.h);
                assert_int_equal(got.w, one.w);
                for (size_t i = 0; i < tensor_elements(&got); i++)
                        assert_true(isfinite(got.data[i]));
                arena_release(c.arena, mark);
        }
        arena_free(c.arena);
}

static void test_bad_input(void **state)
{
        TestPath config_path = variant_path(*state, "model/vae/config.json");
        _cleanup_(weights_freep) Weights *weights =
                        load_weights(*state, "model/vae/diffusion_pytorch_model.safetensors");
        _cleanup_(vae_freep) Vae *vae = NULL;
        VaeConfig config;
        Compute c = compute_for_test(1);
        Tensor got, latents, picture;

        assert_int_equal(vae_config_read(&config, config_path.text, NULL), 0);
        assert_int_equal(vae_new(&vae, &config, weights, PRECISION_F32, NULL), 0);
        latents = compute_tensor(&c, 1, 2, 2, config.latent_channels + 1);
        assert_int_equal(vae_decode(vae, &c, &latents, &got), -EINVAL);
        picture = compute_tensor(&c, 1, 1, 64, config.in_channels);
        assert_int_equal(vae_encode(vae, &c, &picture, &got), -ENODATA);
        assert_int_equal(vae_load_encoder(vae, weights, PRECISION_F32, NULL), 0);
        assert_int_equal(vae_encode(vae, &c, &picture, &got), -EINVAL);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_reference, TINY),
                { "test_reference without attention and quant", test_reference, NULL, NULL, LINEAR },
                { "test_reference of the tiny kind", test_reference, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_tiles, TINY),
                cmocka_unit_test_prestate(test_tiles_cover, XL),
                cmocka_unit_test_prestate(test_same_bits, TINY),
                { "test_same_bits of the tiny kind", test_same_bits, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_bad_input, TINY),
                { "test_bad_input of the tiny kind", test_bad_input, NULL, NULL, XL },
                { "test_reference A", test_reference, NULL, NULL, GOLDEN_A },
                { "test_reference B", test_reference, NULL, NULL, GOLDEN_B },
                { "test_old_names B", test_old_names, NULL, NULL, GOLDEN_B },
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
