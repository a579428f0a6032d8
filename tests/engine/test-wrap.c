/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that go on at their opposite sides: the networks against PyTorch's circular padding, and no seams. */

#include "engine/image/vae_tiles.h"
#include "tests/engine/nets.h"
#include "tests/engine/numbers.h"

static const struct {
        const char *name;
        bool x, y;
} sides[] = { { "x", true, false }, { "y", false, true }, { "xy", true, true } };

static void wrap(Compute *c, size_t i)
{
        c->wrap_x = sides[i].x;
        c->wrap_y = sides[i].y;
}

static Tensor wanted_of(Reference *r, size_t i, const char *what, char name[static 64])
{
        (void)snprintf(name, 64, "%s/%s", sides[i].name, what);
        return load_picture(r, name);
}

static void test_unet(void **state)
{
        _cleanup_(reference_done) Reference inputs = reference_open(*state, "unet.safetensors", 2),
                                            wrapped = reference_open(*state, "wrapped.safetensors", 1);
        _cleanup_(unet_freep) UNet *unet = load_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        const UNetConditions conditions = load_conditions(&inputs);
        static const char *const shapes[] = { "odd", "square" };
        char name[64], what[32];

        assert_int_equal(unet_context_new(&context, unet, &inputs.c, &conditions), 0);
        for (size_t i = 0; i < ELEMENTSOF(sides) * ELEMENTSOF(shapes); i++) {
                (void)snprintf(name, sizeof name, "%s/sample", shapes[i % 2]);
                Tensor sample = load_picture(&inputs, name), got;
                (void)snprintf(what, sizeof what, "%s/unet", shapes[i % 2]);
                Tensor wanted = wanted_of(&wrapped, i / 2, what, name);

                wrap(&inputs.c, i / 2);
                assert_int_equal(unet_forward(unet, &inputs.c, context, &sample, 500, &got), 0);
                assert_close(&got, &wanted, TOLERANCE, name);
        }
}

static void test_vae(void **state)
{
        _cleanup_(reference_done) Reference inputs = reference_open(*state, "vae.safetensors", 2),
                                            wrapped = reference_open(*state, "wrapped.safetensors", 1);
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        char name[64];

        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                Tensor z = load_picture(&inputs, "wide/z"), image = load_picture(&inputs, "wide/image"), got, moments;

                wrap(&inputs.c, i);
                assert_int_equal(vae_decode(vae, &inputs.c, &z, &got), 0);
                Tensor wanted = wanted_of(&wrapped, i, "decoded", name);
                assert_close(&got, &wanted, TOLERANCE, name);

                assert_int_equal(vae_encode(vae, &inputs.c, &image, &moments), 0);
                wanted = wanted_of(&wrapped, i, "mean", name);
                Tensor mean = channels_of(&inputs.c, &moments, 0, wanted.c);
                assert_close(&mean, &wanted, TOLERANCE, name);
        }
}

/* No place on the ring is different from the others: latents that are moved make the same picture, moved; in tiles too, if
 * they are moved from one tile to the next. Without wrapping they do not. */
static void test_no_seam(void **state)
{
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        Compute c = compute_for_test(2);
        Tensor z = random_tensor(&c, 1, 12, 24, 4, 11), moved = rolled(&c, &z, 4, 8), whole, other, edges;

        for (int tiles = 0; tiles < 2; tiles++) {
                c.wrap_x = c.wrap_y = true;
                assert_int_equal(tiles ? vae_decode_tiles(vae, &c, &z, 6, 2, &whole) : vae_decode(vae, &c, &z, &whole), 0);
                assert_int_equal(tiles ? vae_decode_tiles(vae, &c, &moved, 6, 2, &other) : vae_decode(vae, &c, &moved, &other),
                                 0);
                Tensor wanted = rolled(&c, &whole, 4 * whole.h / z.h, 8 * whole.w / z.w);
                assert_close(&other, &wanted, TOLERANCE, tiles ? "moved by tiles" : "moved");

                c.wrap_x = c.wrap_y = false;
                assert_int_equal(tiles ? vae_decode_tiles(vae, &c, &moved, 6, 2, &edges) : vae_decode(vae, &c, &moved, &edges),
                                 0);
                assert_true(difference(edges.data, wanted.data, tensor_elements(&wanted)) > 0.01);
        }
        arena_free(c.arena);
}

/* A ring that is as long as a tile is decoded at once, and the other side in tiles. */
static void test_one_tile_around(void **state)
{
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        Compute c = compute_for_test(2);
        Tensor z = random_tensor(&c, 1, 6, 24, 4, 11), moved = rolled(&c, &z, 1, 0), whole, other;

        c.wrap_y = true;
        assert_int_equal(vae_decode_tiles(vae, &c, &z, 8, 2, &whole), 0);
        assert_int_equal(vae_decode_tiles(vae, &c, &moved, 8, 2, &other), 0);
        Tensor wanted = rolled(&c, &whole, whole.h / z.h, 0);
        assert_close(&other, &wanted, TOLERANCE, "moved around one tile");
        assert_true(c.wrap_y && !c.wrap_x);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_unet, TINY),
                { "test_unet with linear projection", test_unet, NULL, NULL, LINEAR },
                { "test_unet with added conditioning", test_unet, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_vae, TINY),
                { "test_vae with three levels", test_vae, NULL, NULL, LINEAR },
                { "test_vae of TAESD's kind", test_vae, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_no_seam, TINY),
                { "test_no_seam of TAESD's kind", test_no_seam, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_one_tile_around, TINY),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
