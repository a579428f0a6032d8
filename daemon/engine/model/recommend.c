/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/recommend.h"

typedef struct Recommendation {
        const char *word; /* in the name, in lower case */
        uint32_t steps;
        double guidance;
        const char *sampler; /* one that this version may not know */
        bool trailing; /* timesteps end with the last one that was trained */
        uint32_t xl_size; /* of Stable Diffusion XL, where it is not the family's; 0: it is */
} Recommendation;

/* As their authors' cards say. */
static const Recommendation recommendations[] = {
        { "lightning", 4, 1, "euler", true, 0 },
        { "turbo", 4, 1, "euler-a", true, 512 },
        { "hyper", 8, 1, "ddim", true, 0 },
        { "lcm", 4, 1.5, "lcm", false, 0 },
};

static void lower(char *ret, size_t size, const char *name)
{
        (void)snprintf(ret, size, "%s", name);
        for (char *c = ret; *c; c++)
                *c = (char)tolower((unsigned char)*c);
}

/* "…_4step…", as files of Lightning and Hyper are called; 0 if there is none. */
static uint32_t steps_in(const char *name)
{
        const char *word = strstr(name, "step");
        uint32_t steps = 0, unit = 1;

        for (; word && word > name && isdigit((unsigned char)word[-1]) && unit <= 100; unit *= 10)
                steps += (uint32_t)(*--word - '0') * unit;
        return steps <= REQUEST_STEPS_MAX ? steps : 0;
}

static void apply(Model *m, const Recommendation *r, uint32_t steps)
{
        SigmaSchedule schedule;
        const int sampler = sampler_from_string(r->sampler, &schedule);

        if (m->card.steps == 0)
                m->card.steps = steps ? steps : r->steps;
        if (m->card.guidance < 0)
                m->card.guidance = m->unet.guidance_width > 0 ? 8 : r->guidance;
        if (m->card.sampler == SAMPLER_DEFAULT && (m->single || m->scheduler.class_sampler == SAMPLER_DEFAULT) && sampler > 0)
                m->card.sampler = (Sampler)sampler;
        if (m->single && r->trailing)
                m->scheduler.spacing = SPACING_TRAILING;
        if (m->single && m->card.native_size == 0 && model_is_xl(m) && r->xl_size > 0)
                m->unet.sample_size = r->xl_size / (1U << (m->vae.n_levels - 1));
}

void recommend(Model *m)
{
        char name[sizeof(m->card.name)];
        const Recommendation *found = NULL;

        lower(name, sizeof(name), m->card.name);
        for (size_t i = 0; i < ELEMENTSOF(recommendations) && !found; i++)
                if (strstr(name, recommendations[i].word))
                        found = &recommendations[i];
        if (!found && m->unet.guidance_width > 0) /* nothing but a latent consistency model has it */
                found = &recommendations[ELEMENTSOF(recommendations) - 1];
        if (found)
                apply(m, found, steps_in(name));
}
