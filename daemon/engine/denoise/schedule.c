/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "engine/denoise/schedule.h"

/* diffusers' smallest alphas_cumprod: 16-bit floats' smallest positive number. */
#define ALPHA_MIN 0x1p-24

NoiseLevel noise_level_from_alpha(double alpha_cumprod)
{
        return (NoiseLevel) { .signal = sqrt(alpha_cumprod), .noise = sqrt(1 - alpha_cumprod) };
}

NoiseLevel noise_level_from_sigma(double sigma)
{
        double signal = 1 / sqrt(sigma * sigma + 1);

        return (NoiseLevel) { .signal = signal, .noise = sigma * signal };
}

double noise_level_sigma(NoiseLevel level)
{
        return level.noise / level.signal;
}

double noise_level_lambda(NoiseLevel level)
{
        return log(level.signal) - log(level.noise);
}

/* As torch.linspace computes it eight at a time with fused multiply-adds: each half is counted from its own
 * end, each group of eight from its first value. Bit for bit the same for 1000. */
static void linspace_f32(float *ret, float start, float end, uint32_t n)
{
        float step = n > 1 ? (end - start) / (float)(n - 1) : 0;

        for (uint32_t i = 0; i < n; i++) {
                uint32_t lane = i % 8, group = i - lane;
                float first = group < n / 2 ? fmaf(step, (float)group, start)
                                            : fmaf(-step, (float)(n - 1 - group), end);
                ret[i] = fmaf(step, (float)lane, first);
        }
}

/* Nichol, Dhariwal 2021, eq. 17. */
static double cosine_alpha_bar(double t)
{
        double c = cos((t + 0.008) / 1.008 * M_PI / 2);
        return c * c;
}

static void fill_betas(float *ret, const SchedulerConfig *config)
{
        uint32_t n = config->train_timesteps;

        switch (config->beta_schedule) {
        case BETA_LINEAR:
                linspace_f32(ret, (float)config->beta_start, (float)config->beta_end, n);
                break;
        case BETA_SCALED_LINEAR:
                linspace_f32(ret, (float)sqrt(config->beta_start), (float)sqrt(config->beta_end), n);
                for (uint32_t i = 0; i < n; i++)
                        ret[i] *= ret[i];
                break;
        case BETA_SQUAREDCOS_CAP_V2:
                for (uint32_t i = 0; i < n; i++) {
                        double ratio = cosine_alpha_bar((i + 1.0) / n) / cosine_alpha_bar((double)i / n);
                        ret[i] = (float)MIN(1 - ratio, 0.999);
                }
                break;
        }
}

static void accumulate(float *ret, const float *betas, uint32_t n)
{
        double product = 1; /* torch.cumprod keeps float32 products in float64 */

        for (uint32_t i = 0; i < n; i++) {
                product *= 1 - betas[i];
                ret[i] = (float)product;
        }
}

/* Lin et al. 2023, algorithm 1: the square roots shifted and stretched so that the last is zero and the
 * first stays. */
static void rescale_to_zero_snr(float *betas, float *scratch, uint32_t n)
{
        accumulate(scratch, betas, n);

        float first = sqrtf(scratch[0]), last = sqrtf(scratch[n - 1]);
        float stretch = first / (first - last);
        for (uint32_t i = 0; i < n; i++) {
                float root = (sqrtf(scratch[i]) - last) * stretch;
                scratch[i] = root * root;
        }
        betas[0] = 1 - scratch[0];
        for (uint32_t i = 1; i < n; i++)
                betas[i] = 1 - scratch[i] / scratch[i - 1];
}

int schedule_init(Schedule *ret, const SchedulerConfig *config)
{
        uint32_t n = config->train_timesteps;
        _cleanup_(freep) float *alphas = calloc(n, sizeof(float)), *betas = calloc(n, sizeof(float));
        if (!alphas || !betas)
                return -ENOMEM;

        fill_betas(betas, config);
        if (config->rescale_betas_zero_snr && n > 1)
                rescale_to_zero_snr(betas, alphas, n);
        accumulate(alphas, betas, n);

        *ret = (Schedule) { .config = config, .train_timesteps = n, .alphas_cumprod = TAKE_PTR(alphas) };
        return 0;
}

void schedule_done(Schedule *schedule)
{
        free(schedule->alphas_cumprod);
        *schedule = (Schedule) {};
}

double schedule_alpha(const Schedule *schedule, uint32_t timestep)
{
        return MAX((double)schedule->alphas_cumprod[timestep], ALPHA_MIN);
}

static float sigma_at(const Schedule *schedule, uint32_t timestep)
{
        float alpha = (float)schedule_alpha(schedule, timestep);
        return sqrtf((1 - alpha) / alpha);
}

double schedule_sigma(const Schedule *schedule, double timestep)
{
        uint32_t low = (uint32_t)timestep, high = MIN(low + 1, schedule->train_timesteps - 1);
        double a = sigma_at(schedule, low), b = sigma_at(schedule, high);

        return a + (b - a) * (timestep - low);
}

static double spaced(TimestepSpacing spacing, uint32_t train_timesteps, uint32_t offset, uint32_t parts,
                     uint32_t i)
{
        const double last = train_timesteps - 1.0;
        const uint32_t whole = train_timesteps / parts;

        switch (spacing) {
        case SPACING_TRAILING:
                return rint(train_timesteps - i * ((double)train_timesteps / parts)) - 1;
        case SPACING_LEADING:
                return (double)(parts - 1 - i) * whole + offset;
        case SPACING_LINSPACE:
        case SPACING_DEFAULT:
                break;
        }
        return parts > 1 ? (parts - 1 - i) * (last / (parts - 1)) : 0;
}

void schedule_space(const Schedule *schedule, TimestepSpacing spacing, bool with_end, bool whole, uint32_t n,
                    double *ret)
{
        uint32_t parts = with_end && spacing != SPACING_TRAILING ? n + 1 : n;
        double last = schedule->train_timesteps - 1.0;

        for (uint32_t i = 0; i < n; i++) {
                double t = spaced(spacing, schedule->train_timesteps, schedule->config->steps_offset, parts,
                                  i);
                t = whole ? rint(t) : (float)t;
                /* An offset can lead one past the end where there are nearly as many steps as training had.
                 */
                ret[i] = t < 0 ? 0 : MIN(t, last);
        }
}

double schedule_timestep(const Schedule *schedule, double sigma)
{
        uint32_t low = 0, high = schedule->train_timesteps - 1; /* sigmas rise with the timestep */

        while (high - low > 1) {
                uint32_t middle = low + (high - low) / 2;
                if (sigma_at(schedule, middle) <= sigma)
                        low = middle;
                else
                        high = middle;
        }
        if (low == high)
                return low;

        double a = logf(sigma_at(schedule, low)), b = logf(sigma_at(schedule, high));
        double weight = a < b ? (log(sigma) - a) / (b - a) : 0;
        return low + MIN(MAX(weight, 0.0), 1.0);
}

void karras_sigmas(double high, double low, uint32_t n, double *ret)
{
        const double rho = 7;
        double a = pow(high, 1 / rho), b = pow(low, 1 / rho);

        for (uint32_t i = 0; i < n; i++)
                ret[i] = pow(n > 1 ? a + (b - a) * i / (n - 1) : a, rho);
}
