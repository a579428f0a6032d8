/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/batch.h"

/* Nothing is drawn (strength 0): the picture itself, so many times as large. */
static ExitCode prepare(Client *c, const char *path, void *userdata)
{
        static char nothing[] = "";
        Options *o = &c->options;

        (void)userdata;
        o->prompt = nothing;
        o->from = path;
        o->strength = 0;
        o->hires = o->scale;
        o->given[OPTION_STRENGTH] = o->given[OPTION_HIRES] = true;
        return CODE_OK;
}

ExitCode verb_enlarge(Client *c)
{
        if (!options_has(&c->options, OPTION_SCALE))
                c->options.scale = 2;
        return batch_run(c, &(Batch) { .prepare = prepare, .word = "enlarged" });
}
