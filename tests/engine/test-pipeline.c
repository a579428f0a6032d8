/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From prompt to picture: against our PyTorch reference with the tiny model, and, where the data are,
 * against diffusers with both of its models. */

#include "engine/image/picture.h"
#include "engine/pipeline.h"
#include "tests/engine/engines.h"

#define TOLERANCE 1e-4 /* of the latents, relative to the largest */

static const EngineEvents no_events = {};

static void copy_text(char ret[static REQUEST_PROMPT_MAX + 1], const json_t *value)
{
        (void)snprintf(ret, REQUEST_PROMPT_MAX + 1, "%s",
                       json_is_string(value) ? json_string_value(value) : "");
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

        assert_int_equal(pipeline_load(&p, model, PRECISION_F32, 2, NULL), 0);
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
                _cleanup_(lora_set_freep) LoraSet *loras = NULL;
                Error error = {};
                if (pipeline_apply_loras(&p, &job, &loras, &error) < 0)
                        fail_msg("%s", error.text);
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

/* An adapter for few steps, convolutions too, with its sampler. */
static void test_reference_lcm_lora(void **state)
{
        (void)state;
        check_runs(TINY, "pipeline-lcm.json", "pipeline-lcm.safetensors", 2);
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

        if (pipeline_load(&p, shared(path).text, PRECISION_F32, 2, &error) < 0)
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference),
                cmocka_unit_test(test_reference_xl),
                cmocka_unit_test(test_reference_inpaint),
                cmocka_unit_test(test_reference_lcm_lora),
                cmocka_unit_test(test_goldens_a),
                cmocka_unit_test(test_goldens_b),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
