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
        { "algorithm_type", "\"dpmsolver++\"" },
        { "solver_order", "2" },
        { "solver_type", "\"midpoint\"" },
        { "final_sigmas_type", "\"zero\"" },
        { "use_lu_lambdas", "false" },
        { "interpolation_type", "\"linear\"" },
        { "timestep_type", "\"discrete\"" },
        { "sigma_min", NULL },
        { "sigma_max", NULL },
};

static const struct {
        const char *name;
        Sampler sampler, karras;
} classes[] = {
        { "DDIMScheduler", SAMPLER_DDIM, SAMPLER_DDIM },
        { "EulerDiscreteScheduler", SAMPLER_EULER, SAMPLER_EULER_KARRAS },
        { "EulerAncestralDiscreteScheduler", SAMPLER_EULER_A, SAMPLER_EULER_A },
        { "DPMSolverMultistepScheduler", SAMPLER_DPMPP_2M, SAMPLER_DPMPP_2M_KARRAS },
};

/* The sampler that does what the class does; with any other the choice is ours. */
static Sampler class_sampler(JsonReader *json)
{
        char name[64] = "";
        json_text(json, "_class_name", "", name, sizeof(name));
        bool karras = json_bool(json, "use_karras_sigmas", false);

        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (!json_is(json, plain[i].key, plain[i].only))
                        return SAMPLER_DEFAULT;
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (streq(name, classes[i].name))
                        return karras ? classes[i].karras : classes[i].sampler;
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
                .set_alpha_to_one = json_bool(&json, "set_alpha_to_one", true),
                .rescale_betas_zero_snr = json_bool(&json, "rescale_betas_zero_snr", false),
                .clip_sample = json_bool(&json, "clip_sample", true),
                .clip_sample_range = json_number(&json, "clip_sample_range", 1, 1e-6, 1e6),
                .class_sampler = class_sampler(&json),
        };
        if (json.result < 0)
                return json.result;

        *ret = c;
        return 0;
}
