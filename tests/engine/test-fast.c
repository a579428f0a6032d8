/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The few-step denoiser of a model that has one. */

#include "engine/engine.h"
#include "engine/model/model.h"
#include "tests/engine/changed-model.h"

#define WEIGHTS "diffusion_pytorch_model.safetensors"

/* A second denoiser with other numbers in the middle of its weights. */
#define WITH_FAST                                                                       \
        "cp -r unet unet_fast && "                                                      \
        "dd if=unet/" WEIGHTS " of=unet_fast/" WEIGHTS                                  \
        " bs=1000 skip=100 seek=160 count=20 conv=notrunc status=none && "              \
        "sed -i 's/\"native_size\"/\"fast_steps\": 2, &/' imagined.json"

static void draw(const char *dir, const Request *request, Picture *ret)
{
        _cleanup_(engine_freep) Engine *engine = open_engine(dir, 1);

        paint(engine, request, ret);
        assert_int_equal(ret->width, 16);
        assert_int_equal(ret->height, 16);
}

/* It draws with unet_fast, and with nothing else that is different. */
static void test_picture(void **state)
{
        (void)state;
        char both[32], swapped[32];
        Request *request = new_request();
        _cleanup_(picture_done) Picture fast = {}, same = {}, other = {};

        make_model(both, WITH_FAST);
        make_model(swapped, WITH_FAST " && mv unet_fast/" WEIGHTS " unet/ && rm imagined.json");
        strcpy(request->prompt, "a red fox");
        request->seed = 7;
        request->fast = 1;
        draw(both, request, &fast);

        request->fast = 0;
        request->steps = 2;
        request->guidance = 1;
        request->sampler = SAMPLER_DDIM;
        draw(swapped, request, &same);
        assert_memory_equal(fast.rgb, same.rgb, 16 * 16 * 3);
        draw(both, request, &other);
        assert_memory_not_equal(fast.rgb, other.rgb, 16 * 16 * 3);

        remove_model(both);
        remove_model(swapped);
        free(request);
}

static void test_resolve(void **state)
{
        (void)state;
        char dir[32];
        make_model(dir, WITH_FAST);
        _cleanup_(engine_freep) Engine *engine = open_engine(dir, 1), *plain = open_engine(TINY, 1);
        Request *request = new_request();
        Resolved resolved = {};
        Error error = {};

        request->fast = 1;
        assert_int_equal(engine_resolve(plain, request, &resolved, &error), -EINVAL);
        assert_string_equal(error.text, "fast: the model tiny has no few-step version");

        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.steps, 2);
        assert_int_equal(resolved.sampler, SAMPLER_DDIM);
        assert_true(resolved.guidance > 0.99 && resolved.guidance < 1.01);
        assert_true(engine_info(engine)->parameters > engine_info(plain)->parameters);

        request->steps = 5;
        request->guidance = 3;
        request->sampler = SAMPLER_EULER;
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.steps, 5);
        assert_int_equal(resolved.sampler, SAMPLER_EULER);
        assert_true(resolved.guidance > 2.99 && resolved.guidance < 3.01);

        request->fast = 0;
        request->steps = 0;
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.steps, 3);

        remove_model(dir);
        free(request);
}

static void test_broken(void **state)
{
        (void)state;
        static const struct {
                const char *change;
                int code;
                const char *words;
        } cases[] = {
                { "rm -r unet_fast", -ENOENT, "unet_fast/config.json" },
                { "rm unet_fast/" WEIGHTS, -ENOENT, "unet_fast: no diffusion_pytorch_model.safetensors" },
                { "sed -i 's/\"cross_attention_dim\": 12/\"cross_attention_dim\": 16/' unet_fast/config.json", -EBADMSG,
                  "unet_fast takes or makes other numbers than unet" },
                { "sed -i 's/\"in_channels\": 4/\"in_channels\": 9/' unet_fast/config.json", -EBADMSG,
                  "unet_fast takes or makes other numbers than unet" },
                { "sed -i 's/\"fast_steps\": 2/\"fast_steps\": 501/' imagined.json", -EBADMSG, "fast_steps" },
                { "sed -i s/conv_in.weight/conv_in.wrong_/ unet_fast/" WEIGHTS, -EBADMSG, "no tensor \"conv_in.weight\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char dir[32], change[768];
                Engine *engine = NULL;
                Error error = {};

                (void)snprintf(change, sizeof(change), "%s && %s", WITH_FAST, cases[i].change);
                make_model(dir, change);
                int r = engine_new(&engine, dir, 1, &error);
                if (r != cases[i].code || !strstr(error.text, cases[i].words))
                        fail_msg("%s: %d \"%s\"", cases[i].change, r, error.text);
                assert_null(engine);
                remove_model(dir);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_picture),
                cmocka_unit_test(test_resolve),
                cmocka_unit_test(test_broken),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
