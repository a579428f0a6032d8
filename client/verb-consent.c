/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/bus.h"
#include "client/i18n.h"
#include "client/servers.h"
#include "client/table.h"

static const char *text_of(const json_t *server, const char *key)
{
        const char *text = json_string_value(json_object_get(server, key));
        return text ? text : "";
}

static void print_table(const json_t *servers)
{
        static const char *const heads[] = { N_("NAME"), N_("CONSENT"), N_("MODEL"), N_("ADDRESS"), NULL };
        _cleanup_(table_done) Table table = { .columns = ELEMENTSOF(heads) - 1 };

        table_add_heads(&table, heads);
        for (size_t i = 0; i < json_array_size(servers); i++) {
                const json_t *server = json_array_get(servers, i);
                const bool given = json_is_true(json_object_get(server, "consent"));

                table_add_all(&table, (const char *[]) { text_of(server, "name"), given ? _("given") : _("not given"),
                                                         text_of(server, "model"), text_of(server, "url"), NULL });
        }
        table_print(&table);
}

static ExitCode list(Client *c)
{
        json_t *servers = NULL;

        ExitCode code = servers_list(c, &servers);
        if (code != CODE_OK)
                return code;
        if (c->options.json)
                c->result = json_pack("{s:O}", "servers", servers);
        else if (c->options.quiet)
                servers_print_names(servers);
        else if (json_array_size(servers) == 0)
                client_say(c, _("No server is configured; see 'servers' in imagined.conf(5)"));
        else
                print_table(servers);
        json_decref(servers);
        return CODE_OK;
}

/* What its terms warn of, if it is one that makes pictures. */
static void warn_of(Client *c, const char *name)
{
        json_t *providers = NULL;

        if (servers_list_of(c, "ListProviders", &providers) != CODE_OK)
                return;
        const char *warning = text_of(servers_find(providers, name), "warning");
        if (*warning)
                client_warn(c, "%s", warning);
        json_decref(providers);
}

static ExitCode set(Client *c, const char *name, bool given)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_t *servers = NULL;

        ExitCode code = servers_list(c, &servers);
        if (code != CODE_OK)
                return code;
        const char *url = text_of(servers_find(servers, name), "url");
        int r = bus_call_manager(c, "SetConsent", &error, NULL, "sb", name, (int)given);
        if (r >= 0 && given)
                warn_of(c, name);
        if (r < 0)
                code = bus_fail(c, &error, r);
        else if (given)
                client_say(c, _("What you ask %s for is sent to %s from now on: prompts, and pictures that it is to describe. "
                                "'imagine consent revoke %s' ends that."), name, url, name);
        else
                client_say(c, _("Nothing is sent to %s any more"), name);
        if (r >= 0)
                c->result = json_pack("{s:s, s:b}", "name", name, "consent", (int)given);
        json_decref(servers);
        return code;
}

ExitCode verb_consent(Client *c)
{
        const char *what = c->options.n_words > 0 ? c->options.words[0] : "list";
        const bool grants = streq(what, "grant"), revokes = streq(what, "revoke");

        if (!grants && !revokes && !streq(what, "list"))
                return client_fail(c, CODE_USAGE, _("'%s' is none of grant, revoke, list"), what);
        if (c->options.n_words != (grants || revokes ? 2 : c->options.n_words > 0))
                return client_fail(c, CODE_USAGE, grants || revokes ? _("'%s' needs the name of one server") : _("'%s' takes no name"),
                                   what);
        return grants || revokes ? set(c, c->options.words[1], grants) : list(c);
}
