/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/request.h"
#include "base/util.h"

static Request request; /* 16 KiB are much for a stack */

static void refuse(const char *sentence)
{
        Error error = {};

        assert_int_equal(request_check(&request, &error), -EINVAL);
        assert_int_equal(error.code, -EINVAL);
        assert_string_equal(error.text, sentence);
        request_init(&request);
}

static void accept(void)
{
        Error error = {};

        if (request_check(&request, &error) < 0)
                fail_msg("%s", error.text);
        request_init(&request);
}

static void test_names(void **state)
{
        (void)state;
        for (int i = SAMPLER_DEFAULT + 1; i < SAMPLER_MAX; i++)
                assert_int_equal(sampler_from_string(sampler_to_string((Sampler)i), NULL), i);
        assert_string_equal(sampler_to_string(SAMPLER_DEFAULT), "");
        assert_string_equal(sampler_to_string(SAMPLER_MAX), "");
        for (int i = SIGMA_SCHEDULE_DEFAULT + 1; i < SIGMA_SCHEDULE_MAX; i++)
                assert_int_equal(sigma_schedule_from_string(sigma_schedule_to_string((SigmaSchedule)i)), i);
        assert_int_equal(sampler_from_string("", NULL), -EINVAL);
        assert_int_equal(sampler_from_string("karras", NULL), -EINVAL);
        assert_int_equal(sampler_from_string("euler karras beta", NULL), -EINVAL);
        assert_int_equal(sampler_from_string("dpm++-2m karras 2", NULL), -EINVAL);
        assert_int_equal(sigma_schedule_from_string(""), -EINVAL);
}

/* What web UIs, k-diffusion, stable-diffusion.cpp and diffusers call them. */
static void test_sampler_aliases(void **state)
{
        (void)state;
        static const struct {
                const char *name;
                Sampler sampler;
                SigmaSchedule schedule;
        } names[] = {
                { "Euler", SAMPLER_EULER, 0 },
                { "Euler a", SAMPLER_EULER_A, 0 },
                { "euler_a", SAMPLER_EULER_A, 0 },
                { "k_euler_a", SAMPLER_EULER_A, 0 },
                { "euler_ancestral", SAMPLER_EULER_A, 0 },
                { "dpm2", SAMPLER_DPM2, 0 },
                { "dpm_2", SAMPLER_DPM2, 0 },
                { "k_dpm_2_a", SAMPLER_DPM2_A, 0 },
                { "dpm_2_ancestral", SAMPLER_DPM2_A, 0 },
                { "DPM2 a Karras", SAMPLER_DPM2_A, SIGMA_SCHEDULE_KARRAS },
                { "DPM++ 2S a Karras", SAMPLER_DPMPP_2S_A, SIGMA_SCHEDULE_KARRAS },
                { "dpmpp_2s_ancestral", SAMPLER_DPMPP_2S_A, 0 },
                { "dpm++2s_a", SAMPLER_DPMPP_2S_A, 0 },
                { "dpm++2m", SAMPLER_DPMPP_2M, 0 },
                { "DPM++ 2M Karras", SAMPLER_DPMPP_2M, SIGMA_SCHEDULE_KARRAS },
                { "dpm++-2m-karras", SAMPLER_DPMPP_2M, SIGMA_SCHEDULE_KARRAS },
                { "DPM++ 2M SDE Exponential", SAMPLER_DPMPP_2M_SDE, SIGMA_SCHEDULE_EXPONENTIAL },
                { "dpmpp_2m_sde_gpu", SAMPLER_DPMPP_2M_SDE, 0 },
                { "dpmpp_sde", SAMPLER_DPMPP_SDE, 0 },
                { "DPM++ SDE SGM Uniform", SAMPLER_DPMPP_SDE, SIGMA_SCHEDULE_SGM_UNIFORM },
                { "LMS Karras", SAMPLER_LMS, SIGMA_SCHEDULE_KARRAS },
                { "PLMS", SAMPLER_PNDM, 0 },
                { "uni_pc", SAMPLER_UNIPC, 0 },
                { "uni_pc_bh2", SAMPLER_UNIPC, 0 },
                { "UniPC", SAMPLER_UNIPC, 0 },
                { "heun beta", SAMPLER_HEUN, SIGMA_SCHEDULE_BETA },
                { "PNDMScheduler", SAMPLER_PNDM, 0 },
                { "sample_dpmpp_2m_sde", SAMPLER_DPMPP_2M_SDE, 0 },
                { "DPM++ 2M Automatic", SAMPLER_DPMPP_2M, 0 },
                { "ddim_trailing", SAMPLER_DDIM, SIGMA_SCHEDULE_SGM_UNIFORM },
                { "dpm++2m_sde", SAMPLER_DPMPP_2M_SDE, 0 },
        };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                SigmaSchedule schedule = SIGMA_SCHEDULE_MAX;
                assert_int_equal(sampler_from_string(names[i].name, &schedule), names[i].sampler);
                assert_int_equal(schedule, names[i].schedule);
        }
        assert_int_equal(sigma_schedule_from_string("Karras"), SIGMA_SCHEDULE_KARRAS);
        assert_int_equal(sigma_schedule_from_string("sgm_uniform"), SIGMA_SCHEDULE_SGM_UNIFORM);
        assert_int_equal(sigma_schedule_from_string("discrete"), SIGMA_SCHEDULE_NORMAL);
        assert_int_equal(sigma_schedule_from_string("Automatic"), SIGMA_SCHEDULE_DEFAULT);
}


static void test_limits(void **state)
{
        (void)state;
        request_init(&request);
        accept();
        request.width = REQUEST_SIZE_MIN;
        request.height = REQUEST_SIZE_MAX;
        request.steps = REQUEST_STEPS_MAX;
        request.count = REQUEST_COUNT_MAX;
        request.preview_every = REQUEST_STEPS_MAX;
        request.sampler = SAMPLER_MAX - 1;
        request.guidance = REQUEST_GUIDANCE_MAX;
        request.seed = UINT64_MAX;
        request.prompt_metadata = 0;
        request.fast = 1;
        request.enlarge = ENLARGE_MAX - 1;
        request.remove_artefacts = request.smooth_edges = request.sharpen = 1;
        memset(request.prompt, 'a', REQUEST_PROMPT_MAX);
        memset(request.negative_prompt, 'a', REQUEST_PROMPT_MAX);
        accept();

        request.width = 15;
        refuse("width: 15 is not between 16 and 2048");
        request.height = 2049;
        refuse("height: 2049 is not between 16 and 2048");
        request.steps = 501;
        refuse("steps: 501 is not between 0 and 500");
        request.count = 0;
        refuse("count: 0 is not between 1 and 64");
        request.preview_every = UINT32_MAX;
        refuse("preview-every: 4294967295 is not between 0 and 500");
        request.sampler = SAMPLER_MAX;
        refuse("sampler: 16 is not between 0 and 15");
        request.schedule = SIGMA_SCHEDULE_MAX;
        refuse("schedule: 7 is not between 0 and 6");
        request.eta = 1.5;
        refuse("eta: 1.5 is not between 0 and 1");
        request.guidance_start = -0.5;
        refuse("guidance-start: -0.5 is not between 0 and 1");
        request.reuse_deep = 17;
        refuse("reuse-deep: 17 is not between 0 and 16");
        request.merge_tokens = 0.8;
        refuse("merge-tokens: 0.8 is not between 0 and 0.75");
        request.guidance_rescale = 2;
        refuse("guidance-rescale: 2 is not between 0 and 1");
        request.prompt_metadata = 2;
        refuse("prompt-metadata: 2 is not between 0 and 1");
        request.fast = 2;
        refuse("fast: 2 is not between 0 and 1");
        request.enlarge = ENLARGE_MAX;
        refuse("enlarge: 4 is not between 0 and 3");
        request.sharpen = 1.5;
        refuse("sharpen: 1.5 is not between 0 and 1");
        request.smooth_edges = 2;
        refuse("smooth-edges: 2 is not between 0 and 1");
        request.remove_artefacts = 1.01;
        refuse("remove-artefacts: 1.01 is not between 0 and 1");
        request.guidance = 100.5;
        refuse("guidance: 100.5 is not between 0 and 100");
        request.guidance = NAN;
        Error error = {};
        assert_int_equal(request_check(&request, &error), -EINVAL);
        request.guidance = -INFINITY;
        assert_int_equal(request_check(&request, &error), -EINVAL);
}

static void test_texts(void **state)
{
        (void)state;
        request_init(&request);
        strcpy(request.prompt, "füchsisch 🦊");
        accept();
        memset(request.prompt, 'a', sizeof(request.prompt)); /* not even terminated */
        refuse("prompt: longer than 8192 bytes");
        strcpy(request.prompt, "\xff");
        refuse("prompt: not valid UTF-8");
        memset(request.negative_prompt, 'a', sizeof(request.negative_prompt));
        refuse("negative-prompt: longer than 8192 bytes");
        strcpy(request.negative_prompt, "\xed\xa0\x80");
        refuse("negative-prompt: not valid UTF-8");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_sampler_aliases),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_texts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
