/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/batch.h"
#include "client/bus.h"
#include "client/enhance.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/servers.h"
#include "client/settings.h"
#include "client/shrink.h"
#include "marks/alt-text.h"

/* Whether a server that understands pictures may be asked. */
static bool can_ask(const Client *c, const json_t *servers)
{
        for (size_t i = 0; i < json_array_size(servers); i++) {
                const json_t *server = json_array_get(servers, i);
                if (json_is_true(json_object_get(server, "vision")) &&
                    (c->options.dry_run || json_is_true(json_object_get(server, "consent"))))
                        return true;
        }
        return false;
}

/* --- from the settings in our own pictures --- */

static ExitCode from_settings(Client *c, const char *path, char **ret)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        _cleanup_(settings_done) Settings settings = { 0 };

        ExitCode code = batch_check_file(c, path);
        if (code == CODE_OK)
                code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        int r = settings_find(file.data, file.size, &settings);
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", path, strerror(-r));
        if (r == 0)
                return client_fail_named(c, CODE_FAILED, NULL,
                                         _("'imagine consent' lists the servers; 'servers' in imagined.conf(5) says how to add one."),
                                         _("%s does not say how it was made, and there is no server to ask that understands pictures"),
                                         path);
        alt_text_from_prompt(settings.prompt);
        client_clean_text(settings.prompt);
        *ret = strdup(settings.prompt);
        return *ret ? CODE_OK : client_fail(c, CODE_FAILED, _("out of memory"));
}

/* --- by a server --- */

static int append_options(sd_bus_message *call, const Client *c, int picture)
{
        int r = sd_bus_message_open_container(call, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(call, "{sv}{sv}{sv}", "engine", "s", "chat", "picture", "h", picture, "dry-run", "b",
                                          (int)c->options.dry_run);
        if (r >= 0 && c->options.private)
                r = sd_bus_message_append(call, "{sv}", "private", "b", 1);
        if (r >= 0 && c->options.server)
                r = sd_bus_message_append(call, "{sv}", "server", "s", c->options.server);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static ExitCode ask(Client *c, const char *path, char **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(closep) int picture = -1;
        json_t *results = NULL;

        ExitCode code = bus_connect(c);
        if (code == CODE_OK)
                code = shrink_file(c, path, &picture);
        if (code != CODE_OK)
                return code;
        int r = bus_new_call(c, "Enhance", &call);
        if (r >= 0) /* the answer is in the language of the question */
                r = sd_bus_message_append(call, "s", _("Describe this picture for somebody who cannot see it: one or two plain sentences, what matters most first."));
        if (r >= 0)
                r = append_options(call, c, picture);
        if (r < 0)
                return bus_fail(c, NULL, r);
        code = enhance_run(c, call, &results);
        if (code != CODE_OK)
                return code;
        const char *text = json_string_value(json_object_get(json_array_get(results, 0), "prompt"));
        *ret = text ? strdup(text) : NULL;
        json_decref(results);
        return *ret ? CODE_OK : client_fail(c, CODE_FAILED, _("out of memory"));
}

ExitCode verb_describe(Client *c)
{
        const char *path = c->options.words[0];
        _cleanup_(freep) char *text = NULL;
        json_t *servers = NULL;
        ExitCode code = CODE_OK;
        bool asks = c->options.server;

        if (!asks) {
                code = servers_list(c, &servers);
                asks = code == CODE_OK && can_ask(c, servers);
                json_decref(servers);
        }
        if (code == CODE_OK)
                code = asks ? ask(c, path, &text) : from_settings(c, path, &text);
        if (code != CODE_OK)
                return code;
        if (c->options.json)
                c->result = json_pack("{s:o, s:o, s:s}", "path", json_from_text(path), "description", json_from_text(text), "source",
                                      asks ? "server" : "settings");
        else
                (void)puts(text);
        return CODE_OK;
}
