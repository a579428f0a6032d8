/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/enhance.h"
#include "client/follow.h"
#include "client/i18n.h"
#include "client/values.h"
#include "dbus/names.h"

#define RESULT_BYTES_MAX (1U << 20)

/* --- the call --- */

/* NAME=TEXT, the last of a name. */
static int append_fields(sd_bus_message *m, const Options *o)
{
        json_t *fields = json_object(), *text;
        const char *name;

        for (size_t i = 0; i < o->n_fields; i++) {
                const char *equals = strchr(o->fields[i], '=');
                (void)json_object_setn_new(fields, o->fields[i], (size_t)(equals - o->fields[i]), json_string(equals + 1));
        }
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "fields");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{ss}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{ss}");
        json_object_foreach(fields, name, text) {
                if (r >= 0)
                        r = sd_bus_message_append(m, "{ss}", name, json_string_value(text));
        }
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(m);
        json_decref(fields);
        return r;
}

static int append_lineage(sd_bus_message *m, const json_t *lineage)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "lineage");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; i < json_array_size(lineage) && r >= 0; i++) {
                const char *text = json_string_value(json_array_get(lineage, i));
                r = sd_bus_message_append_basic(m, 's', text ? text : "");
        }
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_options(sd_bus_message *m, const Options *o, const json_t *lineage, uint32_t count)
{
        const struct {
                const char *key, *text;
        } texts[] = {
                { "model", o->model },     { "template", o->template }, { "profile", o->profile },
                { "purpose", o->purpose }, { "refine", o->refine },     { "engine", o->engine },
                { "server", o->server },
        };

        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                if (texts[i].text)
                        r = sd_bus_message_append(m, "{sv}", texts[i].key, "s", texts[i].text);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "count", "u", count);
        if (r >= 0 && options_has(o, OPTION_SEED))
                r = sd_bus_message_append(m, "{sv}", "seed", "t", o->seed);
        if (r >= 0 && o->dry_run)
                r = sd_bus_message_append(m, "{sv}", "dry-run", "b", 1);
        if (r >= 0 && o->n_fields > 0)
                r = append_fields(m, o);
        if (r >= 0 && json_array_size(lineage) > 0)
                r = append_lineage(m, lineage);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* --- what came of it --- */

static json_t *read_result(int fd)
{
        _cleanup_(freep) char *data = malloc(RESULT_BYTES_MAX);
        ssize_t n = data ? pread(fd, data, RESULT_BYTES_MAX, 0) : -1;

        return n > 0 ? json_loadb(data, (size_t)n, 0, NULL) : NULL;
}

static ExitCode fetch(Client *c, const JobInfo *job, uint32_t index, json_t *results)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int fd = -1;

        int r = sd_bus_call_method(c->bus, IMAGINE_BUS_NAME, job->path, IMAGINE_JOB_INTERFACE, "GetResult", &error, &reply, "u", index);
        if (r >= 0)
                r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return bus_fail(c, &error, r);
        json_t *result = read_result(fd);
        if (!json_is_string(json_object_get(result, "prompt")) || json_array_append(results, result) < 0) {
                json_decref(result);
                return client_fail(c, CODE_FAILED, _("the service's answer is no prompt"));
        }
        json_decref(result);
        return CODE_OK;
}

ExitCode enhance_idea(Client *c, const char *idea, const json_t *lineage, uint32_t count, json_t **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        const FollowHooks hooks = { .owns_job = true };
        JobInfo job;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = bus_new_call(c, "Enhance", &call);
        if (r >= 0)
                r = sd_bus_message_append_basic(call, 's', idea);
        if (r >= 0)
                r = append_options(call, &c->options, lineage, count);
        if (r < 0)
                return bus_fail(c, NULL, r);
        const bool quiet = c->options.quiet;
        c->options.quiet = true; /* it takes no time that is worth a word */
        code = follow_generate(c, call, &hooks, &job);
        c->options.quiet = quiet;
        json_t *results = json_array();
        for (uint32_t i = 0; code == CODE_OK && i < job.pictures; i++)
                code = fetch(c, &job, i, results);
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

/* --- --enhance --- */

static const char *text_of(const json_t *result, const char *key)
{
        const char *text = json_string_value(json_object_get(result, key));
        return text ? text : "";
}

void enhance_say_notes(const Client *c, const json_t *result)
{
        json_t *notes = json_object_get(result, "notes"), *note;
        size_t i;

        json_array_foreach(notes, i, note) {
                _cleanup_(freep) char *text = strdup(json_string_value(note) ? json_string_value(note) : "");
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
        char *prompt = strdup(text_of(result, "model-prompt"));
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
