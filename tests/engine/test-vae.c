/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/vae.h"
#include "engine/kernels/blas.h"
#include "tests/engine/nets.h"

static Vae *load_vae(const Variant *variant, const char *folder, VaeConfig *ret_config)
{
        char name[128];
        (void)snprintf(name, sizeof name, "%s/config.json", folder);
        TestPath config_path = variant_path(variant, name);
        (void)snprintf(name, sizeof name, "%s/diffusion_pytorch_model.safetensors", folder);
        TestPath weights_path = variant_path(variant, name);
        _cleanup_(weights_freep) Weights *weights = load_weights(weights_path.text);
        Vae *vae = NULL;
        Error error = {};

        if (vae_config_read(ret_config, config_path.text, &error) < 0 ||
            vae_new(&vae, ret_config, weights, &error) < 0 || vae_load_encoder(vae, weights, &error) < 0)
                fail_msg("%s", error.text);
        return vae;
}

static void compare_decode(const Vae *vae, Compute *c, const Safetensors *file, const char *shape)
{
        char name[64];
        Tensor got;

        (void)snprintf(name, sizeof name, "%s/z", shape);
        Tensor z = load_picture(c, file, name);
        (void)snprintf(name, sizeof name, "%s/decoded", shape);
        Tensor wanted = load_picture(c, file, name);
        assert_int_equal(vae_decode(vae, c, &z, &got), 0);
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

static void compare_encode(const Vae *vae, Compute *c, const Safetensors *file, const char *shape)
{
        char name[64];
        Tensor got;

        (void)snprintf(name, sizeof name, "%s/image", shape);
        Tensor image = load_picture(c, file, name);
        assert_int_equal(vae_encode(vae, c, &image, &got), 0);

        static const char *const halves[] = { "mean", "logvar" };
        for (uint32_t i = 0; i < 2; i++) {
                (void)snprintf(name, sizeof name, "%s/%s", shape, halves[i]);
                Tensor wanted = load_picture(c, file, name),
                       half = channels_of(c, &got, i * wanted.c, wanted.c);
                assert_close(&half, &wanted, TOLERANCE, name);
        }
}

static void compare(const Variant *variant, const char *folder)
{
        TestPath path = variant_path(variant, "vae.safetensors");
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(variant, folder, &config);
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path.text);
        Compute c = compute_for_test(2);

        compare_decode(vae, &c, file, "square");
        compare_decode(vae, &c, file, "wide");
        compare_encode(vae, &c, file, "square");
        compare_encode(vae, &c, file, "wide");
        arena_free(c.arena);
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
        TestPath path = variant_path(*state, "vae.safetensors");
        VaeConfig config;
        _cleanup_(vae_freep) Vae *vae = load_vae(*state, "model/vae", &config);
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path.text);
        Compute c = compute_for_test(1);
        Tensor z = load_picture(&c, file, "wide/z"), one, got;

        assert_int_equal(vae_decode(vae, &c, &z, &one), 0);
        for (c.threads = 2; c.threads <= 3; c.threads++) {
                assert_int_equal(vae_decode(vae, &c, &z, &got), 0);
                assert_memory_equal(got.data, one.data, tensor_elements(&one) * sizeof(float));
        }
        arena_free(c.arena);
}

static void test_bad_input(void **state)
{
        TestPath config_path = variant_path(*state, "model/vae/config.json");
        TestPath weights_path = variant_path(*state, "model/vae/diffusion_pytorch_model.safetensors");
        _cleanup_(weights_freep) Weights *weights = load_weights(weights_path.text);
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
        static Variant tiny = { "tiny", false }, linear = { "linear", false }, a = { "A", true },
                       b = { "B", true };
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_reference, &tiny),
                { "test_reference without attention and quant", test_reference, NULL, NULL, &linear },
                cmocka_unit_test_prestate(test_same_bits, &tiny),
                cmocka_unit_test_prestate(test_bad_input, &tiny),
                { "test_reference A", test_reference, NULL, NULL, &a },
                { "test_reference B", test_reference, NULL, NULL, &b },
                { "test_old_names B", test_old_names, NULL, NULL, &b },
        };

        (void)argc;
        if (blas_ensure_core(argv) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
