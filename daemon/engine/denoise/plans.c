/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "engine/denoise/samplers.h"

/* The last step ends at `final`. */
static void fill(Sampling *s, const double *timesteps, const double *sigmas, double final)
{
        for (uint32_t i = 0; i < s->steps; i++)
                s->evaluations[i] = (Evaluation) {
                        .timestep = (float)timesteps[i],
                        .from = noise_level_from_sigma(sigmas[i]),
                        .to = noise_level_from_sigma(i + 1 < s->steps ? sigmas[i + 1] : final),
                };
}

static void timesteps_of(const Schedule *schedule, const double *sigmas, uint32_t n, bool whole, double *ret)
{
        for (uint32_t i = 0; i < n; i++) {
                double t = schedule_timestep(schedule, sigmas[i]);
                ret[i] = whole ? rint(t) : t;
        }
}

int plan_euler(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        _cleanup_(freep) double *timesteps = calloc(s->steps, sizeof(double)),
                                *sigmas = calloc(s->steps, sizeof(double));
        if (!timesteps || !sigmas)
                return -ENOMEM;

        schedule_space(schedule, spacing, false, false, s->steps, timesteps);
        for (uint32_t i = 0; i < s->steps; i++)
                sigmas[i] = schedule_sigma(schedule, timesteps[i]);
        double high = sigmas[0], low = sigmas[s->steps - 1];
        if (schedule->config->karras) {
                karras_sigmas(high, low, s->steps, sigmas);
                timesteps_of(schedule, sigmas, s->steps, false, timesteps);
        }
        s->start_scale = spacing == SPACING_LEADING ? sqrt(high * high + 1) : high;
        fill(s, timesteps, sigmas, 0);
        return 0;
}

int plan_dpm(Sampling *s, const Schedule *schedule, TimestepSpacing spacing)
{
        _cleanup_(freep) double *timesteps = calloc(s->steps, sizeof(double)),
                                *sigmas = calloc(s->steps, sizeof(double));
        if (!timesteps || !sigmas)
                return -ENOMEM;

        schedule_space(schedule, spacing, true, true, s->steps, timesteps);
        for (uint32_t i = 0; i < s->steps; i++)
                sigmas[i] = schedule_sigma(schedule, timesteps[i]);
        if (schedule->config->karras) {
                /* From end to end of the training's noise, whatever the spacing. */
                karras_sigmas(schedule_sigma(schedule, schedule->train_timesteps - 1.0), schedule_sigma(schedule, 0),
                              s->steps, sigmas);
                timesteps_of(schedule, sigmas, s->steps, true, timesteps);
        }
        fill(s, timesteps, sigmas, 0);
        return 0;
}

int plan_ddim(Sampling *s, const Schedule *schedule, TimestepSpacing spacing, double final_alpha)
{
        _cleanup_(freep) double *timesteps = calloc(s->steps, sizeof(double));
        if (!timesteps)
                return -ENOMEM;
        schedule_space(schedule, spacing, false, true, s->steps, timesteps);

        const uint32_t stride = s->stride = schedule->train_timesteps / s->steps;
        for (uint32_t i = 0; i < s->steps; i++) {
                uint32_t t = (uint32_t)timesteps[i];
                /* Nothing is left of the picture at zero SNR, which only a noise prediction needs to divide
                 * by. */
                double from = schedule->config->prediction == PREDICTION_EPSILON
                                              ? schedule_alpha(schedule, t)
                                              : (double)schedule->alphas_cumprod[t];
                double to = t >= stride ? (double)schedule->alphas_cumprod[t - stride] : final_alpha;
                s->evaluations[i] = (Evaluation) {
                        .timestep = (float)t,
                        .from = noise_level_from_alpha(from),
                        .to = noise_level_from_alpha(to),
                };
        }
        return 0;
}

int plan_schedule(Sampling *s, const Schedule *schedule, SigmaSchedule kind)
{
        uint32_t n = s->steps + s->type->drops_penultimate;
        _cleanup_(freep) double *timesteps = calloc(n, sizeof(double)), *sigmas = calloc(n, sizeof(double));
        if (!timesteps || !sigmas)
                return -ENOMEM;

        n = schedule_sigmas(schedule, kind, n, sigmas);
        if (s->type->drops_penultimate && n > 1)
                n--;
        s->steps = s->n_evaluations = n;
        timesteps_of(schedule, sigmas, n, false, timesteps);
        fill(s, timesteps, sigmas, 0);
        s->start_scale = s->type->variance_exploding ? sigmas[0] : s->evaluations[0].from.noise;
        return 0;
}

int expand_in_two(Sampling *s, const Schedule *schedule, double (*middle)(const Sampling *s, double sigma, double next))
{
        const uint32_t n = s->steps;
        Evaluation *evaluations = calloc(2 * (size_t)n, sizeof(*evaluations));
        if (!evaluations)
                return -ENOMEM;

        uint32_t count = 0;
        for (uint32_t i = 0; i < n; i++) {
                Evaluation step = s->evaluations[i];
                double sigma = noise_level_sigma(step.from), next = noise_level_sigma(step.to);

                evaluations[count] = step;
                if (next <= 0) {
                        count++;
                        continue;
                }
                double between = middle(s, sigma, next);
                evaluations[count++].to = noise_level_from_sigma(between);
                evaluations[count++] = (Evaluation) {
                        .timestep = i + 1 < n && between <= next ? s->evaluations[i + 1].timestep
                                                                 : (float)schedule_timestep(schedule, between),
                        .from = noise_level_from_sigma(between),
                        .to = step.to,
                };
        }
        free(s->evaluations);
        s->evaluations = evaluations;
        s->n_evaluations = count;
        return 0;
}

double step_sigma(const Sampling *s, uint32_t i)
{
        return noise_level_sigma(s->evaluations[is_second_half(i) ? i - 1 : i].from);
}

double step_next_sigma(const Sampling *s, uint32_t i)
{
        return noise_level_sigma(s->evaluations[is_second_half(i) || i + 1 == s->n_evaluations ? i : i + 1].to);
}

double ancestral_step(double sigma, double next, double eta, double *ret_up)
{
        double up = eta * sqrt(next * next * (sigma * sigma - next * next) / (sigma * sigma));

        up = fmin(up, next);
        *ret_up = up;
        return sqrt(next * next - up * up);
}

void combine(const Sampling *s, float *latents, double a, const float *x, double b, const float *y)
{
        for (size_t k = 0; k < s->n; k++)
                latents[k] = (float)a * x[k] + (float)b * y[k];
}

void add_noise(Sampling *s, float *latents, double scale, Noise *noise)
{
        noise_normals(noise, s->x0_last, s->n);
        for (size_t k = 0; k < s->n; k++)
                latents[k] += s->x0_last[k] * (float)scale;
}
