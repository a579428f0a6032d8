/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/text/text_encoder.h"
#include "tests/engine/nets.h"

static const TextWish ordinary = {};

/* Stored ids are 64 bits wide. */
static uint32_t *load_ids(const Safetensors *file, uint32_t *ret_n, uint32_t *ret_length)
{
        const StoredTensor *ids = stored(file, "ids");
        uint32_t *ret = calloc(ids->n_elements, sizeof *ret);

        assert_int_equal(ids->dtype, DTYPE_I64);
        assert_int_equal(ids->n_dims, 2);
        assert_non_null(ret);
        for (size_t i = 0; i < ids->n_elements; i++) {
                int64_t id;
                memcpy(&id, (const char *)ids->data + i * sizeof id, sizeof id);
                ret[i] = (uint32_t)id;
        }
        *ret_n = (uint32_t)ids->shape[0];
        *ret_length = (uint32_t)ids->shape[1];
        return ret;
}

static TextEncoder *load_encoder(const Variant *variant, TextEncoderConfig *ret_config)
{
        TestPath config_path = variant_path(variant, "model/text_encoder/config.json");
        _cleanup_(weights_freep) Weights *weights = load_weights(variant, "model/text_encoder/model.safetensors");
        TextEncoder *encoder = NULL;
        Error error = {};

        if (text_encoder_config_read(ret_config, config_path.text, &error) < 0 ||
            text_encoder_new(&encoder, ret_config, weights, PRECISION_F32, &error) < 0)
                fail_msg("%s", error.text);
        return encoder;
}

static void test_reference(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "text.safetensors", 2);
        TextEncoderConfig config;
        _cleanup_(text_encoder_freep) TextEncoder *encoder = load_encoder(*state, &config);
        uint32_t n, length;
        _cleanup_(freep) uint32_t *ids = load_ids(r.file, &n, &length);
        Tensor got, wanted = load_rows(&r, "last_hidden_state");

        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &ordinary, &got, NULL), 0);
        assert_close(&got, &wanted, TOLERANCE, "last_hidden_state");
}

static void compare_rows(Reference *r, const char *name, const Tensor *got)
{
        Tensor wanted = load_rows(r, name);
        assert_close(got, &wanted, TOLERANCE, name);
}

/* Layers left out at the end, with and without the norm, and the pooled output beside them. */
static void test_wishes(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "text.safetensors", 2);
        TextEncoderConfig config;
        _cleanup_(text_encoder_freep) TextEncoder *encoder = load_encoder(*state, &config);
        uint32_t n, length;
        _cleanup_(freep) uint32_t *ids = load_ids(r.file, &n, &length);
        const TextWish xl = { .skip = 1, .plain = true, .pooled = true }, skip = { .skip = 1 },
                       pooled = { .pooled = true };
        const StoredTensor *stored_pooled = stored(r.file, "pooled");
        Tensor got, got_pooled, wanted = compute_tensor(&r.c, n, 1, 1, (uint32_t)stored_pooled->shape[1]);

        stored_tensor_to_f32(stored_pooled, wanted.data);
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &skip, &got, NULL), 0);
        compare_rows(&r, "skip1_normed", &got);
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &xl, &got, &got_pooled), 0);
        compare_rows(&r, "penultimate", &got);
        assert_close(&got_pooled, &wanted, TOLERANCE, "pooled");
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &pooled, &got, &got_pooled), 0);
        compare_rows(&r, "last_hidden_state", &got);
        assert_close(&got_pooled, &wanted, TOLERANCE, "pooled");
}

/* Each of diffusers' hidden states, and its clip skip. */
static void test_layers(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "text.safetensors", 2);
        TextEncoderConfig config;
        _cleanup_(text_encoder_freep) TextEncoder *encoder = load_encoder(*state, &config);
        uint32_t n, length;
        _cleanup_(freep) uint32_t *ids = load_ids(r.file, &n, &length);
        _cleanup_(freep) float *states = load_floats(r.file, NULL, "hidden_states");
        Tensor got;

        for (uint32_t skip = 0; skip < config.n_layers; skip++) {
                const TextWish plain = { .skip = skip, .plain = true };
                assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &plain, &got, NULL), 0);
                Tensor wanted = got;
                wanted.data = states + (config.n_layers - skip) * tensor_elements(&got);
                assert_close(&got, &wanted, TOLERANCE, "hidden state");
        }
        const TextWish skip = { .skip = 1 }, pooled = { .pooled = true };
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &skip, &got, NULL), 0);
        compare_rows(&r, "clip_skip2_normed", &got);
        assert_int_equal(text_encoder_pooled_width(encoder), 0);
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &pooled, &got, &got), -EINVAL);
}

/* A text's embeddings are its own, whatever stands beside it in the batch. */
static void test_batch_is_independent(void **state)
{
        _cleanup_(reference_done) Reference r = reference_open(*state, "text.safetensors", 2);
        TextEncoderConfig config;
        _cleanup_(text_encoder_freep) TextEncoder *encoder = load_encoder(*state, &config);
        uint32_t n, length;
        _cleanup_(freep) uint32_t *ids = load_ids(r.file, &n, &length);
        Tensor all, one;

        assert_true(n >= 2);
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &ordinary, &all, NULL), 0);
        for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(text_encoder_forward(encoder, &r.c, ids + i * length, 1, length, &ordinary, &one, NULL), 0);
                assert_memory_equal(
                                one.data, all.data + i * tensor_elements(&one),
                                tensor_elements(&one) * sizeof(float));
        }
}

static void test_bad_ids(void **state)
{
        TextEncoderConfig config;
        _cleanup_(text_encoder_freep) TextEncoder *encoder = load_encoder(*state, &config);
        Compute c = compute_for_test(1);
        Tensor ret = { .n = 99 };
        uint32_t ids[128] = {};

        ids[3] = config.vocab_size;
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 8, &ordinary, &ret, NULL), -EINVAL);
        ids[3] = UINT32_MAX;
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 8, &ordinary, &ret, NULL), -EINVAL);
        ids[3] = config.vocab_size - 1;
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, config.max_positions + 1, &ordinary, &ret, NULL), -EINVAL);
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 0, &ordinary, &ret, NULL), -EINVAL);
        assert_int_equal(ret.n, 99);
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 8, &ordinary, &ret, NULL), 0);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_reference, TINY),
                { "test_reference with GELU and F16", test_reference, NULL, NULL, LINEAR },
                { "test_reference with projection", test_reference, NULL, NULL, XL },
                cmocka_unit_test_prestate(test_wishes, XL),
                { "test_layers A", test_layers, NULL, NULL, GOLDEN_A },
                { "test_layers B", test_layers, NULL, NULL, GOLDEN_B },
                cmocka_unit_test_prestate(test_batch_is_independent, TINY),
                cmocka_unit_test_prestate(test_bad_ids, TINY),
                { "test_reference A", test_reference, NULL, NULL, GOLDEN_A },
                { "test_reference B", test_reference, NULL, NULL, GOLDEN_B },
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
