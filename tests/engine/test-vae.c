/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/vae.h"
#include "tests/engine/nets.h"

static Vae *load_vae(const Variant *variant, const char *folder, VaeConfig *ret_config)
{
        char name[128];
        (void)snprintf(name, sizeof name, "%s/config.json", folder);
        TestPath config_path = variant_path(variant, name);
        (void)snprintf(name, sizeof name, "%s/diffusion_pytorch_model.safetensors", folder);
        _cleanup_(weights_freep) Weights *weights = load_weights(variant, name);
        Vae *vae = NULL;
        Error error = {};

        if (vae_config_read(ret_config, config_path.text, &error) < 0 ||
            vae_new(&vae, ret_config, weights, &error) < 0 || vae_load_encoder(vae, weights, &error) < 0)
                fail_msg("%s", error.text);
        return vae;
}

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

static Tensor channels_of(Compute *c, const Tensor *x, uint32_t first, uint32_t n)
{
        Tensor ret = compute_tensor(c, x->n, x->h, x->w, n);

        assert_non_null(ret.data);
        for (size_t row = 0; row < tensor_rows(x); row++)
                memcpy(ret.data + row * n, x->data + row * x->c + first, n * sizeof(float));
        return ret;
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
        assert_int_equal(vae_new(&vae, &config, weights, NULL), 0);
        latents = compute_tensor(&c, 1, 2, 2, config.latent_channels + 1);
        assert_int_equal(vae_decode(vae, &c, &latents, &got), -EINVAL);
        picture = compute_tensor(&c, 1, 1, 64, config.in_channels);
        assert_int_equal(vae_encode(vae, &c, &picture, &got), -ENODATA);
        assert_int_equal(vae_load_encoder(vae, weights, NULL), 0);
        assert_int_equal(vae_encode(vae, &c, &picture, &got), -EINVAL);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_reference, TINY),
                { "test_reference without attention and quant", test_reference, NULL, NULL, LINEAR },
                cmocka_unit_test_prestate(test_same_bits, TINY),
                cmocka_unit_test_prestate(test_bad_input, TINY),
                { "test_reference A", test_reference, NULL, NULL, GOLDEN_A },
                { "test_reference B", test_reference, NULL, NULL, GOLDEN_B },
                { "test_old_names B", test_old_names, NULL, NULL, GOLDEN_B },
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
