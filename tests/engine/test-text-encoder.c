/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/text/text_encoder.h"
#include "tests/engine/nets.h"

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
            text_encoder_new(&encoder, ret_config, weights, &error) < 0)
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

        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &got), 0);
        assert_close(&got, &wanted, TOLERANCE, "last_hidden_state");
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
        assert_int_equal(text_encoder_forward(encoder, &r.c, ids, n, length, &all), 0);
        for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(text_encoder_forward(encoder, &r.c, ids + i * length, 1, length, &one), 0);
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
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 8, &ret), -EINVAL);
        ids[3] = UINT32_MAX;
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 8, &ret), -EINVAL);
        ids[3] = config.vocab_size - 1;
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, config.max_positions + 1, &ret), -EINVAL);
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 0, &ret), -EINVAL);
        assert_int_equal(ret.n, 99);
        assert_int_equal(text_encoder_forward(encoder, &c, ids, 1, 8, &ret), 0);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_reference, TINY),
                { "test_reference with GELU and F16", test_reference, NULL, NULL, LINEAR },
                cmocka_unit_test_prestate(test_batch_is_independent, TINY),
                cmocka_unit_test_prestate(test_bad_ids, TINY),
                { "test_reference A", test_reference, NULL, NULL, GOLDEN_A },
                { "test_reference B", test_reference, NULL, NULL, GOLDEN_B },
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
