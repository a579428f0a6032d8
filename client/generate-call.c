/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "client/extra-options.h"
#include "client/generate.h"
#include "client/i18n.h"
#include "client/input.h"

static int append_loras(sd_bus_message *m, const Options *o)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "loras");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sd)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sd)");
        for (size_t i = 0; r >= 0 && i < o->n_loras; i++)
                r = sd_bus_message_append(m, "(sd)", o->loras[i].name, o->loras[i].weight);
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* A structure, too. */
static int append_outpaint(sd_bus_message *m, const Options *o)
{
        const uint32_t *sides = o->outpaint;

        return sd_bus_message_append(m, "{sv}", "outpaint", "(uuuu)", sides[SIDE_LEFT], sides[SIDE_RIGHT],
                                     sides[SIDE_UP], sides[SIDE_DOWN]);
}

void inputs_done(Inputs *inputs)
{
        closep(&inputs->from);
        closep(&inputs->mask);
        *inputs = (Inputs) { -1, -1 };
}

static int append_entry(sd_bus_message *m, const char *key, char type, const void *value)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', (char[]) { type, '\0' });
        if (r >= 0)
                r = sd_bus_message_append_basic(m, type, value);
        for (int depth = 0; r >= 0 && depth < 2; depth++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_structures(sd_bus_message *m, const Options *o, json_t *extra)
{
        int r = 0;

        if (o->n_loras > 0) {
                (void)json_object_del(extra, "loras");
                r = append_loras(m, o);
        }
        if (r >= 0 && options_has(o, OPTION_OUTPAINT)) {
                (void)json_object_del(extra, "outpaint");
                r = append_outpaint(m, o);
        }
        return r;
}

/* What goes to the service: only what was asked for, so that the model decides the rest; and of the extra options those that the
 * command line does not have. */
static int append_options(sd_bus_message *m, const Options *o, const Inputs *inputs, json_t *extra)
{
        const struct {
                bool is_given;
                const char *key;
                char type;
                const void *value;
        } entries[] = {
                { o->model, "model", 's', o->model },
                { o->negative, "negative-prompt", 's', o->negative },
                { o->sampler, "sampler", 's', o->sampler },
                { o->rng, "rng", 's', o->rng },
                { options_has(o, OPTION_VARY), "variation-strength", 'd', &o->vary },
                { options_has(o, OPTION_VARIATION_SEED), "variation-seed", 't', &o->variation_seed },
                { o->schedule, "schedule", 's', o->schedule },
                { options_has(o, OPTION_ETA), "eta", 'd', &o->eta },
                { options_has(o, OPTION_GUIDANCE_RESCALE), "guidance-rescale", 'd', &o->guidance_rescale },
                { options_has(o, OPTION_GUIDANCE_INTERVAL), "guidance-start", 'd', &o->guidance_interval[0] },
                { options_has(o, OPTION_GUIDANCE_INTERVAL), "guidance-end", 'd', &o->guidance_interval[1] },
                { options_has(o, OPTION_REUSE_DEEP), "reuse-deep", 'u', &(uint32_t) { (uint32_t)o->reuse_deep } },
                { options_has(o, OPTION_MERGE_TOKENS), "merge-tokens", 'd', &o->merge_tokens },
                { o->format && !streq(o->format, "png"), "format", 's', o->format },
                { options_has(o, OPTION_QUALITY), "quality", 'u', &(uint32_t) { (uint32_t)o->quality } },
                { inputs->from >= 0, "init-image", 'h', &inputs->from },
                { inputs->mask >= 0, "mask", 'h', &inputs->mask },
                { o->mask_paints, "mask-paints", 's', o->mask_paints },
                { options_has(o, OPTION_MASK_BLUR), "mask-blur", 'd', &o->mask_blur },
                { options_has(o, OPTION_STRENGTH), "strength", 'd', &o->strength },
                { o->priority, "priority", 's', o->priority },
                { o->width, "width", 'u', &o->width },
                { o->height, "height", 'u', &o->height },
                { options_has(o, OPTION_STEPS), "steps", 'u', &(uint32_t) { (uint32_t)o->steps } },
                { options_has(o, OPTION_COUNT), "count", 'u', &(uint32_t) { (uint32_t)o->count } },
                { options_has(o, OPTION_SEED), "seed", 't', &o->seed },
                { options_has(o, OPTION_KEEP_ALIVE), "keep-alive", 't', &o->keep_alive },
                { options_has(o, OPTION_GUIDANCE), "guidance", 'd', &o->guidance },
                { o->fast, "fast", 'b', &(int) { true } },
                { o->enlarge, "enlarge", 's', o->enlarge },
                { options_has(o, OPTION_HIRES), "hires", 'd', &o->hires },
                { options_has(o, OPTION_HIRES_STRENGTH), "hires-strength", 'd', &o->hires_strength },
                { options_has(o, OPTION_HIRES_STEPS), "hires-steps", 'u', &(uint32_t) { (uint32_t)o->hires_steps } },
                { o->tiling, "tiling", 's', o->tiling },
                { o->precision, "precision", 's', o->precision },
                { options_has(o, OPTION_CLIP_SKIP), "clip-skip", 'u', &(uint32_t) { (uint32_t)o->clip_skip } },
                { options_has(o, OPTION_REMOVE_ARTEFACTS), "remove-artefacts", 'd', &o->remove_artefacts },
                { options_has(o, OPTION_SMOOTH_EDGES), "smooth-edges", 'd', &o->smooth_edges },
                { options_has(o, OPTION_SHARPEN), "sharpen", 'd', &o->sharpen },
                { o->detach, "detach", 'b', &(int) { true } },
                { o->alt_text, "alt-text", 's', o->alt_text },
                { o->creator, "creator", 's', o->creator },
                { o->provider, "provider", 's', o->provider },
                { o->purpose, "purpose", 's', o->purpose },
                { o->best_effort, "best-effort", 'b', &(int) { true } },
                { o->private, "private", 'b', &(int) { true } },
                { o->dry_run && !o->enhance, "dry-run", 'b', &(int) { true } },
                { o->no_prompt_metadata, "prompt-metadata", 'b', &(int) { false } },
        };

        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(entries); i++) {
                if (!entries[i].is_given)
                        continue;
                (void)json_object_del(extra, entries[i].key);
                r = append_entry(m, entries[i].key, entries[i].type, entries[i].value);
        }
        if (r >= 0)
                r = append_structures(m, o, extra);
        if (r >= 0)
                r = extra_options_append(m, extra);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int make_call(Client *c, const Inputs *inputs, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = bus_new_call(c, "Generate", &m);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', c->options.prompt);
        if (r >= 0)
                r = append_options(m, &c->options, inputs, c->extra);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

ExitCode generate_new_import(Client *c, int picture, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = bus_new_call(c, "Import", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "hs", picture, c->options.prompt_text ? c->options.prompt_text : "");
        if (r >= 0)
                r = append_options(m, &c->options, &(Inputs) { -1, -1 }, NULL);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r < 0 ? bus_fail(c, NULL, r) : CODE_OK;
}

static ExitCode read_inputs(Client *c, Inputs *inputs)
{
        Error error = { 0 };

        int r = c->options.from ? input_read(c->options.from, &inputs->from, &c->options.private, &error) : 0;
        if (r >= 0 && c->options.mask)
                r = input_read(c->options.mask, &inputs->mask, &c->options.private, &error);
        return r < 0 ? client_fail_error(c, CODE_FAILED, &error, r) : CODE_OK;
}

ExitCode generate_new_call_with(Client *c, const Inputs *inputs, sd_bus_message **ret)
{
        int r = make_call(c, inputs, ret);
        if (r == -EINVAL)
                return client_fail(c, CODE_USAGE, "%s", _("a text has what is no character"));
        return r < 0 ? bus_fail(c, NULL, r) : CODE_OK;
}

ExitCode generate_new_call(Client *c, sd_bus_message **ret)
{
        _cleanup_(inputs_done) Inputs inputs = { -1, -1 };

        ExitCode code = read_inputs(c, &inputs);
        return code == CODE_OK ? generate_new_call_with(c, &inputs, ret) : code;
}
