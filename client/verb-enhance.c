/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/enhance.h"
#include "client/i18n.h"

#define EARLIER_BYTES_MAX (1U << 20)
#define COUNT_MAX 16

/* The first prompt of what --json said. */
static json_t *read_earlier(const char *path)
{
        _cleanup_(fclosep) FILE *file = streq(path, "-") ? NULL : fopen(path, "re");
        FILE *f = streq(path, "-") ? stdin : file;
        _cleanup_(freep) char *data = malloc(EARLIER_BYTES_MAX);

        if (!f || !data)
                return NULL;
        size_t size = fread(data, 1, EARLIER_BYTES_MAX, f);
        json_t *all = json_loadb(data, size, 0, NULL);
        json_t *first = json_incref(json_array_get(json_object_get(all, "prompts"), 0));
        json_decref(all);
        return first;
}

static void print(const Client *c, const json_t *results)
{
        json_t *result;
        size_t i;

        json_array_foreach((json_t *)results, i, result) {
                const char *prompt = json_string_value(json_object_get(result, "prompt"));
                const char *for_model = json_string_value(json_object_get(result, "model-prompt"));
                const char *negative = json_string_value(json_object_get(result, "negative"));
                (void)puts(prompt);
                if (for_model && !streq(prompt, for_model))
                        client_say(c, _("For the model: %s"), for_model);
                if (negative && *negative)
                        client_say(c, _("Not to be shown: %s"), negative);
                if (i == 0)
                        enhance_say_notes(c, result);
        }
}

ExitCode verb_enhance(Client *c)
{
        json_t *earlier = NULL, *results = NULL;
        const char *idea = c->options.prompt;

        if (c->options.count > COUNT_MAX)
                return client_fail(c, CODE_USAGE, _("at most %d prompts at a time"), COUNT_MAX);
        if (c->options.earlier) {
                earlier = read_earlier(c->options.earlier);
                idea = json_string_value(json_object_get(earlier, "prompt"));
                if (!idea) {
                        json_decref(earlier);
                        return client_fail(c, CODE_FAILED, _("%s holds no prompt that 'enhance --json' has printed"), c->options.earlier);
                }
        }
        ExitCode code = enhance_idea(c, idea, json_object_get(earlier, "lineage"), (uint32_t)c->options.count, &results);
        if (code == CODE_OK && c->options.json)
                c->result = json_pack("{s:O}", "prompts", results);
        else if (code == CODE_OK)
                print(c, results);
        json_decref(results);
        json_decref(earlier);
        return code;
}
