/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/sampler.h"
#include "base/util.h"

#define PLAIN_MAX 64

static const char *const sampler_names[SAMPLER_MAX] = {
        [SAMPLER_DEFAULT] = "",
#define X(id, name) [id] = name,
        SAMPLERS(X)
#undef X
};

static const char *const schedule_names[SIGMA_SCHEDULE_MAX] = {
        [SIGMA_SCHEDULE_DEFAULT] = "",
#define X(id, name) [id] = name,
        SIGMA_SCHEDULES(X)
#undef X
};

/* In plain form (see make_plain), without the schedule. */
static const struct {
        const char *name;
        Sampler sampler;
} sampler_aliases[] = {
        { "eulerancestral", SAMPLER_EULER_A },
        { "dpm2ancestral", SAMPLER_DPM2_A },
        { "dpmpp2sancestral", SAMPLER_DPMPP_2S_A },
        { "dpmpp2msdegpu", SAMPLER_DPMPP_2M_SDE },
        { "dpmppsdegpu", SAMPLER_DPMPP_SDE },
        { "plms", SAMPLER_PNDM },
        { "unipcbh2", SAMPLER_UNIPC },
        { "dpmsolversdescheduler", SAMPLER_DPMPP_SDE },
        { "ddimscheduler", SAMPLER_DDIM },
        { "eulerdiscretescheduler", SAMPLER_EULER },
        { "eulerancestraldiscretescheduler", SAMPLER_EULER_A },
        { "heundiscretescheduler", SAMPLER_HEUN },
        { "kdpm2discretescheduler", SAMPLER_DPM2 },
        { "kdpm2ancestraldiscretescheduler", SAMPLER_DPM2_A },
        { "dpmsolvermultistepscheduler", SAMPLER_DPMPP_2M },
        { "lmsdiscretescheduler", SAMPLER_LMS },
        { "ddpmscheduler", SAMPLER_DDPM },
        { "pndmscheduler", SAMPLER_PNDM },
        { "unipcmultistepscheduler", SAMPLER_UNIPC },
        { "lcmscheduler", SAMPLER_LCM },
};

static const struct {
        const char *name;
        SigmaSchedule schedule;
} schedule_aliases[] = {
        { "automatic", SIGMA_SCHEDULE_DEFAULT },
        { "discrete", SIGMA_SCHEDULE_NORMAL },
        { "uniform", SIGMA_SCHEDULE_NORMAL },
        { "trailing", SIGMA_SCHEDULE_SGM_UNIFORM }, /* stable-diffusion.cpp's ddim_trailing, to a fraction of a timestep */
};

const char *sampler_to_string(Sampler sampler)
{
        return sampler < SAMPLER_MAX ? sampler_names[sampler] : "";
}

const char *sigma_schedule_to_string(SigmaSchedule schedule)
{
        return schedule < SIGMA_SCHEDULE_MAX ? schedule_names[schedule] : "";
}

/* Lower case without spaces, dashes and underscores, "pp" for "++". Returns its length; 0: too long. */
static size_t make_plain(const char *name, char ret[static PLAIN_MAX])
{
        size_t n = 0;

        for (; *name; name++) {
                if (strchr(" -_", *name))
                        continue;
                if (n + 1 == PLAIN_MAX)
                        return 0;
                ret[n++] = (char)(*name == '+' ? 'p' : *name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
        }
        ret[n] = '\0';
        return n;
}

static bool is_called(const char *plain, const char *name)
{
        char other[PLAIN_MAX];
        return make_plain(name, other) > 0 && streq(plain, other);
}

static int find_sampler(const char *plain)
{
        for (int i = SAMPLER_DEFAULT + 1; i < SAMPLER_MAX; i++)
                if (is_called(plain, sampler_names[i]))
                        return i;
        for (size_t i = 0; i < ELEMENTSOF(sampler_aliases); i++)
                if (streq(plain, sampler_aliases[i].name))
                        return (int)sampler_aliases[i].sampler;
        return -EINVAL;
}

static int find_schedule(const char *plain)
{
        for (int i = SIGMA_SCHEDULE_DEFAULT + 1; i < SIGMA_SCHEDULE_MAX; i++)
                if (is_called(plain, schedule_names[i]))
                        return i;
        for (size_t i = 0; i < ELEMENTSOF(schedule_aliases); i++)
                if (streq(plain, schedule_aliases[i].name))
                        return (int)schedule_aliases[i].schedule;
        return -EINVAL;
}

int sampler_from_string(const char *name, SigmaSchedule *ret_schedule)
{
        char buffer[PLAIN_MAX], *plain = buffer;
        int schedule = SIGMA_SCHEDULE_DEFAULT;
        size_t n = make_plain(name, buffer);
        if (n == 0)
                return -EINVAL;

        int sampler = find_sampler(plain);
        /* k_euler, as CompVis' scripts had it; sample_euler, as k-diffusion has its functions. */
        const size_t before = plain[0] == 'k' ? 1 : strncmp(plain, "sample", 6) == 0 ? 6 : 0;
        if (sampler < 0 && before > 0) {
                plain += before;
                n -= before;
                sampler = find_sampler(plain);
        }
        for (size_t at = 1; at < n && sampler < 0; at++) {
                schedule = find_schedule(plain + at);
                if (schedule < 0)
                        continue;
                plain[at] = '\0';
                sampler = find_sampler(plain);
                break;
        }
        if (sampler < 0)
                return -EINVAL;
        if (ret_schedule)
                *ret_schedule = (SigmaSchedule)MAX(schedule, 0);
        return sampler;
}

int rng_from_string(const char *name)
{
        static const struct {
                const char *name;
                Rng rng;
        } names[] = {
                { "cpu", RNG_CPU }, { "philox", RNG_PHILOX }, { "gpu", RNG_PHILOX }, { "nv", RNG_PHILOX },
                { "cuda", RNG_PHILOX },
        };
        char plain[PLAIN_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names) && make_plain(name, plain) > 0; i++)
                if (streq(plain, names[i].name))
                        return (int)names[i].rng;
        return -EINVAL;
}

int sigma_schedule_from_string(const char *name)
{
        char plain[PLAIN_MAX];
        return make_plain(name, plain) > 0 ? find_schedule(plain) : -EINVAL;
}

const char *rng_to_string(Rng rng)
{
        return rng == RNG_PHILOX ? "philox" : "cpu";
}
