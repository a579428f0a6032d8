/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions that go by Winograd's tiles: against the plain sum in double, and the same bytes whatever the threads, the
 * pictures beside them and the bands are. */

#include "engine/layers/norm_convolution.h"
#include "engine/tensor/winograd.h"
#include "tests/engine/tensors.h"

#define THREADS_HERE 4

typedef struct Case {
        ConvolutionKind kind;
        uint32_t n, h, w, k, channels;
        uint32_t out_h, out_w; /* 0: as large as the input */
        bool wrap_x, wrap_y, residual;
} Case;

/* Odd sizes, tiles that end beyond the border, vectors that are not full; and more than one slice, block and batch. */
static const Case cases[] = {
        { CONVOLUTION_SAME, 1, 16, 16, 64, 64 },
        { CONVOLUTION_SAME, 2, 9, 13, 70, 66, .residual = true },
        { CONVOLUTION_SAME, 2, 15, 13, 75, 82, .residual = true },
        { CONVOLUTION_SAME, 3, 11, 10, 67, 101, .wrap_x = true, .wrap_y = true },
        { CONVOLUTION_SAME, 1, 18, 12, 64, 70, .wrap_x = true },
        { CONVOLUTION_SAME, 1, 12, 19, 65, 64, .wrap_y = true, .residual = true },
        { CONVOLUTION_UP, 2, 6, 5, 64, 64, 12, 10 },
        { CONVOLUTION_UP, 1, 5, 7, 66, 65, 9, 13, .wrap_x = true, .wrap_y = true },
        { CONVOLUTION_SAME, 3, 37, 61, 310, 66, .residual = true },
};

/* Whether it is the tiles' way that is tested. A library's products do not go it, and bytes only beside bfloat16 and where there
 * are more tiles. */
static bool goes_by_tiles(const Matrix *matrix, uint32_t h, uint32_t w)
{
        const bool bytes = matrix->products->precision == PRECISION_INT8,
                   expected = bytes ? matrix->kernels->products[PRECISION_BF16] && winograd_tiles(h) * winograd_tiles(w) >= 16
                                    : !matrix->products->uneven;

        assert_int_equal(winograd_suits(matrix, h, w), expected);
        return expected;
}

/* Of the largest output: what was measured is a third of it. Activations are bfloat16 beside weights of bytes, too. */
static double error_of(Precision precision)
{
        return precision == PRECISION_F32 ? 5e-6 : 3e-2;
}

static int64_t place(int64_t at, uint32_t output, uint32_t input, bool wrap)
{
        if (wrap)
                at = (at + output) % output;
        return at < 0 || at >= output ? -1 : at * input / output;
}

static double sum_in_double(const Case *t, const Tensor *x, const Tensor *out, const float *weights, size_t i)
{
        const size_t channel = i % out->c, column = i / out->c % out->w, row = i / out->c / out->w % out->h,
                     picture = i / out->c / out->w / out->h;
        double sum = 0;

        for (int64_t tap = 0; tap < 9; tap++) {
                const int64_t y = place((int64_t)row + tap / 3 - 1, out->h, x->h, t->wrap_y),
                              z = place((int64_t)column + tap % 3 - 1, out->w, x->w, t->wrap_x);

                for (size_t k = 0; y >= 0 && z >= 0 && k < x->c; k++)
                        sum += (double)x->data[((picture * x->h + (size_t)y) * x->w + (size_t)z) * x->c + k] *
                               weights[(channel * x->c + k) * 9 + (size_t)tap];
        }
        return sum;
}

/* At some of the outputs, which meet all channels and all places in tiles. */
static void assert_sums(
                const Case *t, const Tensor *x, const float *weights, const float *bias, const Tensor *residual,
                const Tensor *out, double tolerance)
{
        const size_t step = tensor_elements(out) > 20000 ? 157 : 7;
        double worst = 0, largest = 0;

        for (size_t i = 0; i < tensor_elements(out); i += step) {
                const double wanted = sum_in_double(t, x, out, weights, i) + bias[i % out->c] + (residual ? residual->data[i] : 0);
                worst = fmax(worst, fabs(out->data[i] - wanted));
                largest = fmax(largest, fabs(wanted));
        }
        if (!(worst <= tolerance * largest))
                fail_msg("%u x %u x %u, %u to %u: off by %.2e of the largest value", t->n, t->h, t->w, t->k, t->channels,
                         worst / largest);
}

static void compare_case(Precision precision, const Case *t)
{
        Compute c = compute_for_test(1);
        Numbers numbers = { t->h + t->k };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)t->channels * t->k * 9);
        _cleanup_(freep) float *bias = numbers_new(&numbers, t->channels);
        const uint32_t out_h = t->out_h ? t->out_h : t->h, out_w = t->out_w ? t->out_w : t->w;
        const Matrix matrix = pack_as(&c, precision, t->channels, t->k, 9, false, weights, bias);
        Tensor x = random_tensor(&c, t->n, t->h, t->w, t->k, 3), first = {},
               added = random_tensor(&c, t->n, out_h, out_w, t->channels, 4);
        const Tensor *residual = t->residual ? &added : NULL;

        c.wrap_x = t->wrap_x;
        c.wrap_y = t->wrap_y;
        for (; goes_by_tiles(&matrix, out_h, out_w) && c.threads <= THREADS_HERE; c.threads++) {
                Tensor out = compute_tensor(&c, t->n, out_h, out_w, t->channels);
                convolution(&c, &matrix, t->kind, &x, NULL, residual, &out);
                if (c.threads == 1)
                        first = out;
                assert_same(&out, &first);
        }
        if (first.data)
                assert_sums(t, &x, weights, bias, residual, &first, error_of(precision));
        for (uint32_t i = 0; first.data && i < t->n; i++) { /* each picture by itself */
                const Tensor one = tensor_picture(&x, i), out = compute_tensor(&c, 1, out_h, out_w, t->channels),
                             one_added = tensor_picture(&added, i), wanted = tensor_picture(&first, i);
                convolution(&c, &matrix, t->kind, &one, NULL, residual ? &one_added : NULL, &out);
                assert_same(&out, &wanted);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void compare_in(Precision precision)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                compare_case(precision, &cases[i]);
}

static void compare_of(const Kernels *kernels)
{
        for_each_precision(kernels, compare_in);
}

static void test_sums(void **state)
{
        (void)state;
        for_each_kernels(compare_of);
}

/* What is done with floats is done with bfloat16, on both sides. */
static void halves_of(const Kernels *kernels)
{
        Compute c = compute_for_test(2);
        Numbers numbers = { 5 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)66 * 70 * 9);

        if (kernels->products[PRECISION_BF16]) {
                const Matrix matrix = pack_as(&c, PRECISION_BF16, 66, 70, 9, false, weights, NULL);
                const Tensor x = random_tensor(&c, 1, 14, 11, 70, 6), halves = rounded_tensor(&c, &x),
                             wide = widened_tensor(&c, &halves), plain = compute_tensor(&c, 1, 14, 11, 66),
                             out = compute_tensor_of(&c, TENSOR_BF16, 1, 14, 11, 66);

                convolution(&c, &matrix, CONVOLUTION_SAME, &wide, NULL, NULL, &plain);
                convolution(&c, &matrix, CONVOLUTION_SAME, &halves, NULL, NULL, &out);
                const Tensor wanted = rounded_tensor(&c, &plain), wide_wanted = widened_tensor(&c, &wanted),
                             wide_out = widened_tensor(&c, &out);
                assert_same(&wide_out, &wide_wanted);
        }
        arena_free(c.arena);
}

static void test_halves(void **state)
{
        (void)state;
        for_each_kernels(halves_of);
}

typedef struct Stored {
        Matrix matrix;
        MatrixSource source;
} Stored;

static bool fill_stored(void *userdata)
{
        const Stored *stored = userdata;
        return matrix_fill(&stored->matrix, &stored->source);
}

static void forget_stored(void *userdata)
{
        (void)userdata;
}

/* Weights that stay as they are stored, and are not packed before they are needed: as the same ones in floats. */
static void stored_as(const Kernels *kernels, WeightType type)
{
        enum { CHANNELS = 66, INPUTS = 70, WEIGHTS = CHANNELS * INPUTS * 9 };
        static const TaskKind kind = { .run = fill_stored, .done = forget_stored };
        Compute c = compute_for_test(2);
        Numbers numbers = { 13 };
        _cleanup_(freep) uint16_t *halves = calloc(WEIGHTS, sizeof *halves);
        _cleanup_(freep) float *wide = numbers_new(&numbers, WEIGHTS);
        _cleanup_(backlog_unrefp) Backlog *backlog = NULL;
        Stored stored = { .source = { .n = CHANNELS, .k = INPUTS, .taps = 9, .type = type, .weights = halves } };
        const Tensor x = random_tensor(&c, 2, 13, 11, INPUTS, 3), out = compute_tensor(&c, 2, 13, 11, CHANNELS),
                     wanted = compute_tensor(&c, 2, 13, 11, CHANNELS);

        for (size_t i = 0; i < WEIGHTS; i++) /* from 0.06 to 8, in either type, and both signs */
                halves[i] = (uint16_t)((wide[i] < 0 ? 0x8000 : 0) + (type == WEIGHT_F16 ? 0x2c00 : 0x3d80) +
                                       (int)(fabsf(wide[i]) * (type == WEIGHT_F16 ? 3583 : 447)));
        kernels->widen(wide, halves, WEIGHTS, type);
        assert_int_equal(backlog_new(&backlog), 0);
        assert_true(matrix_lay_out(&stored.matrix, c.arena, c.arena, &stored.source));
        Matrix late = stored.matrix;
        late.task = backlog_add(backlog, &kind, &stored);
        assert_non_null(late.task);
        const Matrix plain = pack(&c, CHANNELS, INPUTS, 9, false, wide, NULL);
        assert_int_equal(winograd_suits(&late, 13, 11), !kernels->products[PRECISION_F32]->uneven);
        convolution(&c, &late, CONVOLUTION_SAME, &x, NULL, NULL, &out);
        convolution(&c, &plain, CONVOLUTION_SAME, &x, NULL, NULL, &wanted);
        assert_same(&out, &wanted);
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void stored_of(const Kernels *kernels)
{
        stored_as(kernels, WEIGHT_F16);
        stored_as(kernels, WEIGHT_BF16);
}

static void test_stored(void **state)
{
        (void)state;
        for_each_kernels(stored_of);
}

static void prelu_of(const Kernels *kernels)
{
        Compute c = compute_for_test(2);
        Numbers numbers = { 7 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)64 * 64 * 9);
        const Matrix matrix = pack(&c, 64, 64, 9, false, weights, NULL);
        const Tensor x = random_tensor(&c, 1, 10, 9, 64, 8), slopes = random_tensor(&c, 1, 1, 1, 64, 9),
                     plain = compute_tensor(&c, 1, 10, 9, 64), out = compute_tensor(&c, 1, 10, 9, 64);

        (void)kernels;
        convolution(&c, &matrix, CONVOLUTION_SAME, &x, NULL, NULL, &plain);
        convolution_prelu(&c, &matrix, slopes.data, &x, &out);
        for (size_t i = 0; i < tensor_elements(&out); i++)
                assert_true(out.data[i] == (plain.data[i] < 0 ? plain.data[i] * slopes.data[i % 64] : plain.data[i]));
        arena_free(c.arena);
}

static void test_prelu(void **state)
{
        (void)state;
        for_each_kernels(prelu_of);
}

/* Group norm and convolution band by band, as a large tensor has it. */
static void bands_wrapped(Precision precision, bool wrap)
{
        enum { HEIGHT = 22, WIDTH = 9, CHANNELS = 64 };
        Compute c = compute_for_test(2);
        Numbers numbers = { 10 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)CHANNELS * CHANNELS * 9);
        const Tensor gamma = random_tensor(&c, 1, 1, 1, CHANNELS, 1), beta = random_tensor(&c, 1, 1, 1, CHANNELS, 2);
        const Norm norm = { .channels = CHANNELS, .groups = 4, .eps = 1e-6f, .gamma = gamma.data, .beta = beta.data };
        const Matrix matrix = pack_as(&c, precision, CHANNELS, CHANNELS, 9, false, weights, NULL);
        const Tensor x = random_tensor(&c, 2, HEIGHT, WIDTH, CHANNELS, 3), whole = compute_tensor(&c, 2, HEIGHT, WIDTH, CHANNELS),
                     got = compute_tensor(&c, 2, HEIGHT, WIDTH, CHANNELS);

        c.wrap_x = c.wrap_y = wrap;
        norm_convolution(&c, &norm, &matrix, &x, NULL, tensor_elements(&x), NULL, &whole);
        for (size_t rows = 0; goes_by_tiles(&matrix, HEIGHT, WIDTH) && rows <= HEIGHT; rows++) {
                memset(got.data, 0, tensor_elements(&got) * sizeof(float));
                norm_convolution(&c, &norm, &matrix, &x, NULL, rows * WIDTH * CHANNELS, NULL, &got);
                assert_same(&got, &whole);
        }
        assert_int_equal(compute_finish(&c), 0);
        arena_free(c.arena);
}

static void bands_in(Precision precision)
{
        bands_wrapped(precision, false);
        bands_wrapped(precision, true);
}

static void bands_of(const Kernels *kernels)
{
        for_each_precision(kernels, bands_in);
}

static void test_bands(void **state)
{
        (void)state;
        for_each_kernels(bands_of);
}

/* A matrix with an adapter goes the direct way, and makes what merged weights make by tiles. */
static void adapter_of(const Kernels *kernels)
{
        enum { CHANNELS = 64, RANK = 3 };
        const Case t = { CONVOLUTION_SAME, 1, 12, 12, CHANNELS, CHANNELS };
        Compute c = compute_for_test(2);
        Numbers numbers = { 11 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)CHANNELS * CHANNELS * 9),
                               *down = numbers_new(&numbers, (size_t)RANK * CHANNELS * 9),
                               *up = numbers_new(&numbers, (size_t)CHANNELS * RANK), *bias = numbers_new(&numbers, CHANNELS);
        const Adapter adapter = { .down = pack(&c, RANK, CHANNELS, 9, false, down, NULL),
                                  .up = pack(&c, CHANNELS, RANK, 1, false, up, NULL) };
        Matrix matrix = pack(&c, CHANNELS, CHANNELS, 9, false, weights, bias);
        const Tensor x = random_tensor(&c, 1, 12, 12, CHANNELS, 3), out = compute_tensor(&c, 1, 12, 12, CHANNELS);

        (void)kernels;
        matrix.adapters = &adapter;
        assert_false(winograd_suits(&matrix, 12, 12));
        convolution(&c, &matrix, CONVOLUTION_SAME, &x, NULL, NULL, &out);
        for (size_t i = 0; i < CHANNELS; i++)
                for (size_t j = 0; j < (size_t)CHANNELS * 9; j++)
                        for (size_t r = 0; r < RANK; r++)
                                weights[i * CHANNELS * 9 + j] += up[i * RANK + r] * down[r * CHANNELS * 9 + j];
        assert_sums(&t, &x, weights, bias, NULL, &out, error_of(PRECISION_F32));
        const Matrix merged = pack(&c, CHANNELS, CHANNELS, 9, false, weights, bias);
        convolution(&c, &merged, CONVOLUTION_SAME, &x, NULL, NULL, &out);
        assert_sums(&t, &x, weights, bias, NULL, &out, error_of(PRECISION_F32));
        arena_free(c.arena);
}

static void test_adapter(void **state)
{
        (void)state;
        for_each_kernels(adapter_of);
}

/* Few channels or few pixels stay direct, and so do strides. */
static void choice_of(const Kernels *kernels)
{
        Compute c = compute_for_test(1);
        Numbers numbers = { 12 };
        _cleanup_(freep) float *weights = numbers_new(&numbers, (size_t)64 * 64 * 9);
        const Matrix wide = pack(&c, 64, 64, 9, false, weights, NULL), narrow = pack(&c, 64, 32, 9, false, weights, NULL),
                     thin = pack(&c, 32, 64, 9, false, weights, NULL), flat = pack(&c, 64, 64, 1, false, weights, NULL);

        assert_int_equal(winograd_suits(&wide, 16, 16), !kernels->products[PRECISION_F32]->uneven);
        assert_false(winograd_suits(&wide, 4, 4));
        assert_false(winograd_suits(&narrow, 16, 16));
        assert_false(winograd_suits(&thin, 16, 16));
        assert_false(winograd_suits(&flat, 16, 16));
        arena_free(c.arena);
}

static void test_choice(void **state)
{
        (void)state;
        for_each_kernels(choice_of);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sums),
                cmocka_unit_test(test_halves),
                cmocka_unit_test(test_stored),
                cmocka_unit_test(test_prelu),
                cmocka_unit_test(test_bands),
                cmocka_unit_test(test_adapter),
                cmocka_unit_test(test_choice),
        };

        (void)argc;
        return run_blas_tests(argv, tests);
}
