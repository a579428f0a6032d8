/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/money.h"
#include "base/util.h"
#include "client/bus.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/provenance.h"
#include "client/servers.h"
#include "client/table.h"

static const char *text_of(const json_t *provider, const char *key)
{
        const char *text = json_string_value(json_object_get(provider, key));
        return text ? text : "";
}

/* In words; what was never asked is not known. */
static const char *readiness(const json_t *provider)
{
        const json_t *ready = json_object_get(provider, "ready");

        if (!json_is_true(json_object_get(provider, "consent")))
                return _("no consent");
        return !ready ? _("not checked") : json_is_true(ready) ? _("ready") : _("not ready");
}

static void print_table(const json_t *providers)
{
        static const char *const heads[] = { N_("NAME"), N_("STATE"), N_("PRICE"), N_("MODEL"), N_("WHERE"), N_("LICENCE"), NULL };
        _cleanup_(table_done) Table table = { .columns = ELEMENTSOF(heads) - 1 };

        table_add_heads(&table, heads);
        for (size_t i = 0; i < json_array_size(providers); i++) {
                const json_t *provider = json_array_get(providers, i);
                char price[MONEY_TEXT_MAX];

                (void)provenance_amount(provider, "price", price);
                table_add_all(&table, (const char *[]) { text_of(provider, "name"), readiness(provider), price, text_of(provider, "model"),
                                                         provenance_place(provider), text_of(provider, "licence"), NULL });
        }
        table_print(&table);
}

/* What does not fit into the table: terms, warnings, and why one is not ready. */
static void say_more(Client *c, const json_t *providers)
{
        for (size_t i = 0; i < json_array_size(providers); i++) {
                const json_t *provider = json_array_get(providers, i);
                const char *name = text_of(provider, "name"), *dated = text_of(provider, "dated"), *from = text_of(provider, "prices-from");

                if (*text_of(provider, "terms"))
                        client_say(c, _("%s: terms at %s%s%s"), name, text_of(provider, "terms"), *dated ? _(", as of ") : "", dated);
                if (*from)
                        client_say(c, _("%s: price as of %s, read at %s"), name, text_of(provider, "prices-dated"), from);
                if (*text_of(provider, "warning"))
                        client_say(c, "%s: %s", name, text_of(provider, "warning"));
                if (*text_of(provider, "message"))
                        client_say(c, "%s: %s", name, text_of(provider, "message"));
        }
}

/* What the check says stands with what is known. */
static void check(Client *c, json_t *provider)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *result = NULL;

        if (!json_is_true(json_object_get(provider, "consent")))
                return; /* nothing is sent, not even this */
        if (bus_call_manager(c, "CheckProvider", &error, &reply, "s", text_of(provider, "name")) < 0)
                result = json_pack("{s:b, s:s}", "ready", 0, "message", error.message ? error.message : "");
        else if (json_read_dict(reply, &result) < 0)
                result = NULL;
        json_clean_texts(result);
        if (result)
                (void)json_object_update(provider, result);
        json_decref(result);
}

ExitCode verb_providers(Client *c)
{
        json_t *providers = NULL;

        ExitCode code = servers_list_of(c, "ListProviders", &providers);
        if (code != CODE_OK)
                return code;
        for (size_t i = 0; i < json_array_size(providers) && c->options.check; i++)
                check(c, json_array_get(providers, i));
        if (c->options.json)
                c->result = json_pack("{s:O}", "providers", providers);
        else if (c->options.quiet)
                servers_print_names(providers);
        else
                print_table(providers);
        if (!c->options.quiet && !c->options.json)
                say_more(c, providers);
        json_decref(providers);
        return CODE_OK;
}
