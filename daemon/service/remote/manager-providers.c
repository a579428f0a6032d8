/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "service/catalogue.h"
#include "service/errors.h"
#include "service/remote/abilities.h"
#include "service/remote/checks.h"
#include "service/remote/consent.h"
#include "service/remote/manager-providers.h"
#include "service/remote/remote.h"
#include "service/remote/tariff.h"
#include "service/service.h"

/* What servers of its dialect can be asked; NULL: it makes no pictures. */
static const Capabilities *capabilities_of(const Server *server)
{
        const int dialect = net_dialect_from_string(server->dialect);

        return dialect < 0 ? NULL : capabilities_get((NetDialect)dialect, server->model);
}

/* The resident model, or the one that would be. */
static int append_local(Service *service, sd_bus_message *reply)
{
        char model[MODEL_NAME_MAX + 1] = "";
        const bool ready = catalogue_resolve_request(service, "", model, NULL) >= 0;
        const ModelReady *info = ready ? catalogue_ready(service, model) : NULL;

        return sd_bus_message_append(
                        reply, "(sa{sv})", PROVIDER_LOCAL, 9, "dialect", "s", PROVIDER_LOCAL, "model", "s", model, "where", "s", "this machine",
                        "licence", "s", info ? info->license : "", "price", "x", INT64_C(0), "ready", "b", (int)ready, "consent", "b", 1,
                        "url", "s", "", "routes", "b", (int)(service->config->remote->n_routes > 0));
}

static int append_words(sd_bus_message *reply, const char *key, const Words *words)
{
        char word[sizeof(words->text)];
        size_t size;

        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (const char *each = words_first(words, &size); each && r >= 0; each = words_next(each, &size)) {
                (void)snprintf(word, sizeof(word), "%.*s", (int)size, each);
                r = sd_bus_message_append(reply, "s", word);
        }
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_terms(sd_bus_message *reply, const Tariff *tariff, const Server *server)
{
        const int64_t price = tariff_price(tariff, server->model, server->quality, 0, 0);

        int r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "service", "s", tariff->service, "where", "s", tariff->where, "licence",
                        "s", tariff->licence, "owner", "s", tariff->owner, "attribution", "s", tariff->attribution, "terms", "s", tariff->terms,
                        "dated", "s", tariff->dated, "warning", "s", tariff->warning, "commercial", "b", (int)tariff->commercial);
        if (r >= 0 && price >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "price", "x", price, "currency", "s", tariff->currency, "prices-dated", "s",
                                          tariff->prices_dated, "prices-from", "s", tariff->prices_from);
        return r;
}

static int append_limits(sd_bus_message *reply, const Capabilities *can, const Server *server)
{
        Words options = {}, sizes = {};

        for (uint32_t bit = 1; bit < NET_OPTION_END; bit <<= 1)
                if (can->options & bit)
                        (void)words_add(&options, net_option_to_string((NetOption)bit));
        for (size_t i = 0; i < can->n_sizes; i++)
                (void)words_add(&sizes, can->sizes[i].name);
        int r = append_words(reply, "options", &options);
        if (r >= 0)
                r = append_words(reply, "sizes", &sizes);
        if (r >= 0)
                r = append_words(reply, "purposes", &server->purposes);
        return r < 0 ? r : sd_bus_message_append(reply, "{sv}{sv}{sv}", "seconds", "u", server->seconds, "tries", "u", server->tries, "parallel",
                                                 "u", server->parallel);
}

static int append_provider(const Service *service, sd_bus_message *reply, const Server *server)
{
        const CheckResult *check = checks_find(service->checks, server);
        Capabilities can = *capabilities_of(server);
        Tariff tariff;

        (void)abilities_of(server, server->model, &can, NULL); /* else of its dialect */
        tariff_find(&tariff, service->config->provider_tables, server);
        int r = sd_bus_message_open_container(reply, 'r', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", server->name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                                reply, "{sv}{sv}{sv}{sv}", "dialect", "s", server->dialect, "url", "s", server->url, "model", "s", server->model,
                                "consent", "b", (int)consent_is_given(server));
        if (r >= 0)
                r = append_terms(reply, &tariff, server);
        if (r >= 0)
                r = append_limits(reply, &can, server);
        if (r >= 0 && check)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "ready", "b", (int)check->ready, "checked", "t", check->when, "message", "s", check->text);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int manager_list_providers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Service *service = userdata;
        const Servers *servers = service->config->servers;
        (void)error;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        if (r >= 0)
                r = append_local(service, reply);
        for (size_t i = 0; i < servers->n && service->forward && r >= 0; i++)
                if (capabilities_of(&servers->items[i]))
                        r = append_provider(service, reply, &servers->items[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int check_local(Service *service, sd_bus_message *call)
{
        char model[MODEL_NAME_MAX + 1];
        Error failure = {};

        if (catalogue_resolve_request(service, "", model, &failure) >= 0)
                return sd_bus_reply_method_return(call, "a{sv}", 3, "ready", "b", 1, "checked", "t", clock_usec(CLOCK_REALTIME), "models", "as", 1, model);
        return sd_bus_reply_method_return(call, "a{sv}", 3, "ready", "b", 0, "checked", "t", clock_usec(CLOCK_REALTIME), "message", "s", failure.text);
}

int manager_check_provider(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        Error error = {};
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        if (streq(name, PROVIDER_LOCAL))
                return check_local(service, call);
        const Server *server = service->forward ? config_find_server(service->config->servers, name) : NULL;
        if (!server || !capabilities_of(server))
                return error_to_bus_code(bus_error, REMOTE_NOT_CONFIGURED, "There is no provider of that name in the configuration");
        r = checks_begin(service->checks, call, server, &error);
        return r < 0 ? error_to_bus_or_code(bus_error, &error, r) : 1;
}
