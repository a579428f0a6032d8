/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Adapters draw what a model draws into which they were merged (tests/reference/make-lora.py), and leave no trace. */

#include "tests/engine/engines.h"
#include "tests/scratch.h"

/* base: the model; loras: one adapter of each naming; merged-NAME: the model with it. */
static int make_models(void **state)
{
        if (scratch_make(state) < 0)
                return -1;
        scratch_run("cp -RL $SOURCE/tests/fixtures/tiny-model base && mkdir loras && make=$SOURCE/tests/reference/make-lora.py && "
                    "for n in kohya original diffusers; do cp -r base merged-$n && "
                    "$make merged-$n loras/$n.safetensors $n 0.8; done && "
                    "cp -r merged-kohya merged-both && $make merged-both loras/again.safetensors diffusers -0.5");
        return 0;
}

/* The request's own adapters. */
typedef struct Given {
        const char *name;
        double weight;
} Given;

static bool fast;
static Precision precision = PRECISION_F32;

static int draw_given(Engine *engine, const char *loras, const Given *given, size_t n, Picture *ret, Error *error)
{
        _cleanup_(freep) Request *request = new_request();

        (void)snprintf(request->prompt, sizeof request->prompt, "a red fox%s", loras);
        for (size_t i = 0; i < n; i++) {
                (void)snprintf(request->loras[i].name, sizeof request->loras[i].name, "%s", given[i].name);
                request->loras[i].weight = given[i].weight;
        }
        request->n_loras = (uint32_t)n;
        request->fast = fast;
        request->width = 16;
        request->height = 16;
        request->steps = 2;
        request->guidance = 4;
        request->sampler = SAMPLER_EULER;
        request->precision = (uint8_t)precision;
        return engine_generate(engine, request, 0, NULL, ret, error);
}

static int draw(Engine *engine, const char *loras, Picture *ret, Error *error)
{
        return draw_given(engine, loras, NULL, 0, ret, error);
}

/* Beside floats the merged weights are rounded, and the adapter's by themselves. */
#define ROUNDED 24

static void check_within(int tolerance, const char *base_name, const char *loras, const Given *given, size_t n,
                         const char *merged_name)
{
        _cleanup_(engine_freep) Engine *base = open_engine(scratch_path("%s", base_name), 2);
        _cleanup_(engine_freep) Engine *merged = open_engine(scratch_path("%s", merged_name), 2);
        _cleanup_(picture_done) Picture before = {}, with = {}, after = {}, wanted = {};
        Error error = {};
        unsigned changed = 0;

        assert_int_equal(draw(base, "", &before, &error), 0);
        if (draw_given(base, loras, given, n, &with, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(draw(base, "", &after, &error), 0);
        assert_int_equal(draw(merged, "", &wanted, &error), 0);
        for (size_t i = 0; i < (size_t)16 * 16 * 3; i++) {
                changed += abs(with.rgb[i] - before.rgb[i]) > 4;
                if (abs(with.rgb[i] - wanted.rgb[i]) > tolerance)
                        fail_msg("%s%s: byte %zu is %d, not %d", base_name, loras, i, with.rgb[i], wanted.rgb[i]);
        }
        assert_true(changed > 50);
        assert_memory_equal(before.rgb, after.rgb, (size_t)16 * 16 * 3);
}

static void check_base(const char *base_name, const char *loras, const Given *given, size_t n, const char *merged_name)
{
        check_within(precision == PRECISION_F32 ? 1 : ROUNDED, base_name, loras, given, n, merged_name);
}

static void check(const char *loras, const char *merged_name)
{
        check_base("base", loras, NULL, 0, merged_name);
}

/* As an option, alone and beside the prompt's. */
static void test_given(void **state)
{
        (void)state;
        check_base("base", "", (Given[]) { { "kohya", 0.8 } }, 1, "merged-kohya");
        check_base("base", "", (Given[]) { { "kohya", 0.8 }, { "again", -0.5 } }, 2, "merged-both");
        check_base("base", "<lora:again:-0.5>", (Given[]) { { "kohya", 0.8 } }, 1, "merged-both");
        check_base("base", "", (Given[]) { { "kohya", 0.5 }, { "kohya", 0.3 } }, 2, "merged-kohya");
}

/* Whatever the weights are stored as. */
static void test_other_types(void **state)
{
        (void)state;
        static const char *const types[] = { "F32", "F16", "BF16", "I8" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                char line[512], base[32], merged[32];

                (void)snprintf(base, sizeof base, "base-%s", types[i]);
                (void)snprintf(merged, sizeof merged, "merged-%s", types[i]);
                (void)snprintf(line, sizeof line,
                               "LORA=$SOURCE/tests/reference/make-lora.py && cp -r base %s && $LORA --store %s %s && cp -r %s %s && "
                               "$LORA %s loras/on-%s.safetensors kohya 0.8",
                               base, base, types[i], base, merged, merged, types[i]);
                scratch_run("%s", line);
                (void)snprintf(line, sizeof line, "<lora:on-%s:0.8>", types[i]);
                check_base(base, line, NULL, 0, merged);
        }
}

/* A single file, of which the names of weights are the original ones; "base" lends it its vocabulary. */
static void test_gguf(void **state)
{
        (void)state;
        scratch_run("for m in base merged-kohya; do for t in F32 Q8_0; do "
                    "$SOURCE/tests/reference/to-original.py $m $m-$t.gguf gguf $t; done; done");
        check_base("base-F32.gguf", "<lora:kohya:0.8>", NULL, 0, "merged-kohya-F32.gguf");
        check_within(ROUNDED, "base-Q8_0.gguf", "<lora:kohya:0.8>", NULL, 0, "merged-kohya-Q8_0.gguf");
}

/* The few-step denoiser is adapted where it draws. */
static void test_fast(void **state)
{
        (void)state;
        scratch_run("for m in base merged-kohya; do cp -r $m fast-$m; cp -r $m/unet fast-$m/unet_fast; "
            "sed -i 's/\"native_size\"/\"fast_steps\": 2, &/' fast-$m/imagined.json; done");
        fast = true;
        check_base("fast-base", "<lora:kohya:0.8>", NULL, 0, "fast-merged-kohya");
        fast = false;
        check_base("fast-base", "<lora:kohya:0.8>", NULL, 0, "fast-merged-kohya");
}

static void test_merged(void **state)
{
        (void)state;
        check("<lora:kohya:0.8>", "merged-kohya");
        check("<lora:original:0.8>", "merged-original");
        check("<lora:diffusers:0.8>", "merged-diffusers");
        check("<lora:kohya:0.8> <lora:again:-0.5>", "merged-both");
}

static void test_precisions(void **state)
{
        (void)state;
        for (precision = PRECISION_BF16; precision < PRECISION_MAX; precision++)
                check("<lora:kohya:0.8> <lora:again:-0.5>", "merged-both");
        precision = PRECISION_F32;
}

static void test_refused(void **state)
{
        (void)state;
        static const struct {
                const char *loras;
                int code;
                const char *words;
        } cases[] = {
                { "<lora:nowhere>", -EINVAL, "no adapter \"nowhere\"" },
                { "<lora:.hidden>", -EINVAL, "cannot be the name" },
                { "<lora:unet>", -EOPNOTSUPP, "belongs to no adapter" },
                { "<lora:other>", -EOPNOTSUPP, "for another model" },
                { "<lora:wide>", -EBADMSG, "does not fit" },
                { "<lora:half>", -EBADMSG, "no tensor" },
                { "<lora:empty>", -EBADMSG, "no adapter is in it" },
        };
        _cleanup_(engine_freep) Engine *engine = open_engine(scratch_path("base"), 2);
        _cleanup_(picture_done) Picture before = {}, after = {};
        Error error = {};

        scratch_run("cp base/unet/*.safetensors loras/unet.safetensors; "
                    "sed s/conv_in/conv_on/g loras/kohya.safetensors >loras/other.safetensors; "
                    "sed 's/\"lora_te_text_model_encoder_layers_1_mlp_fc1/\"lora_te_text_model_encoder_layers_1_mlp_fc2/g' "
                    "loras/kohya.safetensors >loras/wide.safetensors; "
                    "sed s/conv_in.lora_up/conv_in.lora_op/g loras/kohya.safetensors >loras/half.safetensors; "
                    "printf '\\002\\000\\000\\000\\000\\000\\000\\000{}' >loras/empty.safetensors");
        assert_int_equal(draw(engine, "", &before, &error), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Picture none = {};
                int r = draw(engine, cases[i].loras, &none, &error);
                if (r != cases[i].code || !strstr(error.text, cases[i].words))
                        fail_msg("%s: %d \"%s\"", cases[i].loras, r, error.text);
        }
        assert_int_equal(draw(engine, "", &after, &error), 0);
        assert_memory_equal(before.rgb, after.rgb, (size_t)16 * 16 * 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_merged),
                cmocka_unit_test(test_precisions),
                cmocka_unit_test(test_given),
                cmocka_unit_test(test_other_types),
                cmocka_unit_test(test_gguf),
                cmocka_unit_test(test_fast),
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, make_models, scratch_remove);
}
