/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/forward/forward-private.h"

/* An activation over the system bus takes a fraction of a second; our own callers give up after 25. */
#define KNOWN_WITHIN (5 * USEC_PER_SEC)
#define BACK_WITHIN (30 * USEC_PER_SEC)

static void reach_again(void *userdata);

int forward_new(Forward **ret, sd_event *event, const ForwardHandlers *handlers, void *userdata)
{
        Forward *forward = calloc(1, sizeof(Forward));
        if (!forward)
                return -ENOMEM;
        forward->event = sd_event_ref(event);
        forward->handlers = *handlers;
        forward->userdata = userdata;
        forward->backoff = (Backoff) { .event = event, .retry = reach_again, .userdata = forward };
        *ret = forward;
        return 0;
}

Forward *forward_free(Forward *forward)
{
        if (!forward)
                return NULL;
        forward_stop(forward);
        backoff_reset(&forward->backoff);
        sd_event_unref(forward->event);
        free(forward);
        return NULL;
}

void forward_stop(Forward *forward)
{
        relays_free(forward);
        errands_free(forward);
        forward->patience = sd_event_source_disable_unref(forward->patience);
        forward->models_call = sd_bus_slot_unref(forward->models_call);
        forward->properties_call = sd_bus_slot_unref(forward->properties_call);
        forward_clear_models(forward);
        free(TAKE_PTR(forward->owner));
        forward->is_there = false;
        forward->state[0] = forward->resident[0] = '\0';
        forward->bus = sd_bus_flush_close_unref(forward->bus);
}

bool forward_is_there(const Forward *forward)
{
        return forward->is_there;
}

const char *forward_state(const Forward *forward)
{
        return forward->state;
}

const char *forward_resident_model(const Forward *forward)
{
        return forward->resident;
}

int forward_new_call(const Forward *forward, const char *path, const char *interface, const char *member, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(forward->bus, ret, IMAGINE_BUS_NAME, path, interface, member);
}

bool forward_is_sender(const Forward *forward, sd_bus_message *message)
{
        const char *sender = sd_bus_message_get_sender(message);
        return sender && forward->owner && streq(sender, forward->owner);
}

static void say_known(Forward *forward)
{
        forward->patience = sd_event_source_disable_unref(forward->patience);
        if (forward->is_known)
                return;
        forward->is_known = true;
        forward->handlers.known(forward->userdata);
}

void forward_give_up(Forward *forward)
{
        bool was_there = forward->is_there;

        forward->is_there = false;
        forward_clear_models(forward);
        forward->state[0] = forward->resident[0] = '\0';
        say_known(forward);
        if (was_there) {
                log_notice("The machine's instance cannot be reached any more");
                forward->handlers.changed(forward->userdata);
        }
}

bool forward_may_return(const Forward *forward, uint64_t within)
{
        return forward->left_at > 0 && clock_usec(CLOCK_MONOTONIC) < forward->left_at + within;
}

/* A question was not answered. Was it asked of one that has left since, then its models stay known: jobs that wait for it
 * are not to be called impossible before it is back. Who comes is asked anew, and a job that finds nobody says so. */
static void miss_answer(Forward *forward)
{
        if (!forward->is_there || !forward_may_return(forward, BACK_WITHIN))
                forward_give_up(forward);
}

static void take_owner(Forward *forward, const char *name)
{
        free(forward->owner);
        forward->owner = name && *name ? strdup(name) : NULL;
}

/* --- its state --- */

static void take_text(sd_bus_message *message, char *field, size_t size)
{
        const char *text;
        if (sd_bus_message_read(message, "v", "s", &text) >= 0)
                (void)snprintf(field, size, "%s", text);
}

/* State and ResidentModel of an a{sv}. */
static int read_state(Forward *forward, sd_bus_message *message)
{
        const char *key;
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r < 0)
                        break;
                if (streq(key, "State"))
                        take_text(message, forward->state, sizeof(forward->state));
                else if (streq(key, "ResidentModel"))
                        take_text(message, forward->resident, sizeof(forward->resident));
                else
                        (void)sd_bus_message_skip(message, "v");
                r = sd_bus_message_exit_container(message);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        (void)error;

        forward->properties_call = sd_bus_slot_unref(forward->properties_call);
        if (sd_bus_message_is_method_error(reply, NULL) || read_state(forward, reply) < 0) {
                miss_answer(forward);
                return 1;
        }
        forward->is_there = true;
        backoff_reset(&forward->backoff);
        say_known(forward);
        forward->handlers.changed(forward->userdata);
        return 1;
}

static int ask_for_state(Forward *forward)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = forward_new_call(forward, IMAGINE_PATH, "org.freedesktop.DBus.Properties", "GetAll", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", IMAGINE_MANAGER_INTERFACE);
        forward->properties_call = sd_bus_slot_unref(forward->properties_call);
        return r < 0 ? r : sd_bus_call_async(forward->bus, &forward->properties_call, call, on_properties, forward, 0);
}

static int on_models(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        (void)error;

        forward->models_call = sd_bus_slot_unref(forward->models_call);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_debug("There is no machine's instance: %s", sd_bus_message_get_error(reply)->name);
                miss_answer(forward);
                return 1;
        }
        take_owner(forward, sd_bus_message_get_sender(reply));
        if (forward_read_models(forward, reply) < 0 || ask_for_state(forward) < 0)
                forward_give_up(forward);
        return 1;
}

void forward_refresh(Forward *forward)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        if (!forward->bus || forward->models_call)
                return;
        int r = forward_new_call(forward, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "ListModels", &call);
        if (r >= 0)
                r = sd_bus_call_async(forward->bus, &forward->models_call, call, on_models, forward, 0);
        if (r < 0)
                forward_give_up(forward);
}

/* --- what the bus tells --- */

static int on_manager_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        (void)error;

        if (!forward_is_sender(forward, message) || sd_bus_message_skip(message, "s") < 0 ||
            read_state(forward, message) < 0)
                return 0;
        forward->handlers.changed(forward->userdata);
        /* What is resident, and what is known of models, stands in the list as well. */
        forward_refresh(forward);
        return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        const char *name, *before, *now;
        (void)error;

        if (sd_bus_message_read(message, "sss", &name, &before, &now) < 0)
                return 0;
        if (*before) {
                forward->left_at = clock_usec(CLOCK_MONOTONIC);
                errands_orphan(forward);
        }
        take_owner(forward, now);
        if (*now) {
                forward_refresh(forward);
        } else { /* it may be started again by the next call */
                (void)snprintf(forward->state, sizeof(forward->state), "unloaded");
                forward->resident[0] = '\0';
                forward->handlers.changed(forward->userdata);
        }
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        (void)message, (void)error;

        log_warning("The system bus is gone");
        errands_orphan(forward);
        forward_give_up(forward);
        backoff_later(&forward->backoff);
        return 0;
}

static int add_matches(Forward *forward)
{
        static const char owner_changed[] =
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" IMAGINE_BUS_NAME "'";

        int r = sd_bus_add_match_async(forward->bus, NULL, owner_changed, on_owner_changed, NULL, forward);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                forward->bus, NULL, IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE, NULL, errands_hear,
                                NULL, forward);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                forward->bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, "org.freedesktop.DBus.Properties",
                                "PropertiesChanged", on_manager_changed, NULL, forward);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                forward->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, forward);
        return r;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        say_known(userdata);
        return 0;
}

int forward_start(Forward *forward)
{
        forward_stop(forward);
        forward->is_known = false;

        int r = sd_bus_open_system_with_description(&forward->bus, "imagined-forward");
        if (r >= 0)
                r = sd_bus_attach_event(forward->bus, forward->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = add_matches(forward);
        if (r >= 0)
                r = sd_event_add_time_relative(
                                forward->event, &forward->patience, CLOCK_MONOTONIC, KNOWN_WITHIN, 0, on_patience_over,
                                forward);
        if (r < 0) {
                forward_stop(forward);
                return r;
        }
        forward_refresh(forward);
        return 0;
}

static bool is_connected(const Forward *forward)
{
        return forward->bus && sd_bus_is_open(forward->bus) > 0;
}

void forward_look_again(Forward *forward)
{
        if (forward->is_there)
                return;
        if (is_connected(forward))
                forward_refresh(forward);
        else if (!forward->errands && !forward->relays)
                (void)forward_start(forward);
}

/* Jobs that were there are lost, but not forgotten before they have ended elsewhere. */
static void reach_again(void *userdata)
{
        Forward *forward = userdata;

        forward_look_again(forward);
        if (!is_connected(forward))
                backoff_later(&forward->backoff);
}
