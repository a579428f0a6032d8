/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The engine as its library shows it: what it says of its model and of a request, what it tells on the way, how it is
 * interrupted, and which models it refuses. */

#include "tests/engine/engines.h"

static void test_info(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        const ModelInfo *info = engine_info(engine);

        assert_string_equal(info->name, "tiny");
        assert_string_equal(info->version, "1");
        assert_string_equal(info->license, "CC0-1.0");
        assert_int_equal(info->width, 16);
        assert_int_equal(info->height, 16);
        assert_int_equal(info->size_multiple, 2);
        assert_int_equal(info->steps, 3);
        assert_int_equal(info->sampler, SAMPLER_EULER_A);
        assert_true(info->guidance > 3.99 && info->guidance < 4.01);
        assert_true(info->parameters > 100000);
}

static void test_resolve(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *request = new_request();
        Resolved resolved;
        Error error = {};

        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.width, 16);
        assert_int_equal(resolved.height, 16);
        assert_int_equal(resolved.steps, 3);
        assert_int_equal(resolved.sampler, SAMPLER_EULER_A);
        assert_int_equal(resolved.prompt_tokens, 0);
        assert_int_equal(resolved.truncated_tokens, 0);

        request->enlarge = ENLARGE_NETWORK;
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), -EINVAL);
        assert_string_equal(error.text, "enlarge: the model tiny has no network for it; \"lanczos\" needs none");
        request->enlarge = ENLARGE_DEFAULT;
        request->width = 33;
        request->height = 17;
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.width, 33);
        assert_int_equal(resolved.height, 17);
        assert_int_equal(resolved.drawn_width, 34);
        assert_int_equal(resolved.drawn_height, 18);
        request->width = 34;
        request->height = 48;
        request->steps = 500;
        request->sampler = SAMPLER_DDIM;
        request->guidance = 0;
        memset(request->prompt, 'a', REQUEST_PROMPT_MAX);
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), 0);
        assert_int_equal(resolved.width, 34);
        assert_int_equal(resolved.height, 48);
        assert_int_equal(resolved.steps, 500);
        assert_int_equal(resolved.prompt_tokens, 16 * 75);
        assert_int_equal(resolved.prompt_chunks, 16);
        assert_true(resolved.truncated_tokens > 1000);

        strcpy(request->prompt, "\xff");
        assert_int_equal(engine_resolve(engine, request, &resolved, &error), -EINVAL);
        assert_string_equal(error.text, "prompt: not valid UTF-8");
}

typedef struct Seen {
        Engine *engine;
        uint32_t stages, progress, previews, last_step, steps;
        double fraction;
        uint32_t cancel_at; /* the step at which to cancel; 0: never */
} Seen;

static void on_progress(void *userdata, Stage stage, uint32_t step, uint32_t steps, double fraction)
{
        Seen *seen = userdata;

        assert_true(stage < STAGE_MAX);
        assert_true(step <= steps);
        assert_true(fraction >= seen->fraction && fraction <= 1);
        seen->fraction = fraction;
        seen->stages |= 1U << stage;
        seen->progress++;
        if (stage == STAGE_DENOISE && step > 0) {
                assert_int_equal(step, seen->last_step + 1);
                seen->last_step = step;
                seen->steps = steps;
                if (step == seen->cancel_at)
                        engine_cancel(seen->engine);
        }
}

static bool on_preview_wanted(void *userdata, uint32_t step)
{
        (void)userdata;
        return step % 2 == 0;
}

static void on_preview(void *userdata, uint32_t step, const Picture *picture)
{
        Seen *seen = userdata;

        assert_int_equal(step % 2, 0);
        assert_true(picture->width > 0 && picture->width <= 256);
        assert_true(picture->height > 0 && picture->height <= 256);
        assert_int_equal(picture->width, 144);
        seen->previews++;
}

static void test_events(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
        _cleanup_(picture_done) Picture with = {}, without = {};
        _cleanup_(freep) Request *request = new_request();
        Seen seen = { .engine = engine };
        const EngineEvents events = { &seen, on_progress, on_preview_wanted, on_preview };

        request->steps = 5;
        request->width = 288; /* so that a preview must be smaller */
        request->height = 32;
        assert_int_equal(engine_generate(engine, request, 0, &events, &with, NULL), 0);
        assert_int_equal(seen.stages, 15);
        assert_int_equal(seen.last_step, 5);
        assert_int_equal(seen.progress, 1 + 1 + 5 + 1 + 1);
        assert_int_equal(seen.previews, 2);

        /* Looking does not change the picture. */
        assert_int_equal(engine_generate(engine, request, 0, NULL, &without, NULL), 0);
        assert_int_equal(with.width, 288);
        assert_int_equal(with.height, 32);
        assert_memory_equal(with.rgb, without.rgb, (size_t)288 * 32 * 3);
}

/* What is told counts the steps that a strength leaves. */
static void test_events_of_part(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 1);
        _cleanup_(freep) Request *request = new_request();
        static const double strengths[] = { 0.001, 0.5, 0.99, 1 };
        static const uint32_t made[] = { 1, 10, 19, 20 };
        uint8_t pixels[16 * 16 * 4] = {};
        const ReadPicture source = { 16, 16, pixels };

        request->steps = 20;
        request->inputs = 1U << INPUT_IMAGE;
        engine_set_source(engine, &source, NULL);
        for (size_t i = 0; i < ELEMENTSOF(strengths); i++) {
                _cleanup_(picture_done) Picture picture = {};
                Seen seen = { .engine = engine };
                const EngineEvents events = { .userdata = &seen, .progress = on_progress };
                Resolved resolved;

                request->strength = strengths[i];
                assert_int_equal(engine_resolve(engine, request, &resolved, NULL), 0);
                assert_int_equal(resolved.steps, 20);
                assert_int_equal(resolved.made_steps, made[i]);
                assert_int_equal(engine_generate(engine, request, 0, &events, &picture, NULL), 0);
                assert_int_equal(seen.last_step, made[i]);
                assert_int_equal(seen.steps, made[i]);
                assert_int_equal(seen.stages, 15);
        }
}

static void test_cancel(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) Request *request = new_request();
        Seen seen = { .engine = engine, .cancel_at = 3 };
        const EngineEvents events = { .userdata = &seen, .progress = on_progress };
        Error error = {};

        request->steps = 10;
        assert_int_equal(engine_generate(engine, request, 0, &events, &picture, &error), -ECANCELED);
        assert_string_equal(error.text, "cancelled");
        assert_int_equal(seen.last_step, 3);
        assert_null(picture.rgb);

        /* It was for that one only. */
        assert_int_equal(engine_generate(engine, request, 0, NULL, &picture, &error), 0);
}

/* Seed + index decide, threads do not. */
static void test_same_bits(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *one = open_engine(TINY, 1), *three = open_engine(TINY, 3);
        _cleanup_(picture_done) Picture a = {}, b = {}, c = {};
        _cleanup_(freep) Request *request = new_request();

        strcpy(request->prompt, "a red fox");
        request->width = 64;
        request->height = 48;
        request->seed = 41;
        assert_int_equal(engine_generate(one, request, 1, NULL, &a, NULL), 0);
        assert_int_equal(engine_generate(one, request, 0, NULL, &c, NULL), 0);
        request->seed = 42;
        assert_int_equal(engine_generate(three, request, 0, NULL, &b, NULL), 0);
        assert_memory_equal(a.rgb, b.rgb, (size_t)64 * 48 * 3);
        assert_memory_not_equal(a.rgb, c.rgb, (size_t)64 * 48 * 3);
}

/* Odd requests make pictures, too. */
static void test_edges(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
        _cleanup_(freep) Request *request = new_request();
        static const struct {
                uint32_t width, height, steps;
                double guidance;
                uint64_t seed;
        } cases[] = {
                { 16, 16, 1, 0, 0 },   { 16, 16, 2, 30, UINT64_MAX },
                { 128, 16, 1, 1, 1 },  { 16, 128, 1, 100, UINT32_MAX },
                { 18, 22, 3, 7.5, 5 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (uint32_t sampler = 1; sampler < SAMPLER_MAX; sampler++) {
                        _cleanup_(picture_done) Picture picture = {};
                        Error error = {};
                        request->width = cases[i].width;
                        request->height = cases[i].height;
                        request->steps = cases[i].steps;
                        request->guidance = cases[i].guidance;
                        request->seed = cases[i].seed;
                        request->sampler = sampler;
                        if (engine_generate(engine, request, 63, NULL, &picture, &error) < 0)
                                fail_msg("case %zu: %s", i, error.text);
                        assert_int_equal(picture.width, cases[i].width);
                        assert_int_equal(picture.height, cases[i].height);
                }
}

/* A copy of the tiny model, changed by a shell command in its folder. */
static void with_changed_model(const char *change, void (*check)(const char *dir, const void *expected),
                               const void *expected)
{
        char dir[] = "/tmp/model-XXXXXX", command[1024];

        assert_non_null(mkdtemp(dir));
        (void)snprintf(command, sizeof(command), "cp -RL %s/. %s && cd %s && %s", TINY, dir, dir, change);
        assert_int_equal(system(command), 0);
        check(dir, expected);
        (void)snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

/* It is not loaded, and the sentence says these words. */
static void check_refused(const char *dir, const void *expected)
{
        Engine *engine = NULL;
        Error error = {};
        int r = engine_new(&engine, dir, 1, &error);

        if ((r != -EBADMSG && r != -EOPNOTSUPP) || error.code != r || !strstr(error.text, expected))
                fail_msg("%d \"%s\" instead of \"%s\"", r, error.text, (const char *)expected);
        assert_null(engine);
        assert_int_equal(engine_new(&engine, dir, 1, NULL), r);
}

/* It is loaded, and makes no numbers. */
static void check_infinite(const char *dir, const void *expected)
{
        _cleanup_(engine_freep) Engine *engine = NULL;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) Request *request = new_request();
        Error error = {};

        if (engine_new(&engine, dir, 1, &error) < 0)
                fail_msg("%s", error.text);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(engine_generate(engine, request, 0, NULL, &picture, &error), -EBADMSG);
                assert_string_equal(error.text, expected);
                assert_null(picture.rgb);
        }
}

static void test_broken_models(void **state)
{
        (void)state;
        static const char *const refused[][2] = {
                /* the same length, so that all offsets stay */
                { "sed -i s/conv_in.weight/conv_in.wrong_/ unet/diffusion_pytorch_model.safetensors",
                  "no tensor \"conv_in.weight\"" },
                { "sed -i s/decoder.conv_out.bias/decoder.conv_out.bits/ "
                  "vae/diffusion_pytorch_model.safetensors",
                  "no tensor \"decoder.conv_out.bias\"" },
                { "sed -i s/final_layer_norm.weight/final_layer_norm.wrong_/ text_encoder/model.safetensors",
                  "final_layer_norm.weight\"" },
                { "cp vae/diffusion_pytorch_model.safetensors unet/", "no tensor" },
                { "sed -i 's/\"block_out_channels\": \\[/&8, /; s/\"Up/\"UpBlock2D\", &/; "
                  "s/\"Down/\"DownBlock2D\", &/' "
                  "unet/config.json",
                  "unet" },
                { "sed -i 's/\"layers_per_block\": 1/\"layers_per_block\": 2/' unet/config.json",
                  "no tensor" },
                { "sed -i 's/\"hidden_size\": 12/\"hidden_size\": 24/' text_encoder/config.json",
                  "embeddings" },
                { "sed -i 's/\"vocab_size\": 714/\"vocab_size\": 700/' text_encoder/config.json",
                  "714 tokens, but text_encoder knows 700" },
                { "sed -i 's/\"vocab_size\": 714/\"vocab_size\": 720/' text_encoder/config.json",
                  "shape [714, 12], not [720, 12]" },
                { "sed -i s/startoftext/startofbook/ tokenizer/vocab.json", "no \"<|startoftext|>\"" },
                { "sed -i 's/\"native_size\": 16/\"native_size\": 2048, \"enlarge\": 8/' imagined.json",
                  "too large" },
        };

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                with_changed_model(refused[i][0], check_refused, refused[i][1]);

        /* All ones, which are NaN in 16 bits, in the middle of the weights. */
        with_changed_model("tr '\\0' '\\377' </dev/zero | dd of=unet/diffusion_pytorch_model.safetensors "
                           "bs=1000 seek=150 "
                           "count=20 conv=notrunc iflag=fullblock status=none",
                           check_infinite, "tiny: the denoiser made infinite numbers");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_info),
                cmocka_unit_test(test_resolve),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_events_of_part),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_same_bits),
                cmocka_unit_test(test_edges),
                cmocka_unit_test(test_broken_models),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
