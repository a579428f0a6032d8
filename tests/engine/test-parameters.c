/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The line of settings that stands in pictures. */

#include "engine/image/parameters.h"
#include "tests/engine/engines.h"

/* Each test begins with the same request, and what was made of it. */
static Request *q;
static Resolved resolved;

static int begin(void **state)
{
        (void)state;
        q = new_request();
        strcpy(q->prompt, "a red fox");
        q->seed = 42;
        resolved = (Resolved) {
                .width = 512, .height = 256, .steps = 20, .sampler = SAMPLER_EULER_A, .guidance = 4,
                .prompt_tokens = 3, .prompt_chunks = 1,
        };
        return 0;
}

static int end(void **state)
{
        (void)state;
        free(TAKE_PTR(q));
        return 0;
}

static void assert_says(const char *part)
{
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(parameters_format(&text, q, &resolved, 0, "m"), 0);
        if (!strstr(text, part))
                fail_msg("no '%s' in '%s'", part, text);
}

static void test_whole_text(void **state)
{
        (void)state;
        const struct {
                const char *negative;
                bool metadata;
                double guidance;
                uint32_t index;
                const char *expected;
        } cases[] = {
                { "", true, 4, 0,
                  "a red fox\nSteps: 20, Sampler: Euler a, CFG scale: 4, Seed: 42, Size: 512x256, Model: m, "
                  "Prompt tokens: 3, "
                  "Version: imagined " VERSION },
                { "blurry, bad", true, 7.5, 3,
                  "a red fox\nNegative prompt: blurry, bad\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, "
                  "Seed: 45, "
                  "Size: 512x256, Model: m, Prompt tokens: 3, Version: imagined " VERSION },
                { "blurry, bad", false, 0, 0,
                  "Steps: 20, Sampler: Euler a, CFG scale: 0, Seed: 42, Size: 512x256, Model: m, Prompt tokens: 3, Version: "
                  "imagined " VERSION },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *text = NULL;
                strcpy(q->negative_prompt, cases[i].negative);
                q->prompt_metadata = cases[i].metadata;
                resolved.guidance = cases[i].guidance;
                assert_int_equal(parameters_format(&text, q, &resolved, cases[i].index, "m"), 0);
                assert_string_equal(text, cases[i].expected);
        }
}

static void test_touches(void **state)
{
        (void)state;
        q->prompt_metadata = false;
        resolved.guidance = 0;
        resolved.drawn_width = 176;
        resolved.drawn_height = 88;
        resolved.enlarge = ENLARGE_NETWORK;
        resolved.sharpen = 0.25;
        resolved.remove_artefacts = 1;
        assert_says(", Size: 512x256, Enlarge: network from 176x88, Remove artefacts: 1, Sharpen: 0.25, Model: m, ");
}

static void test_long_prompt(void **state)
{
        (void)state;
        resolved.prompt_tokens = 150;
        resolved.prompt_chunks = 2;
        resolved.truncated_tokens = 7;
        assert_says(", Prompt tokens: 150, Prompt chunks: 2, Truncated tokens: 7, Version: ");
}

static void test_fast(void **state)
{
        (void)state;
        q->fast = 1;
        resolved.prompt_tokens = 150;
        resolved.prompt_chunks = 2;
        resolved.precision = PRECISION_BF16;
        assert_says(", Prompt tokens: 150, Fast: yes, Prompt chunks: 2, ");
        assert_says(", Precision: bf16, Version: ");
}

static void add_loras(void)
{
        q->n_loras = 2;
        q->loras[0] = (RequestLora) { .name = "style", .weight = 1 };
        q->loras[1] = (RequestLora) { .name = "more style", .weight = -0.5 };
}

static void test_more(void **state)
{
        (void)state;
        q->clip_skip = 2;
        q->tiling = TILING_BOTH;
        resolved.prompt_tokens = 150;
        resolved.prompt_chunks = 2;
        add_loras();
        assert_says("a red fox <lora:style:1> <lora:more style:-0.5>\nSteps: 20");
        assert_says(", Prompt tokens: 150, Clip skip: 2, Tiling: True, Prompt chunks: 2, ");
}

static void test_twice(void **state)
{
        (void)state;
        q->hires_scale = 2;
        q->outpaint[SIDE_LEFT] = 128;
        q->outpaint[SIDE_DOWN] = 64;
        resolved.first_width = 256;
        resolved.first_height = 128;
        resolved.second_steps = 14;
        resolved.enlarge = ENLARGE_NONE;
        assert_says(", Size: 256x128, ");
        assert_says(", Denoising strength: 0.7, Hires upscale: 2, Hires steps: 14, Hires upscaler: Latent, ");
        assert_says(", Outpaint: \"left:128 down:64\", ");
}

/* A model's name is anybody's. */
static void test_quotes(void **state)
{
        _cleanup_(freep) char *text = NULL;
        (void)state;

        assert_int_equal(parameters_format(&text, q, &resolved, 0, "my \"best\", 2: ü"), 0);
        assert_non_null(strstr(text, ", Model: \"my \\\"best\\\", 2: ü\", Prompt tokens: "));
}

/* Adapters say what a prompt is about, too. */
static void test_hidden(void **state)
{
        (void)state;
        _cleanup_(freep) char *hidden = NULL;

        add_loras();
        q->prompt_metadata = false;
        assert_int_equal(parameters_format(&hidden, q, &resolved, 0, "m"), 0);
        assert_null(strstr(hidden, "style"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        const struct CMUnitTest tests[] = {
                TEST(test_whole_text), TEST(test_touches), TEST(test_long_prompt), TEST(test_fast),
                TEST(test_more),       TEST(test_twice),   TEST(test_hidden), TEST(test_quotes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
