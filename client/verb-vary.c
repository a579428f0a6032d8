/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"
#include "client/batch.h"
#include "client/folder.h"
#include "client/settings.h"
#include "client/values.h"

#define VARIATION 0.5 /* how far the noise is turned: the same picture, told otherwise */
#define STRENGTH 0.5 /* of a picture that does not say how it was made */

/* What the options point to while a file is worked on. */
typedef struct Varied {
        Settings settings;
        char sampler[64];
} Varied;

static bool number_of(const Settings *s, const char *name, double high, double *ret)
{
        char text[64];

        return settings_value(s, name, text, sizeof(text)) && value_parse_number(text, 0, high, ret, NULL) >= 0;
}

static bool integer_of(const Settings *s, const char *name, uint64_t high, uint64_t *ret)
{
        char text[64];

        return settings_value(s, name, text, sizeof(text)) && value_parse_integer(text, 0, high, ret, NULL) >= 0;
}

static void give(Options *o, OptionId id)
{
        o->given[id] = true;
}

/* Whether the picture can be drawn again from what it says: it was not made from another one. */
static bool can_be_drawn(const Settings *s, uint64_t *ret_seed)
{
        char text[64];

        if (s->prompt == NULL || s->prompt[0] == '\0' || !integer_of(s, "Seed", UINT64_MAX, ret_seed))
                return false;
        return !settings_value(s, "Denoising strength", text, sizeof(text)) ||
               settings_value(s, "Hires upscale", text, sizeof(text));
}

/* The same once more with other noise, some of it. The model is not named: the one that is there draws. */
static void draw_again(Options *o, Varied *v, uint64_t seed)
{
        const Settings *s = &v->settings;
        char size[64];

        o->seed = seed;
        give(o, OPTION_SEED);
        if (!options_has(o, OPTION_VARY))
                o->vary = VARIATION;
        give(o, OPTION_VARY);
        if (!options_has(o, OPTION_VARIATION_SEED))
                (void)getrandom(&o->variation_seed, sizeof(uint32_t), 0); /* a short one; 0 would do, too */
        give(o, OPTION_VARIATION_SEED);
        if (integer_of(s, "Steps", REQUEST_STEPS_MAX, &o->steps) && o->steps > 0)
                give(o, OPTION_STEPS);
        if (number_of(s, "CFG scale", REQUEST_GUIDANCE_MAX, &o->guidance))
                give(o, OPTION_GUIDANCE);
        if (settings_value(s, "Size", size, sizeof(size)))
                (void)value_parse_size(size, &o->width, &o->height, NULL);
        if (settings_value(s, "Sampler", v->sampler, sizeof(v->sampler)) && sampler_from_string(v->sampler, NULL) > 0)
                o->sampler = v->sampler;
}

static ExitCode prepare(Client *c, const char *path, void *userdata)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        static char nothing[] = "";
        Varied *v = userdata;
        Options *o = &c->options;
        uint64_t seed = 0;

        ExitCode code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        settings_done(&v->settings);
        int r = settings_find(file.data, file.size, &v->settings);
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", path, strerror(-r));
        o->prompt = r > 0 ? v->settings.prompt : nothing;
        o->negative = r > 0 && v->settings.negative[0] ? v->settings.negative : NULL;
        if (!options_has(o, OPTION_STRENGTH) && can_be_drawn(&v->settings, &seed)) {
                draw_again(o, v, seed);
                return CODE_OK;
        }
        o->from = path;
        if (!options_has(o, OPTION_STRENGTH))
                o->strength = STRENGTH;
        give(o, OPTION_STRENGTH);
        return CODE_OK;
}

ExitCode verb_vary(Client *c)
{
        Varied varied = { 0 };
        _cleanup_(freep) char *last = NULL;

        if (c->options.last) {
                ExitCode code = folder_find_last(c, &last);
                if (code != CODE_OK)
                        return code;
                c->options.words[0] = last;
                c->options.n_words = 1;
        }
        ExitCode code = batch_run(c, &(Batch) { .prepare = prepare, .userdata = &varied, .word = "varied" });
        settings_done(&varied.settings);
        return code;
}
