/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How far the default model's pictures in bfloat16 and bytes are from those in floats: the median of some prompts. All 32 with
 * IMAGINED_PRECISION_PROMPTS=32; it prints what it measured. */

#include "engine/kernels/kernels.h"
#include "tests/engine/changed-model.h"

#include <math.h>

#define MODEL "model/default"
#define PROMPTS_MAX 32
#define PROMPTS_QUICK 3

/* These would take minutes; the tests of the kernels show them what there is to see. */
#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static const char *const things[] = { "a red fox",   "a blue car",   "a green tree", "a yellow house",
                                      "a white cat", "a brown horse", "an orange fish", "a pink flower" };
static const char *const places[] = { "", " on a blue background", " in the snow", " and a small dog" };

static void draw(Engine *engine, size_t i, Precision precision, Picture *ret)
{
        _cleanup_(freep) Request *q = new_request();
        Resolved resolved;
        Error error = {};

        (void)snprintf(q->prompt, sizeof(q->prompt), "%s%s", things[i % ELEMENTSOF(things)], places[i / ELEMENTSOF(things)]);
        q->seed = 1000 + i;
        q->steps = 20;
        q->precision = (uint8_t)precision;
        if (engine_resolve(engine, q, &resolved, &error) < 0 || engine_generate(engine, q, 0, NULL, ret, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(resolved.precision, precision);
}

static double psnr(const Picture *a, const Picture *b)
{
        const size_t n = (size_t)a->width * a->height * 3;
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += pow((double)a->rgb[i] - b->rgb[i], 2);
        return sum > 0 ? 10 * log10(255.0 * 255.0 * (double)n / sum) : 99;
}

static int compare(const void *a, const void *b)
{
        const double *x = a, *y = b;
        return (*x > *y) - (*x < *y);
}

/* Each precision after the other: a change packs the networks anew. */
static void draw_all(Engine *engine, size_t n, Precision precision, Picture *ret)
{
        for (size_t i = 0; i < n; i++)
                draw(engine, i, precision, &ret[i]);
}

static void check(Engine *engine, size_t n, Precision precision, double wanted, const Picture *floats)
{
        Picture pictures[PROMPTS_MAX] = {};
        double all[PROMPTS_MAX];

        draw_all(engine, n, precision, pictures);
        for (size_t i = 0; i < n; i++) {
                all[i] = psnr(&floats[i], &pictures[i]);
                picture_done(&pictures[i]);
        }
        qsort(all, n, sizeof(*all), compare);
        (void)printf("%s: %zu prompts, PSNR least %.1f, median %.1f dB\n", precision_to_string(precision), n, all[0],
                     all[n / 2]);
        if (all[n / 2] < wanted)
                fail_msg("%s: the median is %.1f dB", precision_to_string(precision), all[n / 2]);
        assert_true(all[0] < 99); /* something else was computed */
}

static void test_pictures(void **state)
{
        (void)state;
        const char *wanted = getenv("IMAGINED_PRECISION_PROMPTS");
        const size_t n = wanted ? (size_t)MIN(MAX(atoi(wanted), 1), PROMPTS_MAX) : PROMPTS_QUICK;
        _cleanup_(engine_freep) Engine *engine = NULL;
        Picture floats[PROMPTS_MAX] = {};
        Error error = {};

        if (IS_SANITIZED || kernels_precision(PRECISION_BF16, PRECISION_F32) != PRECISION_BF16)
                skip();
        if (engine_new(&engine, MODEL, 1, &error) < 0)
                fail_msg("%s", error.text);
        draw_all(engine, n, PRECISION_F32, floats);
        check(engine, n, PRECISION_BF16, 35, floats);
        if (kernels_precision(PRECISION_INT8, PRECISION_F32) == PRECISION_INT8)
                check(engine, n, PRECISION_INT8, 28, floats);
        for (size_t i = 0; i < n; i++)
                picture_done(&floats[i]);
}

/* A job's goes first, then the model's, then what the service says. Where the processor lacks one, floats stand for it. */
static void test_whose_counts(void **state)
{
        (void)state;
        char dir[32];
        _cleanup_(freep) Request *q = new_request();
        Resolved resolved;

        make_model(dir, "sed -i 's/\"native_size\"/\"precision\": \"f32\", &/' imagined.json");
        for (Precision automatic = PRECISION_AUTO; automatic < PRECISION_MAX; automatic++) {
                const PackFiles none = { -1, -1 };
                _cleanup_(engine_freep) Engine *open = NULL, *says = NULL;

                assert_int_equal(engine_new_packed(&open, TINY, 1, automatic, &none, NULL), 0);
                assert_int_equal(engine_new_packed(&says, dir, 1, automatic, &none, NULL), 0);
                assert_int_equal(engine_info(open)->precision, kernels_precision(automatic, PRECISION_BF16));
                assert_int_equal(engine_info(says)->precision, PRECISION_F32);
                for (Precision asked = PRECISION_AUTO; asked < PRECISION_MAX; asked++) {
                        q->precision = (uint8_t)asked;
                        assert_int_equal(engine_resolve(open, q, &resolved, NULL), 0);
                        assert_int_equal(resolved.precision,
                                         kernels_precision(asked ? asked : automatic, PRECISION_BF16));
                        assert_int_equal(engine_resolve(says, q, &resolved, NULL), 0);
                        assert_int_equal(resolved.precision, kernels_precision(asked, PRECISION_F32));
                }
        }
        remove_model(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_whose_counts), cmocka_unit_test(test_pictures) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
