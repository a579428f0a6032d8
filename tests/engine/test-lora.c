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

static int draw(Engine *engine, const char *loras, Picture *ret, Error *error)
{
        _cleanup_(freep) Request *request = malloc(sizeof *request);

        request_init(request);
        (void)snprintf(request->prompt, sizeof request->prompt, "a red fox%s", loras);
        request->width = 16;
        request->height = 16;
        request->steps = 2;
        request->guidance = 4;
        request->sampler = SAMPLER_EULER;
        return engine_generate(engine, request, 0, NULL, ret, error);
}

static void check(const char *loras, const char *merged_name)
{
        _cleanup_(engine_freep) Engine *base = open_engine(scratch_path("base"), 2);
        _cleanup_(engine_freep) Engine *merged = open_engine(scratch_path("%s", merged_name), 2);
        _cleanup_(picture_done) Picture before = {}, with = {}, after = {}, wanted = {};
        Error error = {};
        unsigned changed = 0;

        assert_int_equal(draw(base, "", &before, &error), 0);
        if (draw(base, loras, &with, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(draw(base, "", &after, &error), 0);
        assert_int_equal(draw(merged, "", &wanted, &error), 0);
        for (size_t i = 0; i < (size_t)16 * 16 * 3; i++) {
                changed += abs(with.rgb[i] - before.rgb[i]) > 4;
                if (abs(with.rgb[i] - wanted.rgb[i]) > 1)
                        fail_msg("%s: byte %zu is %d, not %d", loras, i, with.rgb[i], wanted.rgb[i]);
        }
        assert_true(changed > 50);
        assert_memory_equal(before.rgb, after.rgb, (size_t)16 * 16 * 3);
}

static void test_merged(void **state)
{
        (void)state;
        check("<lora:kohya:0.8>", "merged-kohya");
        check("<lora:original:0.8>", "merged-original");
        check("<lora:diffusers:0.8>", "merged-diffusers");
        check("<lora:kohya:0.8> <lora:again:-0.5>", "merged-both");
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
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, make_models, scratch_remove);
}
