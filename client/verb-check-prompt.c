/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/presets.h"
#include "prompts/check.h"

/* The generator's sentences are English; people get them by what kind of problem it is. */
static const char *sentence_of(const json_t *problem)
{
        static const struct {
                const char *kind, *text; /* with the word, then what is near */
        } sentences[] = {
                { "two", N_("\"%s\" and \"%s\" are two of the same kind") },
                { "contradiction", N_("\"%s\" and \"%s\" contradict each other") },
                { "no-subject", N_("nothing is named that can be drawn") },
                { "empty", N_("the prompt has no word") },
                { "unknown", N_("\"%s\" is not among the model's words; near are: %s") },
                { "like", N_("\"%s\" is drawn like: %s") },
                { "count", N_("the model cannot count to \"%s\", only to %s") },
                { "cut", N_("\"%s\" does not fit into what the model reads") },
        };
        const char *kind = json_string_value(json_object_get(problem, "kind"));

        for (size_t i = 0; kind && i < ELEMENTSOF(sentences); i++)
                if (streq(sentences[i].kind, kind))
                        return _(sentences[i].text);
        return NULL;
}

static const char *text_of(const json_t *problem, const char *key)
{
        const char *text = json_string_value(json_object_get(problem, key));
        return text ? text : "";
}

/* A sentence with up to two "%s" in it. */
static void print_sentence(const char *sentence, const char *first, const char *second)
{
        const char *values[] = { first, second };
        size_t n = 0;

        for (const char *p = sentence; *p; p++) {
                if (p[0] == '%' && p[1] == 's' && n < ELEMENTSOF(values)) {
                        (void)fputs(values[n++], stdout);
                        p++;
                } else {
                        (void)putchar(*p);
                }
        }
        (void)putchar('\n');
}

static void print(const json_t *report)
{
        json_t *problems = json_object_get(report, "problems"), *problem;
        json_int_t tokens = json_integer_value(json_object_get(report, "tokens")), limit = json_integer_value(json_object_get(report, "limit"));
        size_t i;

        json_array_foreach(problems, i, problem) {
                const char *sentence = sentence_of(problem), *word = text_of(problem, "word"), *near = text_of(problem, "near");
                if (streq(text_of(problem, "kind"), "unknown") && !*near)
                        print_sentence(_("\"%s\" is not among the model's words, and none is near"), word, "");
                else if (streq(text_of(problem, "kind"), "cut") && !*word)
                        (void)printf(_("about %lld tokens; the model reads %lld and cuts off the rest\n"), (long long)tokens, (long long)limit);
                else
                        print_sentence(sentence ? sentence : text_of(problem, "text"), word, near);
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
