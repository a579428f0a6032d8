/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "client/http/listing.h"
#include "client/http/routes.h"
#include "client/models.h"

typedef struct Listing {
        Client client;
        sd_bus_slot *slot;
        void (*answer)(Exchange *exchange, json_t *models);
} Listing;

void listing_stop(Exchange *x)
{
        Listing *l = x->state;

        if (!l)
                return;
        (void)sd_bus_slot_unref(l->slot);
        link_client_done(&l->client);
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

static int on_models(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Exchange *x = userdata;
        Listing *l = x->state;
        json_t *models = NULL;

        (void)ret_error;
        int r = sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m) : models_read(m, &models);
        if (r < 0) {
                fail(x, sd_bus_message_get_error(m), r);
                return 0;
        }
        l->answer(x, models);
        json_decref(models);
        listing_stop(x);
        return 0;
}

void listing_begin(Exchange *x, void (*answer)(Exchange *exchange, json_t *models))
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
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
        int r = bus_new_call(&l->client, "ListModels", &m);
        if (r >= 0)
                r = sd_bus_call_async(l->client.bus, &l->slot, m, on_models, x, 0);
        if (r < 0)
                fail(x, NULL, r);
}
