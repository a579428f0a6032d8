/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Attention in tiles and blocks, against attention as it is written down. */

#include "engine/tensor/attention.h"
#include "tests/engine/tensors.h"

static void attention_in_double(
                const Tensor *q, const Tensor *k, const Tensor *v, uint32_t heads, bool causal, double *ret)
{
        const size_t queries = (size_t)q->h * q->w, tokens = (size_t)k->h * k->w, size = q->c / heads;
        _cleanup_(freep) double *weights = calloc(tokens, sizeof *weights);

        for (size_t i = 0; i < q->n * queries * heads; i++) {
                const size_t head = i % heads, query = i / heads % queries, n = i / heads / queries;
                const size_t seen = causal ? MIN(tokens, query + 1) : tokens;
                const float *one = q->data + (n * queries + query) * q->c + head * size;
                double top = -INFINITY, sum = 0;

                for (size_t token = 0; token < seen; token++) {
                        weights[token] = 0;
                        for (size_t d = 0; d < size; d++)
                                weights[token] += (double)one[d] *
                                                  k->data[(n * tokens + token) * q->c + head * size + d] /
                                                  sqrt((double)size);
                        top = fmax(top, weights[token]);
                }
                for (size_t token = 0; token < seen; token++)
                        sum += weights[token] = exp(weights[token] - top);
                for (size_t d = 0; d < size; d++) {
                        double value = 0;
                        for (size_t token = 0; token < seen; token++)
                                value += weights[token] / sum *
                                         v->data[(n * tokens + token) * q->c + head * size + d];
                        ret[(n * queries + query) * q->c + head * size + d] = value;
                }
        }
}

static void compare_attention(
                uint32_t n, uint32_t queries, uint32_t tokens, uint32_t heads, uint32_t size, bool causal)
{
        Compute c = compute_for_test(1);
        Tensor q = random_tensor(&c, n, 1, queries, heads * size, 5),
               k = random_tensor(&c, n, 1, tokens, heads * size, 6);
        Tensor v = random_tensor(&c, n, 1, tokens, heads * size, 7), first = {};
        _cleanup_(freep) double *wanted = calloc(tensor_elements(&q), sizeof *wanted);

        for (size_t i = 0; i < tensor_elements(&q); i++)
                q.data[i] *= 3; /* scores that matter */
        attention_in_double(&q, &k, &v, heads, causal, wanted);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, n, 1, queries, heads * size);
                AttentionKeys keys = attention_keys(&c, c.arena, PRECISION_AUTO, heads, &k, &v);
                attention(&c, &q, &keys, causal, &out);
                assert_tensor_near(&out, wanted, 5e-6);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        AttentionKeys keys = attention_keys(&c, c.arena, PRECISION_AUTO, heads, &k, &v);
        attention(&c, &q, &keys, causal, &q); /* in place */
        assert_same(&q, &first);
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

/* Queries, keys and values that are bfloat16; the weights between 0 and 1 are rounded to it, too. In PRECISION_INT8 scores may be
 * of bytes. */
static void compare_halves_in(
                Precision precision, uint32_t n, uint32_t queries, uint32_t tokens, uint32_t heads, uint32_t size, bool causal)
{
        const double more = precision == PRECISION_INT8 && kernels_get()->byte_scores ? 1e-2 : 0;
        Compute c = compute_for_test(1);
        Tensor q = random_tensor(&c, n, 1, queries, heads * size, 5),
               k = random_tensor(&c, n, 1, tokens, heads * size, 6);
        Tensor v = random_tensor(&c, n, 1, tokens, heads * size, 7), first = {};
        _cleanup_(freep) double *wanted = calloc(tensor_elements(&q), sizeof *wanted);

        round_numbers(PRECISION_BF16, q.data, tensor_elements(&q));
        round_numbers(PRECISION_BF16, k.data, tensor_elements(&k));
        round_numbers(PRECISION_BF16, v.data, tensor_elements(&v));
        attention_in_double(&q, &k, &v, heads, causal, wanted);
        Tensor q_halves = rounded_tensor(&c, &q), k_halves = rounded_tensor(&c, &k), v_halves = rounded_tensor(&c, &v);
        for (c.threads = 1; c.threads <= THREADS_MAX; c.threads++) {
                Tensor out = compute_tensor(&c, n, 1, queries, heads * size);
                AttentionKeys keys = attention_keys(&c, c.arena, precision, heads, &k_halves, &v_halves);
                assert_true((keys.bytes != NULL) == (more > 0));
                attention(&c, c.threads == 2 ? &q : &q_halves, &keys, causal, &out);
                assert_tensor_near(&out, wanted, 4e-3 + more);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        AttentionKeys keys = attention_keys(&c, c.arena, precision, heads, &k_halves, &v_halves);
        attention(&c, &q_halves, &keys, causal, &q_halves); /* in place */
        Tensor wide = widened_tensor(&c, &q_halves);
        assert_tensor_near(&wide, wanted, 8e-3 + more);
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void compare_halves(
                uint32_t n, uint32_t queries, uint32_t tokens, uint32_t heads, uint32_t size, bool causal)
{
        compare_halves_in(PRECISION_BF16, n, queries, tokens, heads, size, causal);
        compare_halves_in(PRECISION_INT8, n, queries, tokens, heads, size, causal);
}

static void halves_of(const Kernels *kernels)
{
        if (!kernels->products[PRECISION_BF16])
                return;
        compare_halves(1, 1, 1, 1, 1, false);
        compare_halves(2, 5, 77, 3, 40, false);
        compare_halves(1, 77, 77, 2, 64, true);
        compare_halves(2, 7, 3, 2, 5, false); /* odd everywhere */
        compare_halves(1, 200, 701, 1, 20, false);
        compare_halves(1, 530, 530, 1, 9, true);
        compare_halves(1, 100, 130, 2, 80, false);
        compare_halves(1, 10, 33, 1, 160, false);
        compare_halves(1, 10, 30, 1, 300, false);
}

static void test_halves(void **state)
{
        (void)state;
        for_each_kernels(halves_of);
}

static void attention_of(const Kernels *kernels)
{
        (void)kernels;
        compare_attention(1, 1, 1, 1, 1, false);
        compare_attention(2, 5, 77, 3, 40, false);
        compare_attention(1, 77, 77, 2, 8, true);
        compare_attention(2, 7, 3, 2, 5, false);
        compare_attention(1, 200, 700, 1, 20, false); /* several tiles of queries, two blocks of keys */
        compare_attention(1, 530, 530, 1, 9, true); /* rows that see nothing of the second block */
        compare_attention(1, 10, 30, 1, 300, false); /* a head wider than a panel */
}

static void test_attention(void **state)
{
        (void)state;
        for_each_kernels(attention_of);
}

/* Scores of a size that e^x alone could not hold. */
static void test_attention_of_large_scores(void **state)
{
        (void)state;
        Compute c = compute_for_test(1);
        Tensor q = random_tensor(&c, 1, 1, 9, 16, 5), k = random_tensor(&c, 1, 1, 600, 16, 6);
        Tensor v = random_tensor(&c, 1, 1, 600, 16, 7), out = compute_tensor(&c, 1, 1, 9, 16);
        _cleanup_(freep) double *wanted = calloc((size_t)9 * 16, sizeof *wanted);

        for (size_t i = 0; i < tensor_elements(&q); i++)
                q.data[i] *= 100;
        attention_in_double(&q, &k, &v, 2, false, wanted);
        AttentionKeys keys = attention_keys(&c, c.arena, PRECISION_AUTO, 2, &k, &v);
        attention(&c, &q, &keys, false, &out);
        assert_tensor_near(&out, wanted, 1e-4);
        arena_free(c.arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_attention),
                cmocka_unit_test(test_halves),
                cmocka_unit_test(test_attention_of_large_scores),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
