/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/notes.h"
#include "client/presets.h"
#include "prompts/check.h"

static const char *text_of(const json_t *problem, const char *key)
{
        const char *text = json_string_value(json_object_get(problem, key));
        return text ? text : "";
}

/* A prompt that is too long as a whole has no word that is cut. */
static bool is_too_long(const json_t *problem)
{
        return streq(text_of(problem, "kind"), "cut") && !*text_of(problem, "word");
}

static void print(const json_t *report)
{
        json_t *problems = json_object_get(report, "problems"), *problem;
        json_int_t tokens = json_integer_value(json_object_get(report, "tokens")), limit = json_integer_value(json_object_get(report, "limit"));
        size_t i;

        json_array_foreach(problems, i, problem) {
                _cleanup_(freep) char *text = note_to_text(problem);
                if (is_too_long(problem))
                        (void)printf(_("about %lld tokens; the model reads %lld and cuts off the rest\n"), (long long)tokens, (long long)limit);
                else if (text)
                        (void)puts(text);
        }
}

ExitCode verb_check_prompt(Client *c)
{
        Generator generator = {};
        Error error = {};
        json_t *report;

        ExitCode code = presets_open(c, &generator);
        if (code != CODE_OK)
                return code;
        int r = check_prompt(&generator, c->options.prompt, &report, &error);
        if (r < 0) {
                generator_done(&generator);
                return client_fail_error(c, CODE_FAILED, &error, r);
        }
        if (!c->options.json)
                print(report);
        client_say(c, _("The model takes up: %s"), text_of(report, "model-prompt"));
        if (json_array_size(json_object_get(report, "problems")) == 0)
                client_say(c, "%s", _("Nothing is wrong with it"));
        c->result = report;
        generator_done(&generator);
        return CODE_OK;
}
