/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From prompt to picture: against our PyTorch reference with the tiny model, and, where the data are,
 * against diffusers with both of its models. */

#include "engine/engine.h"
#include "engine/image/picture.h"
#include "engine/pipeline.h"
#include "tests/engine/fixtures.h"

#define TINY "tests/fixtures/tiny-model"
#define TOLERANCE 1e-4 /* of the latents, relative to the largest */

static const EngineEvents no_events = {};

static void copy_text(char ret[static REQUEST_PROMPT_MAX + 1], const json_t *value)
{
        (void)snprintf(ret, REQUEST_PROMPT_MAX + 1, "%s",
                       json_is_string(value) ? json_string_value(value) : "");
}

static Request *new_request(void)
{
        Request *request = malloc(sizeof(*request));
        assert_non_null(request);
        request_init(request);
        return request;
}

/* Runs the stages one by one; the latents must agree to TOLERANCE, the picture to one grey level. */
static void check_picture(Pipeline *p, const PictureJob *job, const float *latents, size_t n_latents,
                          const float *image, size_t n_image)
{
        _cleanup_(unet_context_freep) UNetContext *context = NULL;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) float *found = NULL;
        const uint32_t factor = vae_factor(&p->model->vae);
        const uint32_t h = job->resolved->drawn_height / factor, w = job->resolved->drawn_width / factor;
        Tensor decoded = {};
        Error error = {};

        _cleanup_(freep) float *beside = NULL;
        PictureJob whole = *job;
        int r = pipeline_inpaints(p) ? pipeline_beside_blank(p, h, w, &beside, &error) : 0;
        whole.beside = beside;
        if (r >= 0)
                r = pipeline_encode(p, job, &context, &error);
        if (r >= 0)
                r = pipeline_denoise(p, &whole, context, NULL, &found, &error);
        if (r < 0 || !found) {
                fail_msg("%s", error.text);
                return;
        }
        assert_int_equal(n_latents, (size_t)p->model->vae.latent_channels * h * w);
        double d = difference(found, latents, n_latents);
        if (!(d <= TOLERANCE))
                fail_msg("latents differ by %g", d);

        if (pipeline_decode(p, found, h, w, &decoded, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(picture_from_tensor(&picture, &decoded), 0);
        assert_int_equal(n_image, (size_t)picture.width * picture.height * 3);
        for (size_t i = 0; i < n_image; i++)
                if (abs((int)picture.rgb[i] - (int)(image[i] + 0.5F)) > 1)
                        fail_msg("byte %zu of the picture is %u, not %g", i, picture.rgb[i],
                                 (double)image[i]);
        print_message("latents differ by %.1e\n", d);
        arena_release(p->compute.arena, (ArenaMark) {});
}

static void check_runs(const char *model, const char *runs_name, const char *pictures_name, size_t n)
{
        json_t *runs = load_json(fixture(runs_name).text);
        _cleanup_(safetensors_freep) Safetensors *goldens = load_safetensors(fixture(pictures_name).text);
        _cleanup_(pipeline_done) Pipeline p = {};
        _cleanup_(freep) Request *request = new_request();
        size_t i;
        json_t *run;

        assert_int_equal(pipeline_load(&p, model, 2, NULL), 0);
        json_array_foreach (runs, i, run) {
                const char *name = json_string_value(json_object_get(run, "name"));
                copy_text(request->prompt, json_object_get(run, "prompt"));
                copy_text(request->negative_prompt, json_object_get(run, "negative"));
                const Resolved resolved = {
                        .width = (uint32_t)json_integer_value(json_object_get(run, "width")),
                        .height = (uint32_t)json_integer_value(json_object_get(run, "height")),
                        .drawn_width = (uint32_t)json_integer_value(json_object_get(run, "width")),
                        .drawn_height = (uint32_t)json_integer_value(json_object_get(run, "height")),
                        .enlarge = ENLARGE_NONE,
                        .steps = (uint32_t)json_integer_value(json_object_get(run, "steps")),
                        .sampler = (uint32_t)sampler_from_string(
                                        json_string_value(json_object_get(run, "sampler")), NULL),
                        .guidance_rescale = p.model->card.guidance_rescale,
                        .guidance = json_number_value(json_object_get(run, "guidance")),
                };
                const PictureJob job = {
                        .request = request,
                        .resolved = &resolved,
                        .seed = (uint64_t)json_integer_value(json_object_get(run, "seed")),
                        .events = &no_events,
                };
                size_t n_latents, n_image;
                _cleanup_(freep) float *latents = load_floats(goldens, &n_latents, "%s/latents", name);
                _cleanup_(freep) float *image = load_floats(goldens, &n_image, "%s/image", name);
                for (size_t k = 0; k < n_image; k++)
                        image[k] *= 255;
                print_message("%s: ", name);
                check_picture(&p, &job, latents, n_latents, image, n_image);
        }
        assert_int_equal(i, n);
        json_decref(runs);
}

static void test_reference(void **state)
{
        (void)state;
        check_runs(TINY, "pipeline.json", "pipeline.safetensors", 4);
}

static void test_reference_xl(void **state)
{
        (void)state;
        check_runs("tests/fixtures/tiny-xl", "pipeline-xl.json", "pipeline-xl.safetensors", 3);
}

/* An inpainting model without a picture to paint in, which embeds its guidance scale. */
static void test_reference_inpaint(void **state)
{
        (void)state;
        check_runs("tests/fixtures/tiny-inpaint", "pipeline-inpaint.json", "pipeline-inpaint.safetensors", 1);
}

static uint32_t golden_sampler(const char *name)
{
        static const struct {
                const char *start;
                Sampler sampler;
        } samplers[] = {
                { "ddim", SAMPLER_DDIM },         { "euler_a", SAMPLER_EULER_A }, { "euler", SAMPLER_EULER },
                { "dpmpp2m", SAMPLER_DPMPP_2M },  { "sde", SAMPLER_DPMPP_2M_SDE }, { "heun", SAMPLER_HEUN },
                { "lms", SAMPLER_LMS },           { "pndm", SAMPLER_PNDM },       { "unipc", SAMPLER_UNIPC },
                { "ddpm", SAMPLER_DDPM },         { "lcm", SAMPLER_LCM },
        };
        for (size_t i = 0; i < ELEMENTSOF(samplers); i++)
                if (strncmp(name, samplers[i].start, strlen(samplers[i].start)) == 0)
                        return samplers[i].sampler;
        return SAMPLER_DEFAULT;
}

/* diffusers knows no syntax: brackets are themselves. */
static void copy_plain(char *ret, const json_t *text)
{
        for (const char *s = json_is_string(text) ? json_string_value(text) : ""; *s; s++) {
                if (strchr("()[]\\", *s))
                        *ret++ = '\\';
                *ret++ = *s;
        }
        *ret = '\0';
}

static void check_golden(Pipeline *p, const char *variant, const json_t *run, Request *request)
{
        const char *name = json_string_value(json_object_get(run, "name"));
        char path[256];
        (void)snprintf(path, sizeof(path), "goldens/%s/pipe_%s.safetensors", variant, name);
        _cleanup_(safetensors_freep) Safetensors *goldens = load_safetensors(shared(path).text);

        copy_plain(request->prompt, json_object_get(run, "prompt"));
        copy_plain(request->negative_prompt, json_object_get(run, "negative_prompt"));
        size_t n_latents, n_image;
        _cleanup_(freep) float *latents = load_floats(goldens, &n_latents, "latents");
        _cleanup_(freep) float *image = load_floats(goldens, &n_image, "image_u8");
        const StoredTensor *shape = safetensors_find(goldens, "image_u8");
        const Resolved resolved = {
                .width = (uint32_t)shape->shape[2],
                .height = (uint32_t)shape->shape[1],
                .drawn_width = (uint32_t)shape->shape[2],
                .drawn_height = (uint32_t)shape->shape[1],
                .enlarge = ENLARGE_NONE,
                .steps = (uint32_t)json_integer_value(json_object_get(run, "steps")),
                .sampler = golden_sampler(name),
                .guidance = json_number_value(json_object_get(run, "guidance_scale")),
        };
        const PictureJob job = {
                .request = request,
                .resolved = &resolved,
                .seed = (uint64_t)json_integer_value(json_object_get(run, "seed")),
                .events = &no_events,
        };
        size_t n = (size_t)(resolved.width * resolved.height) * p->model->vae.latent_channels /
                   (vae_factor(&p->model->vae) * vae_factor(&p->model->vae)); /* the last of them */
        print_message("%s %s: ", variant, name);
        p->model->scheduler.karras = strstr(name, "karras") != NULL;
        check_picture(p, &job, latents + n_latents - n, n, image, n_image);
}

static void check_goldens(const char *variant)
{
        char path[256];
        (void)snprintf(path, sizeof(path), "goldens/%s/pipelines.json", variant);
        json_t *runs = load_json(shared(path).text);
        (void)snprintf(path, sizeof(path), "goldens/%s/model", variant);
        _cleanup_(pipeline_done) Pipeline p = {};
        _cleanup_(freep) Request *request = new_request();
        Error error = {};
        size_t i, checked = 0;
        json_t *run;

        if (pipeline_load(&p, shared(path).text, 2, &error) < 0)
                fail_msg("%s", error.text);
        json_array_foreach (runs, i, run) {
                const char *name = json_string_value(json_object_get(run, "name"));
                /* A batch has noise of its own, and of several prompts; clip skip is none of our settings
                 * yet. */
                if (!golden_sampler(name) || strstr(name, "batch2") || strstr(name, "clipskip"))
                        continue;
                check_golden(&p, variant, run, request);
                checked++;
        }
        assert_int_equal(checked, 15);
        json_decref(runs);
}

static void test_goldens_a(void **state)
{
        (void)state;
        check_goldens("A");
}

static void test_goldens_b(void **state)
{
        (void)state;
        check_goldens("B");
}

/* A generator that the seed decides, and pictures of a job counted as web UIs count them. */
static void test_seeds(void **state)
{
        (void)state;
        Request q;

        request_init(&q);
        q.seed = 7;
        q.variation_seed = 9;
        assert_int_equal(request_picture_seed(&q, 2), 9);
        q.variation_strength = 0.25;
        assert_int_equal(request_picture_seed(&q, 2), 7);
        assert_int_equal(request_variation_seed(&q, 2), 11);
}

static Engine *open_engine(unsigned threads)
{
        Engine *engine = NULL;
        Error error = {};

        if (engine_new(&engine, TINY, threads, &error) < 0)
                fail_msg("%s", error.text);
        return engine;
}

static void test_info(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(1);
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
        _cleanup_(engine_freep) Engine *engine = open_engine(1);
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
        uint32_t stages, progress, previews, last_step;
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
        _cleanup_(engine_freep) Engine *engine = open_engine(2);
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

static void test_cancel(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(2);
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
        _cleanup_(engine_freep) Engine *one = open_engine(1), *three = open_engine(3);
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
        _cleanup_(engine_freep) Engine *engine = open_engine(2);
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

static void paint(Engine *engine, const Request *q, Picture *ret)
{
        assert_int_equal(engine_generate(engine, q, 0, NULL, ret, NULL), 0);
}

static bool are_equal(const Picture *a, const Picture *b)
{
        return memcmp(a->rgb, b->rgb, (size_t)a->width * a->height * 3) == 0;
}

/* Guided on the whole way, on none of it, and on a part; other noise; a variation. */
static void test_guided_part(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture whole = {}, none = {}, plain = {}, part = {}, philox = {}, varied = {}, same = {};

        strcpy(q->prompt, "a red fox");
        q->guidance = 5;
        q->steps = 4;
        paint(engine, q, &whole);
        q->guidance_end = 0;
        paint(engine, q, &none);
        q->guidance_start = 0.5;
        q->guidance_end = 1;
        paint(engine, q, &part);
        q->guidance_start = 0;
        q->guidance = 1;
        paint(engine, q, &plain);
        assert_true(are_equal(&none, &plain));
        assert_false(are_equal(&whole, &none));
        assert_false(are_equal(&part, &whole));
        assert_false(are_equal(&part, &none));

        q->rng = RNG_PHILOX;
        paint(engine, q, &philox);
        assert_false(are_equal(&philox, &plain));
        q->rng = RNG_CPU;
        q->variation_seed = 5;
        q->variation_strength = 0.5;
        paint(engine, q, &varied);
        assert_false(are_equal(&varied, &plain));
        q->variation_seed = q->seed;
        paint(engine, q, &same);
        for (size_t i = 0; i < (size_t)same.width * same.height * 3; i++)
                assert_in_range(same.rgb[i] + 1, plain.rgb[i], plain.rgb[i] + 2);
}

/* 16 x 16 pixels, the left half red, the right one blue; as a mask its left half is clear and to be painted. */
static void make_source(ReadPicture *ret)
{
        *ret = (ReadPicture) { .width = 16, .height = 16, .rgba = calloc(16 * 16, 4) };
        assert_non_null(ret->rgba);
        for (int i = 0; i < 16 * 16; i++) {
                ret->rgba[i * 4 + (i % 16 < 8 ? 0 : 2)] = 200;
                ret->rgba[i * 4 + 3] = i % 16 < 8 ? 0 : 255;
        }
}

static void make_opaque(ReadPicture *picture)
{
        for (int i = 0; i < 16 * 16; i++)
                picture->rgba[i * 4 + 3] = 255;
}

/* How many bytes of the columns from x on differ from the source's. */
static size_t count_changed(const Picture *picture, const ReadPicture *source, int x, int end)
{
        size_t n = 0;

        for (int i = 0; i < 16 * 16; i++)
                for (int k = 0; k < 3; k++)
                        n += i % 16 >= x && i % 16 < end &&
                             abs(picture->rgb[i * 3 + k] - source->rgba[i * 4 + k]) > 1;
        return n;
}

/* From a picture: what the mask leaves out stays as it was, the rest depends on the picture, the seed and the strength. */
static void test_sources(void **state)
{
        (void)state;
        _cleanup_(engine_freep) Engine *engine = open_engine(1);
        _cleanup_(freep) Request *q = new_request();
        _cleanup_(picture_done) Picture masked = {}, whole = {}, weak = {}, noise = {}, full = {};
        _cleanup_(read_picture_done) ReadPicture source = {}, mask = {};
        Picture none = {};
        Error error = {};

        make_source(&source);
        make_opaque(&source);
        make_source(&mask);
        strcpy(q->prompt, "a red fox");
        q->steps = 4;
        q->sampler = SAMPLER_EULER;
        paint(engine, q, &noise);

        engine_set_source(engine, &source, &mask);
        assert_int_equal(engine_generate(engine, q, 0, NULL, &none, &error), -EINVAL);
        q->strength = 0.75;
        paint(engine, q, &masked);
        /* The edge, where the resized mask would be grey, is sharp: sizes are the same. */
        assert_int_equal(count_changed(&masked, &source, 8, 16), 0);
        assert_true(count_changed(&masked, &source, 0, 8) > 100);

        engine_set_source(engine, &source, NULL);
        paint(engine, q, &whole);
        assert_true(count_changed(&whole, &source, 8, 16) > 100);
        q->strength = 0.25;
        paint(engine, q, &weak);
        assert_false(are_equal(&weak, &whole));
        q->strength = 1;
        paint(engine, q, &full);
        assert_false(are_equal(&full, &noise)); /* a little of the picture shines through the highest noise */

        engine_set_source(engine, NULL, NULL);
        assert_int_equal(engine_generate(engine, q, 0, NULL, &none, &error), -EINVAL);
        assert_string_equal(error.text, "strength: goes with a picture to start from, and needs one");
        q->strength = 0;
        _cleanup_(picture_done) Picture again = {};
        paint(engine, q, &again);
        assert_true(are_equal(&again, &noise));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_seeds),
                cmocka_unit_test(test_guided_part),
                cmocka_unit_test(test_sources),
                cmocka_unit_test(test_reference), cmocka_unit_test(test_reference_xl),
                cmocka_unit_test(test_reference_inpaint), cmocka_unit_test(test_goldens_a),
                cmocka_unit_test(test_goldens_b), cmocka_unit_test(test_info),
                cmocka_unit_test(test_resolve),   cmocka_unit_test(test_events),
                cmocka_unit_test(test_cancel),    cmocka_unit_test(test_same_bits),
                cmocka_unit_test(test_edges),     cmocka_unit_test(test_broken_models),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
