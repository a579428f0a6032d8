/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a request that a server cannot draw as it is. */

#include "harness.h"

#include "base/request.h"
#include "net/capabilities.h"

static NetAsk ask_for(uint32_t width, uint32_t height)
{
        return (NetAsk) { .draw = { .width = width, .height = height, .guidance = -1, .strength = -1 } };
}

static NetFitting fit(NetDialect dialect, const char *model, NetAsk *ask, uint32_t parts, bool best_effort)
{
        const Capabilities *can = capabilities_get(dialect, model);
        NetFitting fitting;
        Error error = {};

        assert_non_null(can);
        if (capabilities_fit(can, ask, parts, best_effort, &fitting, &error) < 0)
                fail_msg("%s", error.text);
        return fitting;
}

static void assert_refused(NetDialect dialect, const char *model, const NetAsk *asked, uint32_t parts, const char *why)
{
        NetAsk ask = *asked;
        NetFitting fitting;
        Error error = {};

        assert_int_equal(capabilities_fit(capabilities_get(dialect, model), &ask, parts, false, &fitting, &error), NET_UNSUPPORTED);
        if (!strstr(error.text, why))
                fail_msg("'%s' is not in '%s'", why, error.text);
        assert_memory_equal(&ask, asked, sizeof(ask));
}

static void test_sizes(void **state)
{
        static const struct {
                NetDialect dialect;
                const char *model;
                uint32_t width, height, is_width, is_height;
        } sizes[] = {
                { NET_DIALECT_OPENAI_IMAGES, "gpt-image-1", 1024, 1024, 1024, 1024 },
                { NET_DIALECT_OPENAI_IMAGES, "gpt-image-1", 1920, 1080, 1536, 1024 },
                { NET_DIALECT_OPENAI_IMAGES, "gpt-image-1.5", 0, 0, 1024, 1024 },
                { NET_DIALECT_OPENAI_IMAGES, "dall-e-3", 1920, 1080, 1792, 1024 },
                { NET_DIALECT_OPENAI_IMAGES, "dall-e-2", 300, 280, 256, 256 },
                { NET_DIALECT_OPENAI_IMAGES, "flux", 640, 384, 640, 384 },
                { NET_DIALECT_OPENAI_IMAGES, "flux", 0, 0, 0, 0 },
                { NET_DIALECT_WEBUI, "", 513, 500, 512, 504 },
                { NET_DIALECT_WEBUI, "", 8192, 4096, 2048, 1024 },
                { NET_DIALECT_STABILITY, "core", 512, 512, 1024, 1024 },
                { NET_DIALECT_STABILITY, "core", 500, 900, 756, 1344 },
                { NET_DIALECT_RUNWAY, "gen4_image", 1920, 1080, 1920, 1080 },
                { NET_DIALECT_RUNWAY, "gen4_image", 640, 360, 1280, 720 },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                NetAsk ask = ask_for(sizes[i].width, sizes[i].height);
                NetFitting fitting = fit(sizes[i].dialect, sizes[i].model, &ask, 0, false);

                if (ask.draw.width != sizes[i].is_width || ask.draw.height != sizes[i].is_height)
                        fail_msg("%s %ux%u: %ux%u", sizes[i].model, sizes[i].width, sizes[i].height, ask.draw.width, ask.draw.height);
                assert_true(fitting.resized == (sizes[i].width > 0 && (ask.draw.width != sizes[i].width || ask.draw.height != sizes[i].height)));
        }
}

static void test_options(void **state)
{
        NetAsk ask = ask_for(1024, 1024);
        (void)state;

        ask.flags = NET_ASK_SEED;
        ask.draw.steps = 20;
        assert_refused(NET_DIALECT_OPENAI_IMAGES, "gpt-image-1", &ask, 1U << NET_PART_NEGATIVE, "seed, negative-prompt, steps");
        NetFitting fitting = fit(NET_DIALECT_OPENAI_IMAGES, "gpt-image-1", &ask, 1U << NET_PART_NEGATIVE, true);
        assert_int_equal(fitting.dropped, NET_OPTION_SEED | NET_OPTION_NEGATIVE | NET_OPTION_STEPS);
        assert_int_equal(ask.flags, 0);
        assert_int_equal(ask.draw.steps, 0);

        ask = ask_for(512, 512);
        ask.flags = NET_ASK_SEED;
        ask.draw.guidance = 7;
        ask.draw.strength = 0.5;
        fitting = fit(NET_DIALECT_WEBUI, "", &ask, 1U << NET_PART_PICTURE | 1U << NET_PART_MASK, false);
        assert_int_equal(fitting.dropped, 0);
        assert_true(ask.draw.guidance == 7 && ask.draw.strength == 0.5);
}

static void test_words(void **state)
{
        NetAsk ask = ask_for(0, 0);
        (void)state;

        (void)strcpy(ask.draw.style, "baroque");
        assert_refused(NET_DIALECT_STABILITY, "core", &ask, 0, "no style baroque; it has 3d-model, ");
        assert_refused(NET_DIALECT_STABILITY, "sd3.5-large", &ask, 0, "not have: style");
        NetFitting fitting = fit(NET_DIALECT_STABILITY, "core", &ask, 0, true);
        assert_int_equal(fitting.dropped, NET_OPTION_STYLE);
        assert_string_equal(ask.draw.style, "");
        (void)strcpy(ask.draw.style, "origami");
        assert_int_equal(fit(NET_DIALECT_STABILITY, "core", &ask, 0, false).dropped, 0);
        assert_string_equal(ask.draw.style, "origami");
        ask.draw.format = FORMAT_WEBP;
        assert_int_equal(fit(NET_DIALECT_MIDJOURNEY_PROXY, "", &ask, 0, false).dropped, 0);
        assert_int_equal(ask.draw.format, FORMAT_PNG);
}

/* What a workflow has no place for, ComfyUI cannot do there. */
static void test_workflow(void **state)
{
        static const char whole[] = "{{prompt}} {{negative_prompt}} {{seed}} {{steps|20}} {{guidance}} {{strength}} {{width}} {{height}} {{style}} {{image}} {{mask}}";
        const Capabilities *all = capabilities_get(NET_DIALECT_COMFYUI, "");
        const Capabilities some = capabilities_of_workflow(all, "{{prompt}} {{seed}} {{steps|20}} {{width}}");
        NetAsk ask = ask_for(640, 480);
        NetFitting fitting;
        Error error = {};
        (void)state;

        const Capabilities same = capabilities_of_workflow(all, whole);
        assert_true(same.options == all->options && same.side_max == all->side_max && all->side_max > 0);
        assert_int_equal(some.options, NET_OPTION_SEED | NET_OPTION_STEPS);
        ask.draw.steps = 8;
        ask.draw.guidance = 4;
        assert_int_equal(capabilities_fit(&some, &ask, 1U << NET_PART_MASK, false, &fitting, &error), NET_UNSUPPORTED);
        assert_string_equal(error.text, "The server does not have: guidance, mask");
        assert_int_equal(capabilities_fit(&some, &ask, 1U << NET_PART_MASK, true, &fitting, &error), 0);
        assert_int_equal(fitting.dropped, NET_OPTION_GUIDANCE | NET_OPTION_MASK);
        assert_true(ask.draw.steps == 8 && ask.draw.guidance < 0);
        assert_true(fitting.resized && ask.draw.width == 0 && ask.draw.height == 0);
}

static void test_prompt(void **state)
{
        const Capabilities *can = capabilities_get(NET_DIALECT_OPENAI_IMAGES, "dall-e-2");
        char prompt[2003] = "";
        Error error = {};
        (void)state;

        for (size_t i = 0; i < 1000; i++)
                (void)strcpy(prompt + 2 * i, "ä");
        assert_int_equal(capabilities_check_prompt(can, prompt, &error), 0);
        (void)strcpy(prompt + 2000, "x");
        assert_int_equal(capabilities_check_prompt(can, prompt, &error), -EINVAL);
        assert_non_null(strstr(error.text, "1001 characters"));
        assert_null(capabilities_get(NET_DIALECT_CHAT, ""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_workflow),
                cmocka_unit_test(test_prompt),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
