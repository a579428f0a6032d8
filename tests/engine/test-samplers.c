/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every sampler against diffusers 0.27.2: timesteps, sigmas and the latents after each step, with a denoiser
 * that is a formula (see check_run). tests/fixtures has some runs of each; all of them are read where the
 * goldens exist. */

#include <math.h>

#include "engine/denoise/sampler.h"
#include "tests/engine/fixtures.h"

#define LATENTS 16

static double worst_seen;

static void config_from_run(SchedulerConfig *ret, const json_t *run)
{
        char path[] = "/tmp/scheduler-config-XXXXXX";
        json_t *config = json_deep_copy(json_object_get(run, "config"));
        Error error = {};

        json_object_set(config, "_class_name", json_object_get(run, "class"));
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(json_dumpfd(config, fd, 0), 0);
        close(fd);
        if (scheduler_config_read(ret, path, &error) < 0)
                fail_msg("%s", error.text);
        unlink(path);
        json_decref(config);
}

static void check_levels(const Sampling *s, const Safetensors *goldens, const char *key)
{
        size_t n = 0;
        _cleanup_(freep) float *timesteps = load_floats(goldens, &n, "%s/timesteps", key);

        assert_int_equal(n, s->n_evaluations);
        for (size_t i = 0; i < n; i++)
                if (!(fabs((double)s->evaluations[i].timestep - (double)timesteps[i]) <= (strstr(key, "kdpm2") ? 5e-3 : 1e-3)))
                        fail_msg("%s: timestep %zu is %g, not %g", key, i, (double)s->evaluations[i].timestep,
                                 (double)timesteps[i]);

        char name[128];
        (void)snprintf(name, sizeof(name), "%s/sigmas", key);
        if (!safetensors_find(goldens, name))
                return;
        _cleanup_(freep) float *sigmas = load_floats(goldens, &n, "%s", name);
        /* KDPM2's list has the steps' own ends where the middles are looked at. */
        const bool middles = strstr(key, "kdpm2");
        for (size_t i = 0; i < s->n_evaluations; i += middles ? 2 : 1)
                if (!(fabs(noise_level_sigma(s->evaluations[i].from) - (double)sigmas[i]) <= 1e-5 * (double)sigmas[i]))
                        fail_msg("%s: sigma %zu is %g, not %g", key, i, noise_level_sigma(s->evaluations[i].from),
                                 (double)sigmas[i]);
}

/* The config does not say it. */
static double eta_of(const json_t *run)
{
        return streq(json_string_value(json_object_get(run, "name")), "ddim_eta1") ? 1 : -1;
}

static void check_run(const json_t *run, const Safetensors *goldens, const SchedulerConfig *config)
{
        const char *key = json_string_value(json_object_get(run, "key"));
        uint32_t steps = (uint32_t)json_integer_value(json_object_get(run, "steps"));
        Noise noise;
        Error error = {};

        _cleanup_(sampling_freep) Sampling *s = NULL;
        const SamplingSettings settings = { .sampler = config->class_sampler, .steps = steps, .eta = eta_of(run) };
        if (sampling_new(&s, config, &settings, LATENTS, &error) < 0)
                fail_msg("%s: %s", key, error.text);
        check_levels(s, goldens, key);

        size_t n = 0;
        _cleanup_(freep) float *x = load_floats(goldens, &n, "x0_unit");
        assert_int_equal(n, LATENTS);
        _cleanup_(freep) float *expected = load_floats(goldens, &n, "%s/traj", key);
        assert_int_equal(n, LATENTS * s->n_evaluations);

        noise_seed(&noise, 99);
        sampling_start(s, x);
        for (uint32_t i = 0; i < s->n_evaluations; i++) {
                float input[LATENTS], prediction[LATENTS];

                sampling_input(s, i, x, input);
                for (int k = 0; k < LATENTS; k++)
                        prediction[k] = 0.7F * input[k] + 0.1F * s->evaluations[i].timestep / 1000;
                /* diffusers draws for its first halves too, and does not use it. */
                if (config->class_sampler == SAMPLER_DPM2_A && i % 2 == 0)
                        noise_normals(&noise, input, LATENTS);
                sampling_step(s, i, prediction, x, &noise);

                double d = difference(x, expected + (size_t)i * LATENTS, LATENTS);
                worst_seen = MAX(worst_seen, d);
                if (!(d <= 1e-5))
                        fail_msg("%s: step %u: latents differ by %g", key, i, d);
        }
}

static size_t check_all(TestPath index, TestPath tensors)
{
        json_t *runs = load_json(index.text);
        _cleanup_(safetensors_freep) Safetensors *goldens = load_safetensors(tensors.text);
        size_t i, checked = 0;
        json_t *run;

        json_array_foreach (runs, i, run) {
                SchedulerConfig config;
                const char *name = json_string_value(json_object_get(run, "name"));
                /* There diffusers rounds the timesteps, which k-diffusion does not. */
                if (json_object_get(run, "error") || (strstr(name, "kdpm2") && strstr(name, "karras")))
                        continue;
                config_from_run(&config, run);
                if (config.class_sampler == SAMPLER_DEFAULT)
                        continue;
                check_run(run, goldens, &config);
                checked++;
        }
        json_decref(runs);
        print_message("%zu runs, largest difference %g\n", checked, worst_seen);
        return checked;
}

static void test_fixture_runs(void **state)
{
        (void)state;
        assert_int_equal(check_all(fixture("schedulers.json"), fixture("schedulers.safetensors")), 48);
}

static void test_all_runs(void **state)
{
        (void)state;
        /* 90 configurations at up to 5 lengths, less those that are other samplers than ours (log-linear, Lu's lambdas,
         * other orders and solvers, a sigma at the end, dpmsolver, singlestep, PRK, bh1, noise instead of pictures). */
        assert_int_equal(check_all(shared("goldens/schedulers/index.json"),
                                   shared("goldens/schedulers/steps.safetensors")),
                         360);
}

static const struct {
        const char *key;
        BetaSchedule schedule;
        bool zero_snr;
} alphas[] = {
        { "linear", BETA_LINEAR, false },
        { "linear_zsnr", BETA_LINEAR, true },
        { "scaled_linear", BETA_SCALED_LINEAR, false },
        { "scaled_linear_zsnr", BETA_SCALED_LINEAR, true },
        { "squaredcos_cap_v2", BETA_SQUAREDCOS_CAP_V2, false },
        { "squaredcos_cap_v2_zsnr", BETA_SQUAREDCOS_CAP_V2, true },
};

static void test_alphas(void **state)
{
        (void)state;
        _cleanup_(safetensors_freep) Safetensors *goldens =
                        load_safetensors(shared("goldens/schedulers/steps.safetensors").text);

        for (size_t i = 0; i < ELEMENTSOF(alphas); i++) {
                SchedulerConfig config = {
                        .train_timesteps = 1000,
                        .beta_start = 0.00085,
                        .beta_end = 0.012,
                        .beta_schedule = alphas[i].schedule,
                        .rescale_betas_zero_snr = alphas[i].zero_snr,
                };
                _cleanup_(schedule_done) Schedule schedule = {};
                assert_int_equal(schedule_init(&schedule, &config), 0);
                size_t n = 0;
                _cleanup_(freep) float *expected =
                                load_floats(goldens, &n, "alphas_cumprod/%s", alphas[i].key);
                assert_int_equal(n, 1000);
                size_t exact = 0;
                double worst = 0;
                for (size_t k = 0; k < n; k++) {
                        double d = fabs((double)schedule.alphas_cumprod[k] - (double)expected[k]);
                        exact += d <= 0;
                        if (expected[k] > 0)
                                worst = MAX(worst, d / (double)expected[k]);
                }
                print_message("%s: %zu of %zu exact, worst %g\n", alphas[i].key, exact, n, worst);
                assert_true(worst <= 1e-4);
        }
}

/* The exact denoiser for pictures that are normally distributed, as tests/reference/make-samplers.py has it; told as
 * noise, at the level where the sampler believes to be. */
static void analytic(const Sampling *s, uint32_t i, const float *input, float *ret)
{
        const double mean = 0.3, variance = 0.8 * 0.8;
        const NoiseLevel at = s->evaluations[i].from;
        const double sigma = noise_level_sigma(at);

        for (int k = 0; k < LATENTS; k++) {
                double x = (double)input[k] / at.signal;
                double picture = (variance * x + sigma * sigma * mean) / (variance + sigma * sigma);
                ret[k] = (float)((x - picture) / sigma);
        }
}

static void check_reference(const json_t *run)
{
        const json_t *sigmas = json_object_get(run, "sigmas"), *expected = json_object_get(run, "latents");
        const char *sampler = json_string_value(json_object_get(run, "sampler")),
                   *schedule = json_string_value(json_object_get(run, "schedule"));
        const SchedulerConfig config = {
                .train_timesteps = 1000, .beta_start = 0.00085, .beta_end = 0.012, .beta_schedule = BETA_SCALED_LINEAR
        };
        const SamplingSettings settings = {
                .sampler = (Sampler)sampler_from_string(sampler, NULL),
                .schedule = (SigmaSchedule)sigma_schedule_from_string(schedule),
                .steps = (uint32_t)json_integer_value(json_object_get(run, "steps")),
                .eta = -1,
        };
        _cleanup_(sampling_freep) Sampling *s = NULL;
        float x[LATENTS], input[LATENTS], prediction[LATENTS], wanted[LATENTS];
        Noise noise;

        assert_int_equal(sampling_new(&s, &config, &settings, LATENTS, NULL), 0);
        assert_int_equal(s->steps, json_array_size(sigmas));
        for (uint32_t i = 0, k = 0; i < s->n_evaluations; i++) {
                /* Of a step in two the first half. */
                if (i > 0 && s->n_evaluations > s->steps && i % 2 == 1)
                        continue;
                double sigma = json_number_value(json_array_get(sigmas, k++));
                if (!(fabs(noise_level_sigma(s->evaluations[i].from) - sigma) <= 1e-5 * sigma))
                        fail_msg("%s %s: sigma %u is %g, not %g", sampler, schedule, i,
                                 noise_level_sigma(s->evaluations[i].from), sigma);
        }

        noise_seed(&noise, 7);
        noise_normals(&noise, x, LATENTS);
        sampling_start(s, x);
        for (uint32_t i = 0; i < s->n_evaluations; i++) {
                sampling_input(s, i, x, input);
                analytic(s, i, input, prediction);
                sampling_step(s, i, prediction, x, &noise);
        }
        for (int k = 0; k < LATENTS; k++)
                wanted[k] = (float)json_number_value(json_array_get(expected, (size_t)k));
        double d = difference(x, wanted, LATENTS);
        worst_seen = MAX(worst_seen, d);
        if (!(d <= 1e-5))
                fail_msg("%s %s, %u steps: latents differ by %g", sampler, schedule, settings.steps, d);
}

static void test_reference(void **state)
{
        (void)state;
        json_t *runs = load_json(fixture("samplers.json").text), *run;
        size_t i;

        worst_seen = 0;
        json_array_foreach (runs, i, run)
                check_reference(run);
        assert_int_equal(i, 14 * 6 * 2);
        print_message("largest difference %g\n", worst_seen);
        json_decref(runs);
}

static int try_settings(const SchedulerConfig *config, Sampler sampler, SigmaSchedule schedule, uint32_t steps,
                        Error *error)
{
        _cleanup_(sampling_freep) Sampling *s = NULL;
        const SamplingSettings settings = { .sampler = sampler, .schedule = schedule, .steps = steps, .eta = -1 };

        int r = sampling_new(&s, config, &settings, LATENTS, error);
        assert_true((r < 0) == !s);
        return r;
}

static void test_bad_requests(void **state)
{
        (void)state;
        SchedulerConfig config = { .train_timesteps = 50, .beta_start = 0.001, .beta_end = 0.02 };
        Error error = {};

        assert_int_equal(try_settings(&config, SAMPLER_DEFAULT, 0, 10, &error), -EINVAL);
        assert_int_equal(try_settings(&config, SAMPLER_MAX, 0, 10, &error), -EINVAL);
        assert_int_equal(try_settings(&config, SAMPLER_EULER, 0, 0, &error), -EINVAL);
        assert_int_equal(try_settings(&config, SAMPLER_EULER, 0, 50, &error), -EINVAL);
        assert_non_null(strstr(error.text, "50 timesteps"));
        config.train_timesteps = 1000;
        config.original_steps = 50;
        assert_int_equal(try_settings(&config, SAMPLER_EULER, SIGMA_SCHEDULE_MAX, 10, &error), -EINVAL);
        assert_int_equal(try_settings(&config, SAMPLER_PNDM, SIGMA_SCHEDULE_KARRAS, 10, &error), -EINVAL);
        assert_string_equal(error.text, "schedule: pndm has one of its own");
        assert_int_equal(try_settings(&config, SAMPLER_LCM, 0, 51, &error), -EINVAL);
        assert_string_equal(error.text, "steps: 51, but with this model lcm makes at most 50");
        assert_int_equal(try_settings(&config, SAMPLER_LCM, SIGMA_SCHEDULE_SIMPLE, 51, &error), 0);
}

static void check_finite(const SchedulerConfig *config, const SamplingSettings *settings)
{
        _cleanup_(sampling_freep) Sampling *s = NULL;
        float x[LATENTS], input[LATENTS];
        Noise noise;

        int r = sampling_new(&s, config, settings, LATENTS, NULL);
        if (r < 0) {
                assert_true(settings->sampler == SAMPLER_LCM || settings->sampler == SAMPLER_PNDM);
                return;
        }
        noise_seed(&noise, 1);
        noise_normals(&noise, x, LATENTS);
        sampling_start(s, x);
        for (uint32_t i = 0; i < s->n_evaluations; i++) {
                sampling_input(s, i, x, input);
                sampling_step(s, i, input, x, &noise);
        }
        for (int k = 0; k < LATENTS; k++)
                if (!isfinite(x[k]))
                        fail_msg("%s, schedule %d, spacing %d, %u steps: not finite", s->type->label,
                                 settings->schedule, config->spacing, s->steps);
        assert_int_equal(sampling_step_of(s, s->n_evaluations - 1), s->steps);
}

/* Whatever the number of steps, the spacing and the schedule, a step never leads to numbers that are none. */
static void test_stays_finite(void **state)
{
        (void)state;
        static const uint32_t step_counts[] = { 1, 2, 3, 7, 33, 500, 999 };

        for (int spacing = SPACING_DEFAULT; spacing <= SPACING_LINSPACE; spacing++)
                for (int sampler = SAMPLER_DEFAULT + 1; sampler < SAMPLER_MAX; sampler++)
                        for (size_t c = 0; c < ELEMENTSOF(step_counts) * 2; c++)
                                for (int schedule = 0; schedule < (spacing ? 1 : SIGMA_SCHEDULE_MAX); schedule++) {
                                        SchedulerConfig config = {
                                                .train_timesteps = 1000,
                                                .beta_start = 0.00085,
                                                .beta_end = 0.012,
                                                .beta_schedule = BETA_SCALED_LINEAR,
                                                .prediction = PREDICTION_V,
                                                .spacing = (TimestepSpacing)spacing,
                                                .steps_offset = 1,
                                                .original_steps = 50,
                                                .rescale_betas_zero_snr = c % 2,
                                        };
                                        SamplingSettings settings = {
                                                .sampler = (Sampler)sampler,
                                                .schedule = (SigmaSchedule)schedule,
                                                .steps = step_counts[c / 2],
                                                .skip = (uint32_t)schedule % step_counts[c / 2],
                                                .eta = -1,
                                        };
                                        check_finite(&config, &settings);
                                }
}

/* What starts from a picture starts under the noise of the step that it starts with, and around a mask the picture comes
 * out as it was. */
static void test_from_a_picture(void **state)
{
        (void)state;
        const SchedulerConfig config = {
                .train_timesteps = 1000, .beta_start = 0.00085, .beta_end = 0.012, .beta_schedule = BETA_SCALED_LINEAR
        };
        static const Sampler samplers[] = { SAMPLER_EULER, SAMPLER_DPMPP_2M, SAMPLER_HEUN };

        for (size_t k = 0; k < ELEMENTSOF(samplers); k++) {
                _cleanup_(sampling_freep) Sampling *whole = NULL, *part = NULL;
                SamplingSettings settings = {
                        .sampler = samplers[k], .schedule = SIGMA_SCHEDULE_NORMAL, .steps = 10, .eta = -1
                };
                const float picture[1] = { 3 };
                float x[1] = { -0.5F }, kept[1];

                assert_int_equal(sampling_new(&whole, &config, &settings, 1, NULL), 0);
                settings.skip = 4;
                assert_int_equal(sampling_new(&part, &config, &settings, 1, NULL), 0);
                assert_int_equal(part->steps, 6);
                const uint32_t same = samplers[k] == SAMPLER_HEUN ? 8 : 4;
                NoiseLevel at = part->evaluations[0].from;
                assert_true(fabs(at.noise - whole->evaluations[same].from.noise) <= 1e-12);

                sampling_start_from(part, picture, x);
                sampling_input(part, 0, x, x); /* as the denoiser sees it, scaled to unit variance */
                assert_true(fabs((double)x[0] - (at.signal * 3 - at.noise / 2)) <= 1e-5);
                const float normal[1] = { 5 };
                sampling_noised(part, part->n_evaluations - 1, picture, normal, kept);
                assert_true(fabs((double)kept[0] - 3) <= 1e-6);
        }
}

static void test_labels(void **state)
{
        (void)state;
        assert_string_equal(sampler_label(SAMPLER_EULER_A), "Euler a");
        assert_string_equal(sampler_label(SAMPLER_DPMPP_2S_A), "DPM++ 2S a");
        assert_string_equal(sampler_label(SAMPLER_DEFAULT), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference),    cmocka_unit_test(test_fixture_runs), cmocka_unit_test(test_all_runs),
                cmocka_unit_test(test_alphas),       cmocka_unit_test(test_bad_requests),
                cmocka_unit_test(test_stays_finite), cmocka_unit_test(test_from_a_picture), cmocka_unit_test(test_labels),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
