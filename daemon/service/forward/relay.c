/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of this user's apps that only the machine's instance can answer. */

#include <errno.h>

#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/forward/forward-private.h"

#define RELAYS_MAX 32

struct Relay {
        Forward *forward;
        sd_bus_message *call;
        sd_bus_slot *slot;
        Relay *next;
};

static void relay_free(Relay *relay)
{
        for (Relay **p = &relay->forward->relays; *p; p = &(*p)->next)
                if (*p == relay) {
                        *p = relay->next;
                        relay->forward->n_relays--;
                        break;
                }
        sd_bus_slot_unref(relay->slot);
        sd_bus_message_unref(relay->call);
        free(relay);
}

void relays_free(Forward *forward)
{
        while (forward->relays)
                relay_free(forward->relays);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Relay *relay = userdata;
        (void)error;

        if (sd_bus_message_is_method_error(reply, NULL))
                (void)sd_bus_reply_method_error(relay->call, sd_bus_message_get_error(reply));
        else
                (void)sd_bus_reply_method_return(relay->call, NULL);
        relay_free(relay);
        return 1;
}

static int send(Relay *relay, const char *argument)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        bool may_ask = sd_bus_message_get_allow_interactive_authorization(relay->call) > 0;

        int r = forward_new_call(
                        relay->forward, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, sd_bus_message_get_member(relay->call),
                        &call);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(call, may_ask);
        if (r >= 0 && argument)
                r = sd_bus_message_append(call, "s", argument);
        /* A person may take a while to answer. */
        return r < 0 ? r : sd_bus_call_async(
                                           relay->forward->bus, &relay->slot, call, on_answer, relay,
                                           may_ask ? UINT64_MAX : 0);
}

int forward_relay(Forward *forward, sd_bus_message *call, const char *argument, sd_bus_error *error)
{
        if (forward->n_relays >= RELAYS_MAX)
                return error_to_bus_code(error, -EDQUOT, "Too many calls wait for the machine's instance");

        Relay *relay = calloc(1, sizeof(Relay));
        if (!relay)
                return -ENOMEM;
        *relay = (Relay) { forward, sd_bus_message_ref(call), NULL, forward->relays };
        forward->relays = relay;
        forward->n_relays++;
        int r = send(relay, argument);
        if (r < 0) {
                relay_free(relay);
                return r;
        }
        return 1;
}
