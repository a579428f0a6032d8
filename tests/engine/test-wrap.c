/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that go on at their opposite sides: the networks against PyTorch's circular padding, and no seams. */

#include "engine/denoise/unet.h"
#include "engine/image/vae.h"
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

static UNet *open_unet(const Variant *variant)
{
        TestPath path = variant_path(variant, "model/unet/config.json");
        _cleanup_(weights_freep) Weights *weights = load_weights(variant, "model/unet/diffusion_pytorch_model.safetensors");
        UNetConfig config;
        UNet *unet = NULL;
        Error error = {};

        if (unet_config_read(&config, path.text, &error) < 0 || unet_new(&unet, &config, weights, PRECISION_F32, &error) < 0)
                fail_msg("%s", error.text);
        return unet;
}

static Vae *open_vae(const Variant *variant)
{
        TestPath path = variant_path(variant, "model/vae/config.json");
        _cleanup_(weights_freep) Weights *weights = load_weights(variant, "model/vae/diffusion_pytorch_model.safetensors");
        VaeConfig config;
        Vae *vae = NULL;
        Error error = {};

        if (vae_config_read(&config, path.text, &error) < 0 || vae_new(&vae, &config, weights, PRECISION_F32, &error) < 0 ||
            vae_load_encoder(vae, weights, PRECISION_F32, &error) < 0)
                fail_msg("%s", error.text);
        return vae;
}

static UNetConditions conditions_of(Reference *r)
{
        UNetConditions ret = { .text = load_rows(r, "encoder_hidden_states") };
        const StoredTensor *pooled = safetensors_find(r->file, "pooled");

        if (pooled) {
                ret.pooled = compute_tensor(&r->c, (uint32_t)pooled->shape[0], 1, 1, (uint32_t)pooled->shape[1]);
                stored_tensor_to_f32(pooled, ret.pooled.data);
                stored_tensor_to_f32(stored(r->file, "sizes"), ret.sizes);
        }
        return ret;
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
        _cleanup_(unet_freep) UNet *unet = open_unet(*state);
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        const UNetConditions conditions = conditions_of(&inputs);
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
        _cleanup_(vae_freep) Vae *vae = open_vae(*state);
        char name[64];

        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                Tensor z = load_picture(&inputs, "wide/z"), image = load_picture(&inputs, "wide/image"), got, moments;

                wrap(&inputs.c, i);
                assert_int_equal(vae_decode(vae, &inputs.c, &z, &got), 0);
                Tensor wanted = wanted_of(&wrapped, i, "decoded", name);
                assert_close(&got, &wanted, TOLERANCE, name);

                assert_int_equal(vae_encode(vae, &inputs.c, &image, &moments), 0);
                wanted = wanted_of(&wrapped, i, "mean", name);
                Tensor mean = compute_tensor(&inputs.c, moments.n, moments.h, moments.w, wanted.c);
                for (size_t row = 0; row < tensor_rows(&mean); row++)
                        memcpy(mean.data + row * mean.c, moments.data + row * moments.c, mean.c * sizeof(float));
                assert_close(&mean, &wanted, TOLERANCE, name);
        }
}

/* The picture moved around its ring. */
static Tensor rolled(Compute *c, const Tensor *t, uint32_t dy, uint32_t dx)
{
        Tensor ret = compute_tensor(c, t->n, t->h, t->w, t->c);

        for (size_t y = 0; y < t->h; y++)
                for (size_t x = 0; x < t->w; x++)
                        memcpy(ret.data + (((y + dy) % t->h) * t->w + (x + dx) % t->w) * t->c,
                               t->data + (y * t->w + x) * t->c, t->c * sizeof(float));
        return ret;
}

/* No place on the ring is different from the others: latents that are moved make the same picture, moved; in tiles too, if
 * they are moved from one tile to the next. Without wrapping they do not. */
static void test_no_seam(void **state)
{
        _cleanup_(vae_freep) Vae *vae = open_vae(*state);
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
        _cleanup_(vae_freep) Vae *vae = open_vae(*state);
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
