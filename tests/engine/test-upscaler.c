/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The enlarging network: against PyTorch, against a plain sum in float64, and by what tiles and threads must not
 * change. */

#include "tests/engine/fixtures.h"

#include <math.h>

#include "engine/denoise/noise.h"
#include "engine/image/touches/enlarge.h"
#include "engine/model/config.h"

static Upscaler *load(const char *path, const UpscalerConfig *config, Weights **ret_weights)
{
        Upscaler *upscaler = NULL;
        Error error = {};

        if (weights_open(ret_weights, path, &error) < 0 || upscaler_new(&upscaler, config, *ret_weights, &error) < 0)
                fail_msg("%s", error.text);
        return upscaler;
}

static Upscaler *load_fixture(const char *name, Weights **ret_weights)
{
        UpscalerConfig config;
        Error error = {};
        char path[128];

        (void)snprintf(path, sizeof path, FIXTURES "/touches/%s/upscaler/config.json", name);
        if (upscaler_config_read(&config, path, &error) < 0)
                fail_msg("%s", error.text);
        (void)snprintf(path, sizeof path, FIXTURES "/touches/%s/upscaler/model.safetensors", name);
        return load(path, &config, ret_weights);
}

static void check_golden(const char *name, uint32_t scale)
{
        Compute c = { .threads = 2, .arena = arena_new(0) };
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load_fixture(name, &weights);
        char path[128];
        size_t n;
        (void)snprintf(path, sizeof path, FIXTURES "/touches/%s/output.safetensors", name);
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path);
        _cleanup_(freep) float *picture = load_floats(file, NULL, "picture"), *large = load_floats(file, &n, "large");
        Tensor in = { .n = 1, .h = 11, .w = 14, .c = 3, .data = picture }, out;

        assert_int_equal(upscaler_scale(upscaler), scale);
        assert_int_equal(upscaler_forward(upscaler, &c, &in, &out), 0);
        assert_int_equal(out.h, 11 * scale);
        assert_int_equal(out.w, 14 * scale);
        assert_int_equal(tensor_elements(&out), n);
        if (!(difference(out.data, large, n) < 5e-6))
                fail_msg("%s: off by %g", name, difference(out.data, large, n));
        arena_free(c.arena);
}

static void test_goldens(void **state)
{
        (void)state;
        check_golden("x2", 2);
        check_golden("x3", 3);
        check_golden("x4", 4);
}

static Tensor random_picture(Compute *c, uint32_t h, uint32_t w)
{
        Tensor picture = compute_tensor(c, 1, h, w, 3);
        Noise noise;

        assert_non_null(picture.data);
        noise_seed(&noise, 3);
        noise_normals(&noise, picture.data, tensor_elements(&picture));
        for (size_t i = 0; i < tensor_elements(&picture); i++)
                picture.data[i] = 0.5F + 0.2F * picture.data[i];
        return picture;
}

/* A convolution as it is defined, in float64; in: [h][w][n_in], *ret: [h][w][n_out], malloc'ed. */
static double *convolve(const Safetensors *file, unsigned layer, const double *in, int h, int w, size_t n_in,
                        size_t *ret_out)
{
        _cleanup_(freep) float *weight = load_floats(file, NULL, "body.%u.weight", layer),
                               *bias = load_floats(file, ret_out, "body.%u.bias", layer);
        const size_t n_out = *ret_out;
        double *out = calloc((size_t)h * (size_t)w * n_out, sizeof *out);
        assert_non_null(out);

        for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                        for (size_t o = 0; o < n_out; o++) {
                                double sum = (double)bias[o];
                                for (int t = 0; t < 9; t++) {
                                        int j = y + t / 3 - 1, i = x + t % 3 - 1;
                                        if (j < 0 || j >= h || i < 0 || i >= w)
                                                continue;
                                        for (size_t k = 0; k < n_in; k++)
                                                sum += (double)weight[(o * n_in + k) * 9 + (size_t)t] *
                                                       in[(size_t)(j * w + i) * n_in + k];
                                }
                                out[(size_t)(y * w + x) * n_out + o] = sum;
                        }
        return out;
}

/* The network that others trained: 18 convolutions of 64 channels, four times larger. */
static void test_large_network(void **state)
{
        (void)state;
        enum { H = 7, W = 6, LAYERS = 18 };
        TestPath path = shared("upscaler/realesr-animevideov3-x4.safetensors");
        Compute c = { .threads = 2, .arena = arena_new(0) };
        const UpscalerConfig any = {};
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load(path.text, &any, &weights);
        _cleanup_(safetensors_freep) Safetensors *file = load_safetensors(path.text);
        Tensor picture = random_picture(&c, H, W), out;
        double *x = calloc(tensor_elements(&picture), sizeof *x);
        size_t channels = 3, n;

        assert_non_null(x);
        for (size_t i = 0; i < tensor_elements(&picture); i++)
                x[i] = (double)picture.data[i];
        for (unsigned layer = 0; layer < LAYERS; layer++) {
                double *next = convolve(file, 2 * layer, x, H, W, channels, &n);
                free(x);
                x = next;
                channels = n;
                if (layer == LAYERS - 1)
                        break;
                _cleanup_(freep) float *slopes = load_floats(file, NULL, "body.%u.weight", 2 * layer + 1);
                for (size_t i = 0; i < H * W * channels; i++)
                        x[i] = x[i] > 0 ? x[i] : x[i] * (double)slopes[i % channels];
        }
        assert_int_equal(channels, 48);
        assert_int_equal(upscaler_forward(upscaler, &c, &picture, &out), 0);
        for (size_t i = 0; i < tensor_elements(&out); i++) {
                const size_t colour = i % 3, column = i / 3 % out.w, row = i / 3 / out.w;
                const size_t pixel = row / 4 * W + column / 4;
                const double expected = x[pixel * 48 + colour * 16 + row % 4 * 4 + column % 4] +
                                        (double)picture.data[pixel * 3 + colour];
                if (!(fabs((double)out.data[i] - expected) < 2e-5))
                        fail_msg("%g, not %g at %zu", (double)out.data[i], expected, i);
        }
        free(x);
        arena_free(c.arena);
}

static void test_same_bits(void **state)
{
        (void)state;
        Compute one = { .threads = 1, .arena = arena_new(0) }, three = { .threads = 3, .arena = arena_new(0) };
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load_fixture("x2", &weights);
        Tensor picture = random_picture(&one, 61, 47), a, b;

        assert_int_equal(upscaler_forward(upscaler, &one, &picture, &a), 0);
        assert_int_equal(upscaler_forward(upscaler, &three, &picture, &b), 0);
        assert_memory_equal(a.data, b.data, tensor_elements(&a) * sizeof(float));
        arena_free(one.arena);
        arena_free(three.arena);
}

/* A picture of several tiles is what it is where it is computed in parts of one tile each. */
static void test_tiles(void **state)
{
        (void)state;
        enum { H = 300, W = 270, AT_Y = 100, AT_X = 80, PART = 120, MARGIN = 6 };
        Compute c = { .threads = 2, .arena = arena_new(0) };
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load_fixture("x2", &weights);
        Tensor picture = random_picture(&c, H, W), part = compute_tensor(&c, 1, PART, PART, 3), whole, alone;
        double worst = 0;

        for (size_t y = 0; y < PART; y++)
                memcpy(part.data + y * PART * 3, picture.data + ((AT_Y + y) * W + AT_X) * 3, PART * 3 * sizeof(float));
        assert_int_equal(upscaler_forward(upscaler, &c, &picture, &whole), 0);
        assert_int_equal(upscaler_forward(upscaler, &c, &part, &alone), 0);
        for (size_t y = 2 * MARGIN; y < (size_t)2 * (PART - MARGIN); y++)
                for (size_t x = 2 * MARGIN; x < (size_t)2 * (PART - MARGIN); x++)
                        for (size_t i = 0; i < 3; i++) {
                                float a = whole.data[((2 * AT_Y + y) * whole.w + 2 * AT_X + x) * 3 + i];
                                float b = alone.data[(y * alone.w + x) * 3 + i];
                                worst = MAX(worst, fabs((double)a - (double)b));
                        }
        /* Both seams lie inside the part. */
        assert_true(worst < 2e-6);
        arena_free(c.arena);
}

static void test_memory_is_bounded(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load_fixture("x2", &weights);
        Tensor picture = random_picture(&c, 700, 700), out;
        const size_t pictures = (size_t)700 * 700 * 3 * 5; /* before and after */

        assert_int_equal(upscaler_forward(upscaler, &c, &picture, &out), 0);
        /* Three tensors of a whole picture's 20 channels would be 118 MB more. */
        assert_true(arena_peak(c.arena) < pictures * sizeof(float) + (30U << 20));
        arena_free(c.arena);
}

static void test_cancel(void **state)
{
        (void)state;
        const atomic_bool cancelled = true;
        Compute c = { .threads = 2, .arena = arena_new(0), .cancelled = &cancelled };
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load_fixture("x2", &weights);
        Tensor picture = random_picture(&c, 64, 64), out;

        assert_int_equal(upscaler_forward(upscaler, &c, &picture, &out), 0);
        assert_true(c.flops == 0);
        arena_free(c.arena);
}

static void refuse(const char *weights_path, const UpscalerConfig *config, int code, const char *sentence)
{
        _cleanup_(weights_freep) Weights *weights = NULL;
        Upscaler *upscaler = NULL;
        Error error = {};

        assert_int_equal(weights_open(&weights, weights_path, &error), 0);
        assert_int_equal(upscaler_new(&upscaler, config, weights, &error), code);
        assert_null(upscaler);
        if (!strstr(error.text, sentence))
                fail_msg("%s", error.text);
}

static void test_others_are_refused(void **state)
{
        (void)state;
        const char *x2 = FIXTURES "/touches/x2/upscaler/model.safetensors";

        refuse(FIXTURES "/nets/tiny/model/vae/diffusion_pytorch_model.safetensors", &(UpscalerConfig) {}, -EOPNOTSUPP,
               "only networks of the SRVGGNetCompact kind");
        refuse(x2, &(UpscalerConfig) { .scale = 4 }, -EBADMSG, "its weights have scale 2, num_feat 20, num_conv 2");
        refuse(x2, &(UpscalerConfig) { .width = 64 }, -EBADMSG, "its config says otherwise");
        refuse(x2, &(UpscalerConfig) { .layers = 3 }, -EBADMSG, "its config says otherwise");
}

/* Writes the file to `path` with the first place where it says `from` changed, to as many bytes. */
static void write_changed(int fd, const char *from, const char *to)
{
        static char bytes[1 << 16];
        _cleanup_(fclosep) FILE *file = fopen(FIXTURES "/touches/x2/upscaler/model.safetensors", "re");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        char *found = memmem(bytes, size, from, strlen(from));

        assert_non_null(found);
        assert_int_equal(strlen(from), strlen(to));
        memcpy(found, to, strlen(to));
        assert_int_equal(write(fd, bytes, size), size);
}

static void test_lying_shapes(void **state)
{
        (void)state;
        static const struct {
                const char *from, *to;
                int code;
                const char *sentence;
        } cases[] = {
                { "body.0.weight", "xody.0.weight", -EOPNOTSUPP, "SRVGGNetCompact" },
                { "body.1.weight", "xody.1.weight", -ENOENT, "body.1.weight" },
                { "body.2.bias", "xody.2.bias", -ENOENT, "body.2.bias" },
                { "body.6.weight", "xody.6.weight", -EOPNOTSUPP, "20 channels in the end" },
                { "[20,3,3,3]", "[3,20,3,3]", -EOPNOTSUPP, "SRVGGNetCompact" },
                { "[12,20,3,3]", "[20,12,3,3]", -EOPNOTSUPP, "20 channels in the end" },
                { "[20,20,3,3]", "[25,16,3,3]", -EBADMSG, "[25, 16, 3, 3]" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char path[] = "/tmp/upscaler-XXXXXX";
                int fd = mkstemp(path);

                assert_true(fd >= 0);
                write_changed(fd, cases[i].from, cases[i].to);
                (void)close(fd);
                refuse(path, &(UpscalerConfig) {}, cases[i].code, cases[i].sentence);
                (void)unlink(path);
        }
}

/* The network first, interpolation for what is left, both exactly to the size that was asked for. */
static void test_enlarge(void **state)
{
        (void)state;
        Compute c = { .threads = 2, .arena = arena_new(0) };
        _cleanup_(weights_freep) Weights *weights = NULL;
        _cleanup_(upscaler_freep) Upscaler *upscaler = load_fixture("x2", &weights);
        Tensor picture = random_picture(&c, 12, 16), net, out, half;
        Enlargement to = { .upscaler = upscaler, .area = { 0, 0, 16, 12 }, .width = 32, .height = 24 };

        assert_int_equal(upscaler_forward(upscaler, &c, &picture, &net), 0);
        for (size_t i = 0; i < tensor_elements(&net); i++)
                net.data[i] = fminf(fmaxf(net.data[i], 0), 1);
        assert_int_equal(enlarge(&c, &to, &picture, &out), 0);
        assert_memory_equal(out.data, net.data, tensor_elements(&net) * sizeof(float));

        /* One and a half times, of the middle: from the network's twice. */
        to.area = (Area) { 2, 1, 12, 10 };
        to.width = 18;
        to.height = 15;
        assert_int_equal(enlarge(&c, &to, &picture, &out), 0);
        assert_int_equal(resample(&c, &net, &(Area) { 4, 2, 24, 20 }, 18, 15, &half), 0);
        assert_memory_equal(out.data, half.data, tensor_elements(&half) * sizeof(float));

        /* Smaller: the network has nothing to add. */
        to.width = 6;
        to.height = 5;
        assert_int_equal(enlarge(&c, &to, &picture, &out), 0);
        assert_int_equal(resample(&c, &picture, &to.area, 6, 5, &half), 0);
        assert_memory_equal(out.data, half.data, tensor_elements(&half) * sizeof(float));
        arena_free(c.arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_goldens),           cmocka_unit_test(test_large_network),
                cmocka_unit_test(test_same_bits),         cmocka_unit_test(test_tiles),
                cmocka_unit_test(test_memory_is_bounded), cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_others_are_refused), cmocka_unit_test(test_lying_shapes),
                cmocka_unit_test(test_enlarge),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
