/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/enhance-call.h"
#include "client/enhance.h"
#include "client/follow.h"
#include "client/i18n.h"
#include "client/notes.h"
#include "client/values.h"
#include "dbus/names.h"

static ExitCode keep(Client *c, const JobInfo *job, uint32_t index, json_t *prompt, void *userdata)
{
        (void)job, (void)index;
        return json_array_append(userdata, prompt) < 0 ? client_fail(c, CODE_FAILED, _("out of memory")) : CODE_OK;
}

ExitCode enhance_run(Client *c, sd_bus_message *call, json_t **ret)
{
        json_t *results = json_array();
        const FollowHooks hooks = { .on_prompt = keep, .userdata = results, .owns_job = true };
        const bool quiet = c->options.quiet;
        JobInfo job;

        c->options.quiet = true; /* it takes no time that is worth a word */
        ExitCode code = follow_generate(c, call, &hooks, &job);
        c->options.quiet = quiet;
        if (code == CODE_OK && json_array_size(results) == 0)
                code = client_fail(c, CODE_FAILED, _("the service's answer is no prompt"));
        if (code != CODE_OK) {
                json_decref(results);
                return code;
        }
        (void)sd_bus_call_method(c->bus, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "Release", NULL, NULL, NULL);
        *ret = results;
        return CODE_OK;
}

ExitCode enhance_idea(Client *c, const char *idea, const json_t *lineage, uint32_t count, json_t **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = enhance_new_call(c, idea, lineage, count, &call);
        return r < 0 ? bus_fail(c, NULL, r) : enhance_run(c, call, ret);
}

/* --- --enhance --- */

static const char *text_of(const json_t *result, const char *key)
{
        const char *text = json_string_value(json_object_get(result, key));
        return text ? text : "";
}

void enhance_say_notes(const Client *c, const json_t *result)
{
        json_t *notes = json_object_get(result, "remarks"), *note;
        size_t i;

        json_array_foreach(notes, i, note) {
                _cleanup_(freep) char *text = note_to_text(note);
                if (text)
                        client_clean_text(text);
                client_say(c, "%s", text ? text : "");
        }
}

ExitCode enhance_options(Client *c, json_t **ret)
{
        Options *o = &c->options;
        json_t *results = NULL;

        ExitCode code = enhance_idea(c, o->prompt, NULL, 1, &results);
        if (code != CODE_OK)
                return code;
        json_t *result = json_incref(json_array_get(results, 0));
        json_decref(results);
        char *prompt = strdup(text_of(result, o->dry_run ? "prompt" : "model-prompt"));
        if (!prompt) {
                json_decref(result);
                return client_fail(c, CODE_FAILED, _("out of memory"));
        }
        free(o->prompt);
        o->prompt = prompt;
        if (!o->negative && *text_of(result, "negative"))
                o->negative = text_of(result, "negative"); /* the result's, which lives as long */
        if (!o->width && o->aspect <= 0 && !o->from && *text_of(result, "aspect"))
                (void)value_parse_aspect(text_of(result, "aspect"), &o->aspect, NULL);
        if (!options_has(o, OPTION_SEED) && json_is_integer(json_object_get(result, "picture-seed"))) {
                o->seed = (uint64_t)json_integer_value(json_object_get(result, "picture-seed"));
                o->given[OPTION_SEED] = true;
        }
        *ret = result;
        return CODE_OK;
}
