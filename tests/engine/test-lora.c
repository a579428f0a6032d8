/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Adapters draw what a model draws into which they were merged (tests/reference/make-lora.py), and leave no trace. */

#include <stdlib.h>

#include "engine/engine.h"
#include "tests/engine/fixtures.h"

static char dir[64];

static void run(const char *command)
{
        char line[2048];
        (void)snprintf(line, sizeof line, "export LORA=$PWD/tests/reference/make-lora.py; cd %s && %s", dir, command);
        assert_int_equal(system(line), 0);
}

/* base: the model; loras: one adapter of each naming; merged-NAME: the model with it. */
static int make_models(void **state)
{
        (void)state;
        (void)snprintf(dir, sizeof dir, "/tmp/lora-XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        char line[1024];
        (void)snprintf(line, sizeof line,
                       "cp -RL tests/fixtures/tiny-model %s/base && mkdir %s/loras && cd %s && "
                       "for n in kohya original diffusers; do cp -r base merged-$n && "
                       "$OLDPWD/tests/reference/make-lora.py merged-$n loras/$n.safetensors $n 0.8; done && "
                       "cp -r merged-kohya merged-both && "
                       "$OLDPWD/tests/reference/make-lora.py merged-both loras/again.safetensors diffusers -0.5",
                       dir, dir, dir);
        return system(line);
}

static int remove_models(void **state)
{
        (void)state;
        char command[128];
        (void)snprintf(command, sizeof command, "rm -r %s", dir);
        return system(command);
}

static Engine *open_engine(const char *name)
{
        char path[128];
        Engine *engine = NULL;
        Error error = {};

        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        if (engine_new(&engine, path, 2, &error) < 0)
                fail_msg("%s", error.text);
        return engine;
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
        _cleanup_(engine_freep) Engine *base = open_engine("base"), *merged = open_engine(merged_name);
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
        _cleanup_(engine_freep) Engine *engine = open_engine("base");
        _cleanup_(picture_done) Picture before = {}, after = {};
        Error error = {};

        run("cp base/unet/*.safetensors loras/unet.safetensors; "
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
        return cmocka_run_group_tests(tests, make_models, remove_models);
}
