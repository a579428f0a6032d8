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
                assert_true(fabs((double)s->evaluations[i].timestep - (double)timesteps[i]) <= 1e-3);

        char name[128];
        (void)snprintf(name, sizeof(name), "%s/sigmas", key);
        if (!safetensors_find(goldens, name))
                return;
        _cleanup_(freep) float *sigmas = load_floats(goldens, &n, "%s", name);
        for (size_t i = 0; i + 1 < n; i++)
                assert_true(fabs(noise_level_sigma(s->evaluations[i].from) - (double)sigmas[i]) <=
                            1e-5 * (double)sigmas[i]);
}

static void check_run(const json_t *run, const Safetensors *goldens, const SchedulerConfig *config)
{
        const char *key = json_string_value(json_object_get(run, "key"));
        uint32_t steps = (uint32_t)json_integer_value(json_object_get(run, "steps"));
        Noise noise;
        Error error = {};

        _cleanup_(sampling_freep) Sampling *s = NULL;
        if (sampling_new(&s, config->class_sampler, config, steps, LATENTS, &error) < 0)
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
                sampling_step(s, i, prediction, x, &noise);

                double d = difference(x, expected + (size_t)i * LATENTS, LATENTS);
                worst_seen = MAX(worst_seen, d);
                if (!(d <= 1e-5))
                        fail_msg("%s: step %u: latents differ by %g", key, i, d);
        }
}

static bool is_ours(const json_t *run)
{
        static const char *const classes[] = {
                "DDIMScheduler",
                "EulerDiscreteScheduler",
                "EulerAncestralDiscreteScheduler",
                "DPMSolverMultistepScheduler",
        };
        /* DDIM with eta = 1 adds noise, which is another sampler; the config does not say it. */
        if (json_object_get(run, "error") ||
            streq(json_string_value(json_object_get(run, "name")), "ddim_eta1"))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (streq(json_string_value(json_object_get(run, "class")), classes[i]))
                        return true;
        return false;
}

static size_t check_all(TestPath index, TestPath tensors)
{
        json_t *runs = load_json(index.text);
        _cleanup_(safetensors_freep) Safetensors *goldens = load_safetensors(tensors.text);
        size_t i, checked = 0;
        json_t *run;

        json_array_foreach (runs, i, run) {
                SchedulerConfig config;
                if (!is_ours(run))
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
        /* 45 configurations of these classes at 5 lengths, less those 11 that are other samplers (eta,
         * log-linear, Lu's lambdas, first and third order, Heun's, a sigma at the end, dpmsolver and three
         * SDE ones). */
        assert_int_equal(check_all(shared("goldens/schedulers/index.json"),
                                   shared("goldens/schedulers/steps.safetensors")),
                         34 * 5);
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

static void test_bad_requests(void **state)
{
        (void)state;
        SchedulerConfig config = { .train_timesteps = 50, .beta_start = 0.001, .beta_end = 0.02 };
        Sampling *s = NULL;
        Error error = {};

        assert_int_equal(sampling_new(&s, SAMPLER_DEFAULT, &config, 10, LATENTS, &error), -EINVAL);
        assert_int_equal(sampling_new(&s, SAMPLER_MAX, &config, 10, LATENTS, &error), -EINVAL);
        assert_int_equal(sampling_new(&s, SAMPLER_EULER, &config, 0, LATENTS, &error), -EINVAL);
        assert_int_equal(sampling_new(&s, SAMPLER_EULER, &config, 50, LATENTS, &error), -EINVAL);
        assert_non_null(strstr(error.text, "50 timesteps"));
        assert_null(s);
}

/* Whatever the number of steps and the spacing, a step never leads to numbers that are none. */
static void test_stays_finite(void **state)
{
        (void)state;
        static const uint32_t step_counts[] = { 1, 2, 3, 7, 33, 500, 998, 999 };

        for (int spacing = SPACING_DEFAULT; spacing <= SPACING_LINSPACE; spacing++)
                for (int sampler = SAMPLER_DEFAULT + 1; sampler < SAMPLER_MAX; sampler++)
                        for (size_t c = 0; c < ELEMENTSOF(step_counts) * 2; c++) {
                                SchedulerConfig config = {
                                        .train_timesteps = 1000,
                                        .beta_start = 0.00085,
                                        .beta_end = 0.012,
                                        .beta_schedule = BETA_SCALED_LINEAR,
                                        .prediction = PREDICTION_V,
                                        .spacing = (TimestepSpacing)spacing,
                                        .steps_offset = 1,
                                        .rescale_betas_zero_snr = c % 2,
                                };
                                _cleanup_(sampling_freep) Sampling *s = NULL;
                                float x[LATENTS], input[LATENTS];
                                Noise noise;

                                assert_int_equal(sampling_new(&s, (Sampler)sampler, &config,
                                                              step_counts[c / 2], LATENTS, NULL),
                                                 0);
                                noise_seed(&noise, 1);
                                noise_normals(&noise, x, LATENTS);
                                sampling_start(s, x);
                                for (uint32_t i = 0; i < s->n_evaluations; i++) {
                                        sampling_input(s, i, x, input);
                                        sampling_step(s, i, input, x, &noise);
                                }
                                for (int k = 0; k < LATENTS; k++)
                                        if (!isfinite(x[k]))
                                                fail_msg("%s, spacing %d, %u steps: not finite",
                                                         s->type->label, spacing, s->steps);
                        }
}

static void test_labels(void **state)
{
        (void)state;
        assert_string_equal(sampler_label(SAMPLER_EULER_A), "Euler a");
        assert_string_equal(sampler_label(SAMPLER_DPMPP_2M_KARRAS), "DPM++ 2M Karras");
        assert_string_equal(sampler_label(SAMPLER_DEFAULT), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fixture_runs), cmocka_unit_test(test_all_runs),
                cmocka_unit_test(test_alphas),       cmocka_unit_test(test_bad_requests),
                cmocka_unit_test(test_stays_finite), cmocka_unit_test(test_labels),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
