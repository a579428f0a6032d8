/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The schedules that web UIs name, as k-diffusion (Karras, exponential) and ComfyUI (comfy/samplers.py) compute them from
 * the training's sigmas. */

#include <math.h>

#include "engine/denoise/schedule.h"

static double last_timestep(const Schedule *schedule)
{
        return schedule->train_timesteps - 1.0;
}

/* Between whole timesteps by the logarithm. */
static double sigma_between(const Schedule *schedule, double timestep)
{
        double low = floor(timestep), weight = timestep - low;
        double a = schedule_sigma(schedule, low), b = schedule_sigma(schedule, ceil(timestep));

        return exp((1 - weight) * log(a) + weight * log(b));
}

/* From the noisiest timestep in `parts` equal parts towards the cleanest. */
static uint32_t uniform(const Schedule *schedule, uint32_t n, uint32_t parts, double *ret)
{
        const double last = last_timestep(schedule);

        for (uint32_t i = 0; i < n; i++)
                ret[i] = sigma_between(schedule, parts > 0 ? last - last * i / parts : last);
        return n;
}

static uint32_t exponential(const Schedule *schedule, uint32_t n, double *ret)
{
        double high = log(schedule_sigma(schedule, last_timestep(schedule))), low = log(schedule_sigma(schedule, 0));

        for (uint32_t i = 0; i < n; i++)
                ret[i] = exp(n > 1 ? high + (low - high) * i / (n - 1) : high);
        return n;
}

static uint32_t simple(const Schedule *schedule, uint32_t n, double *ret)
{
        double stride = (double)schedule->train_timesteps / n;

        for (uint32_t i = 0; i < n; i++)
                ret[i] = schedule_sigma(schedule, schedule->train_timesteps - 1.0 - (uint32_t)(i * stride));
        return n;
}

/* The regularised incomplete beta function at x by its continued fraction (Numerical Recipes 6.4; Lentz), for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
        double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), f = d;

        for (int m = 1; m < 200; m++) {
                double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
                double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
                d = 1 / (1 + even * d);
                c = 1 + even / c;
                f *= c * d;
                d = 1 / (1 + odd * d);
                c = 1 + odd / c;
                f *= c * d;
                if (fabs(c * d - 1) < 1e-15)
                        break;
        }
        return exp(a * log(x) + b * log1p(-x) - lgamma(a) - lgamma(b) + lgamma(a + b)) * f / a;
}

static double beta_distribution(double shape, double x)
{
        if (x <= 0 || x >= 1)
                return x <= 0 ? 0 : 1;
        return x < 0.5 ? beta_fraction(shape, shape, x) : 1 - beta_fraction(shape, shape, 1 - x);
}

/* Where the distribution reaches p. */
static double beta_quantile(double shape, double p)
{
        double low = 0, high = 1;

        for (int i = 0; i < 60; i++) {
                double middle = (low + high) / 2;
                if (beta_distribution(shape, middle) < p)
                        low = middle;
                else
                        high = middle;
        }
        return (low + high) / 2;
}

/* Lee et al. 2024, "Beta sampling is all you need", with both shapes 0.6; a timestep that would come twice in a row comes
 * once. */
static uint32_t beta(const Schedule *schedule, uint32_t n, double *ret)
{
        uint32_t found = 0;
        double before = -1;

        for (uint32_t i = 0; i < n; i++) {
                double t = rint(beta_quantile(0.6, 1 - (double)i / n) * last_timestep(schedule));
                if (t != before)
                        ret[found++] = schedule_sigma(schedule, t);
                before = t;
        }
        return found;
}

uint32_t schedule_sigmas(const Schedule *schedule, SigmaSchedule kind, uint32_t n, double *ret)
{
        switch (kind) {
        case SIGMA_SCHEDULE_KARRAS:
                karras_sigmas(schedule_sigma(schedule, last_timestep(schedule)), schedule_sigma(schedule, 0), n, ret);
                return n;
        case SIGMA_SCHEDULE_EXPONENTIAL:
                return exponential(schedule, n, ret);
        case SIGMA_SCHEDULE_SGM_UNIFORM:
                return uniform(schedule, n, n, ret);
        case SIGMA_SCHEDULE_SIMPLE:
                return simple(schedule, n, ret);
        case SIGMA_SCHEDULE_BETA:
                return beta(schedule, n, ret);
        default:
                return uniform(schedule, n, n - 1, ret);
        }
}
