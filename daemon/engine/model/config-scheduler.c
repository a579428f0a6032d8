/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define TRAIN_TIMESTEPS_MAX 100000
/* Noise must neither vanish nor drown everything at once: sigmas stay finite and above zero. */
#define BETA_MIN 1e-8
#define BETA_MAX 0.9999

static const char *const beta_schedules[] = {
        [BETA_LINEAR] = "linear",
        [BETA_SCALED_LINEAR] = "scaled_linear",
        [BETA_SQUAREDCOS_CAP_V2] = "squaredcos_cap_v2",
        NULL,
};

static const char *const predictions[] = {
        [PREDICTION_EPSILON] = "epsilon",
        [PREDICTION_V] = "v_prediction",
        [PREDICTION_SAMPLE] = "sample",
        NULL,
};

static const char *const spacings[] = {
        [SPACING_DEFAULT] = "",
        [SPACING_LEADING] = "leading",
        [SPACING_TRAILING] = "trailing",
        [SPACING_LINSPACE] = "linspace",
        NULL,
};

/* Settings that make diffusers' classes another sampler than ours of that name. */
static const struct {
        const char *key, *only;
} plain[] = {
        { "solver_order", "2" },
        { "final_sigmas_type", "\"zero\"" },
        { "use_lu_lambdas", "false" },
        { "interpolation_type", "\"linear\"" },
        { "timestep_type", "\"discrete\"" },
        { "predict_x0", "true" },
        { "timestep_scaling", "10.0" },
        { "sigma_min", NULL },
        { "sigma_max", NULL },
};

static bool is_dpmpp(JsonReader *json)
{
        return json_is(json, "algorithm_type", "\"dpmsolver++\"") && json_is(json, "solver_type", "\"midpoint\"");
}

static bool is_sde_dpmpp(JsonReader *json)
{
        return !is_dpmpp(json) && json_is(json, "algorithm_type", "\"sde-dpmsolver++\"") &&
               json_is(json, "solver_type", "\"midpoint\"");
}

static bool is_plms(JsonReader *json)
{
        return json_bool(json, "skip_prk_steps", false);
}

static bool is_bh2(JsonReader *json)
{
        return json_is(json, "solver_type", "\"bh2\"") && json_bool(json, "lower_order_final", true);
}

static bool is_fixed_small(JsonReader *json)
{
        return json_is(json, "variance_type", "\"fixed_small\"");
}

static const struct {
        const char *name;
        bool (*fits)(JsonReader *json); /* NULL: always */
        Sampler sampler;
} classes[] = {
        { "DDIMScheduler", NULL, SAMPLER_DDIM },
        { "DDPMScheduler", is_fixed_small, SAMPLER_DDPM },
        { "EulerDiscreteScheduler", NULL, SAMPLER_EULER },
        { "EulerAncestralDiscreteScheduler", NULL, SAMPLER_EULER_A },
        { "HeunDiscreteScheduler", NULL, SAMPLER_HEUN },
        { "KDPM2DiscreteScheduler", NULL, SAMPLER_DPM2 },
        { "KDPM2AncestralDiscreteScheduler", NULL, SAMPLER_DPM2_A },
        { "LMSDiscreteScheduler", NULL, SAMPLER_LMS },
        { "DPMSolverMultistepScheduler", is_dpmpp, SAMPLER_DPMPP_2M },
        { "DPMSolverMultistepScheduler", is_sde_dpmpp, SAMPLER_DPMPP_2M_SDE },
        { "PNDMScheduler", is_plms, SAMPLER_PNDM },
        { "UniPCMultistepScheduler", is_bh2, SAMPLER_UNIPC },
        { "LCMScheduler", NULL, SAMPLER_LCM },
};

/* The sampler that does what the class does; with any other the choice is ours. */
static Sampler class_sampler(JsonReader *json)
{
        char name[64] = "";
        json_text(json, "_class_name", "", name, sizeof(name));

        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (!json_is(json, plain[i].key, plain[i].only))
                        return SAMPLER_DEFAULT;
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (streq(name, classes[i].name) && (!classes[i].fits || classes[i].fits(json)))
                        return classes[i].sampler;
        return SAMPLER_DEFAULT;
}

int scheduler_config_read(SchedulerConfig *ret, const char *path, Error *error)
{
        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        json_only(&json, "trained_betas", NULL);
        json_only(&json, "thresholding", "false");
        SchedulerConfig c = {
                .train_timesteps = json_u32(&json, "num_train_timesteps", 1000, 1, TRAIN_TIMESTEPS_MAX),
                .beta_start = json_number(&json, "beta_start", 0.0001, BETA_MIN, BETA_MAX),
                .beta_end = json_number(&json, "beta_end", 0.02, BETA_MIN, BETA_MAX),
                .beta_schedule = (BetaSchedule)json_choice(&json, "beta_schedule", BETA_LINEAR,
                                                           beta_schedules),
                .prediction = (PredictionType)json_choice(&json, "prediction_type", PREDICTION_EPSILON,
                                                          predictions),
                .spacing = (TimestepSpacing)json_choice(&json, "timestep_spacing", SPACING_DEFAULT,
                                                        spacings),
                .steps_offset = json_u32(&json, "steps_offset", 0, 0, TRAIN_TIMESTEPS_MAX),
                .set_alpha_to_one = json_bool(&json, "set_alpha_to_one",
                                              !json_is_text(&json, "_class_name", "PNDMScheduler")),
                .rescale_betas_zero_snr = json_bool(&json, "rescale_betas_zero_snr", false),
                .clip_sample = json_bool(&json, "clip_sample", !json_is_text(&json, "_class_name", "LCMScheduler")),
                .clip_sample_range = json_number(&json, "clip_sample_range", 1, 1e-6, 1e6),
                .karras = json_bool(&json, "use_karras_sigmas", false),
                .original_steps = json_u32(&json, "original_inference_steps", 50, 1, TRAIN_TIMESTEPS_MAX),
                .class_sampler = class_sampler(&json),
        };
        if (json.result < 0)
                return json.result;

        *ret = c;
        return 0;
}
