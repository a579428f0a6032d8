/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/listing.h"
#include "client/http/routes.h"
#include "client/models.h"
#include "client/servers.h"

typedef struct Listing {
        Client client;
        sd_bus_slot *slot;
        json_t *models;
        void (*answer)(Exchange *exchange, json_t *models);
} Listing;

void listing_stop(Exchange *x)
{
        Listing *l = x->state;

        if (!l)
                return;
        (void)sd_bus_slot_unref(l->slot);
        link_client_done(&l->client);
        json_decref(l->models);
        free(l);
        x->state = NULL;
}

static void fail(Exchange *x, const sd_bus_error *error, int r)
{
        Listing *l = x->state;
        Failure failure;

        failure_take(&failure, &l->client, bus_fail(&l->client, error, r));
        exchange_fail(x, &failure);
        listing_stop(x);
}

static void ask(Exchange *x, const char *method, sd_bus_message_handler_t take)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Listing *l = x->state;

        l->slot = sd_bus_slot_unref(l->slot);
        int r = bus_new_call(&l->client, method, &m);
        if (r >= 0)
                r = sd_bus_call_async(l->client.bus, &l->slot, m, take, x, 0);
        if (r < 0)
                fail(x, NULL, r);
}

/* Those that the user has consented to, by names that provider_of() knows. */
static int add_providers(json_t *models, const json_t *providers)
{
        json_t *provider;
        size_t i;

        json_array_foreach(providers, i, provider) {
                const char *name = json_string_value(json_object_get(provider, "name"));
                if (!name || streq(name, "local") || !json_is_true(json_object_get(provider, "consent")))
                        continue;
                if (json_array_append_new(models, json_pack("{s:o}", "name", json_sprintf(PROVIDER_PREFIX "%s", name))) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int on_providers(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Exchange *x = userdata;
        Listing *l = x->state;
        json_t *providers = NULL;

        (void)ret_error;
        int r = sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m) : servers_read(m, &providers);
        if (r >= 0)
                r = add_providers(l->models, providers);
        json_decref(providers);
        if (r < 0) {
                fail(x, sd_bus_message_get_error(m), r);
                return 0;
        }
        l->answer(x, l->models);
        listing_stop(x);
        return 0;
}

static int on_models(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Exchange *x = userdata;
        Listing *l = x->state;

        (void)ret_error;
        int r = sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m) : models_read(m, &l->models);
        if (r < 0)
                fail(x, sd_bus_message_get_error(m), r);
        else
                ask(x, "ListProviders", on_providers);
        return 0;
}

void listing_begin(Exchange *x, void (*answer)(Exchange *exchange, json_t *models))
{
        Listing *l = calloc(1, sizeof(*l));
        Failure failure = { 0 };

        x->state = l;
        if (!l) {
                exchange_refuse(x, 503, NULL, "out of memory");
                return;
        }
        l->answer = answer;
        if (link_open(&x->bridge->link, &l->client, &failure) != CODE_OK) {
                exchange_fail(x, &failure);
                listing_stop(x);
                return;
        }
        ask(x, "ListModels", on_models);
}
