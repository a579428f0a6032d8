/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the machine's instance tells of a job: by signals, and when it is asked. */

#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/forward/errand-private.h"

/* Signals may be lost where the bus is slow, and an instance may hang: silence is looked into. */
#define SILENCE (5 * USEC_PER_SEC)

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
        Errand *errand = userdata;
        (void)source, (void)usec;

        errand->silence = sd_event_source_disable_unref(errand->silence);
        if (errand->path && !errand->is_orphaned && !errand->properties)
                errand_ask(errand);
        return 0;
}

static void hear_something(Errand *errand)
{
        errand->silence = sd_event_source_disable_unref(errand->silence);
        (void)sd_event_add_time_relative(
                        errand->forward->event, &errand->silence, CLOCK_MONOTONIC, SILENCE, USEC_PER_SEC, on_silence,
                        errand);
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Errand *errand = userdata;
        Snapshot now = errand->now;
        (void)ret_error;

        errand->properties = sd_bus_slot_unref(errand->properties);
        bool is_gone = sd_bus_message_is_method_error(reply, NULL);
        if (is_gone && !errand->is_orphaned) {
                errand_lose_by(errand, sd_bus_message_get_error(reply));
                return 1;
        }
        int r = is_gone ? 0 : snapshot_read(&now, &errand->error, reply);
        if (r < 0) {
                errand_lose_broken(errand, r);
                return 1;
        }
        /* An instance that was started anew may have given the number to another job. */
        if (is_gone || (errand->is_orphaned && (now.created != errand->created || now.seed != errand->seed))) {
                errand_generate(errand);
                return 1;
        }
        errand->is_orphaned = false;
        errand->now = now;
        errand->created = now.created;
        errand->seed = now.seed;
        hear_something(errand);
        errand_report(errand);
        return 1;
}

void errand_ask(Errand *errand)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = forward_new_call(errand->forward, errand->path, "org.freedesktop.DBus.Properties", "GetAll", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", IMAGINE_JOB_INTERFACE);
        errand->properties = sd_bus_slot_unref(errand->properties);
        if (r >= 0)
                r = sd_bus_call_async(errand->forward->bus, &errand->properties, call, on_properties, errand, 0);
        if (r < 0)
                errand_lose_broken(errand, r);
}

static int hear_finished(Errand *errand, sd_bus_message *message)
{
        const char *state, *key, *name = NULL, *text = NULL;

        int r = sd_bus_message_read(message, "s", &state);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r >= 0 && streq(key, "pictures"))
                        r = sd_bus_message_read(message, "v", "u", &errand->now.pictures);
                else if (r >= 0 && streq(key, "error"))
                        r = sd_bus_message_read(message, "v", "s", &name);
                else if (r >= 0 && streq(key, "message"))
                        r = sd_bus_message_read(message, "v", "s", &text);
                else if (r >= 0)
                        r = sd_bus_message_skip(message, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r < 0)
                return r;
        int final = job_state_from_string(state);
        if (final < 0 || !job_state_is_final((JobState)final))
                return -EBADMSG;
        errand->now.state = job_state_to_string((JobState)final);
        if (name)
                (void)error_set(&errand->error, error_code_of(name), "%s", text ? text : name);
        return 0;
}

int errands_hear(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        const char *path = sd_bus_message_get_path(message), *member = sd_bus_message_get_member(message);
        Errand *errand = forward->errands;
        int r = 0;
        (void)error;

        while (errand && !(errand->path && streq(errand->path, path)))
                errand = errand->next;
        if (!errand || errand->is_orphaned || !forward_is_sender(forward, message))
                return 0;
        hear_something(errand);
        if (streq(member, "Updated"))
                r = snapshot_read(&errand->now, NULL, message);
        else if (streq(member, "Finished"))
                r = hear_finished(errand, message);
        else if (streq(member, "PreviewReady"))
                errand->wants_preview = true;
        if (r < 0)
                errand_lose_broken(errand, r);
        else if (!errand->properties) /* what is asked for tells more */
                errand_report(errand);
        return 0;
}
