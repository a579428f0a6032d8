/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "client/enhance-call.h"

#define RESULT_BYTES_MAX (1U << 20)

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
        if (r >= 0 && o->private)
                r = sd_bus_message_append(m, "{sv}", "private", "b", 1);
        if (r >= 0 && o->dry_run)
                r = sd_bus_message_append(m, "{sv}", "dry-run", "b", 1);
        if (r >= 0 && o->n_fields > 0)
                r = append_fields(m, o);
        if (r >= 0 && json_array_size(lineage) > 0)
                r = append_lineage(m, lineage);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int enhance_new_call(Client *c, const char *idea, const json_t *lineage, uint32_t count, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = bus_new_call(c, "Enhance", &call);
        if (r >= 0)
                r = sd_bus_message_append_basic(call, 's', idea);
        if (r >= 0)
                r = append_options(call, &c->options, lineage, count);
        if (r >= 0)
                *ret = TAKE_PTR(call);
        return r;
}

int enhance_read_result(sd_bus_message *m, json_t **ret)
{
        _cleanup_(freep) char *data = malloc(RESULT_BYTES_MAX);
        int fd;

        int r = data ? sd_bus_message_read_basic(m, 'h', &fd) : -ENOMEM;
        if (r < 0)
                return r;
        const ssize_t n = pread(fd, data, RESULT_BYTES_MAX, 0);
        json_t *result = n > 0 ? json_loadb(data, (size_t)n, 0, NULL) : NULL;
        if (!json_is_string(json_object_get(result, "prompt"))) {
                json_decref(result);
                return -EBADMSG;
        }
        *ret = result;
        return 0;
}
