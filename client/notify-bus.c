/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/notifier.h"
#include "client/notify-actions.h"
#include "client/notify-message.h"

#define CALL_USEC (10 * USEC_PER_SEC) /* a server may have to be started */
#define STAY_USEC (600 * USEC_PER_SEC)

static int on_capabilities(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Notifier *n = userdata;
        const char *capability;

        (void)ret_error;
        n->is_ready = true;
        n->is_broken = sd_bus_message_is_method_error(m, NULL) || sd_bus_message_enter_container(m, 'a', "s") < 0;
        while (!n->is_broken && sd_bus_message_read_basic(m, 's', &capability) > 0) {
                n->has_actions = n->has_actions || streq(capability, "actions");
                n->has_markup = n->has_markup || streq(capability, "body-markup");
        }
        if (n->is_stale)
                notifier_show(n);
        return 0;
}

static int on_information(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Notifier *n = userdata;
        const char *name;

        (void)ret_error;
        n->is_xfce = !sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read_basic(m, 's', &name) > 0 &&
                     streq(name, "Xfce Notify Daemon");
        return 0;
}

static int on_action(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Notifier *n = userdata;
        const char *key;
        uint32_t id;

        (void)ret_error;
        if (sd_bus_message_read(m, "us", &id, &key) < 0 || id != n->id || id == 0)
                return 0;
        if (n->is_end) {
                if (n->offers_again && streq(key, ACTION_AGAIN))
                        (void)spawn_imagine(n->command, n->input);
                else
                        notify_act(n->bus, key, n->paths);
                n->is_acted_on = true;
        } else if (streq(key, ACTION_CANCEL)) {
                n->is_cancelled = true;
                if (n->on_cancel)
                        n->on_cancel(n->userdata);
        }
        return 0;
}

/* 2: the user did it. What ran out, or was closed for us, may come back. */
static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Notifier *n = userdata;
        uint32_t id, reason;

        (void)ret_error;
        if (sd_bus_message_read(m, "uu", &id, &reason) < 0 || id != n->id || id == 0)
                return 0;
        n->id = 0;
        n->is_dismissed = reason == 2;
        n->is_acted_on = n->is_end;
        return 0;
}

static int connect_bus(Notifier *n)
{
        int r = sd_bus_open_user(&n->bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(n->bus, CALL_USEC);
        if (r >= 0)
                r = sd_bus_set_close_on_exit(n->bus, false); /* there is another job, or the end to tell */
        if (r >= 0)
                r = sd_bus_match_signal(n->bus, NULL, NOTIFY_NAME, NOTIFY_PATH, NOTIFY_NAME, "ActionInvoked", on_action, n);
        if (r >= 0)
                r = sd_bus_match_signal(n->bus, NULL, NOTIFY_NAME, NOTIFY_PATH, NOTIFY_NAME, "NotificationClosed",
                                        on_closed, n);
        if (r >= 0) /* answered before the next, which is waited for */
                r = sd_bus_call_method_async(n->bus, NULL, NOTIFY_NAME, NOTIFY_PATH, NOTIFY_NAME, "GetServerInformation",
                                             on_information, n, "");
        if (r >= 0)
                r = sd_bus_call_method_async(n->bus, NULL, NOTIFY_NAME, NOTIFY_PATH, NOTIFY_NAME, "GetCapabilities",
                                             on_capabilities, n, "");
        return r;
}

int notifier_new(Notifier **ret, Error *error)
{
        _cleanup_(notifier_freep) Notifier *n = calloc(1, sizeof(*n));

        if (!n)
                return -ENOMEM;
        n->percent = -1;
        int r = connect_bus(n);
        if (r < 0)
                return error_set(error, r, _("no notifications: cannot connect to the session bus: %s"), strerror(-r));
        notifier_set_subject(n, "", 0, 0);
        *ret = TAKE_PTR(n);
        return 0;
}

/* Until nothing is under way, but not for long. */
static void settle(Notifier *n)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + CALL_USEC;

        while (!n->is_broken && (!n->is_ready || n->is_pending || n->is_to_close)) {
                uint64_t now = clock_usec(CLOCK_MONOTONIC);
                int r = now < end ? sd_bus_process(n->bus, NULL) : -ETIMEDOUT;
                if (r == 0)
                        r = sd_bus_wait(n->bus, end - now);
                n->is_broken = r < 0;
        }
}

Notifier *notifier_free(Notifier *n)
{
        if (!n)
                return NULL;
        if (!n->is_end && n->bus) {
                settle(n);
                notifier_close(n);
        }
        (void)sd_bus_slot_unref(n->shown);
        (void)sd_bus_flush_close_unref(n->bus);
        pixels_done(&n->preview);
        for (size_t i = 0; i < n->n_paths; i++)
                free(n->paths[i]);
        free(n->paths);
        free(n);
        return NULL;
}

void notifier_attach(Notifier *n, sd_event *event, void (*on_cancel)(void *userdata), void *userdata)
{
        if (!n)
                return;
        n->on_cancel = on_cancel;
        n->userdata = userdata;
        (void)sd_bus_attach_event(n->bus, event, SD_EVENT_PRIORITY_NORMAL);
}

void notifier_detach(Notifier *n)
{
        if (!n)
                return;
        n->on_cancel = NULL;
        (void)sd_bus_detach_event(n->bus);
}

/* --- the process that stays --- */

/* Servers send an action to whom they know: to this process, which so has to show the notification itself. */
static void stay(Notifier *n)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + STAY_USEC, now;

        n->bus = NULL; /* the parent's: sd-bus does not follow a fork */
        n->shown = NULL;
        n->id = 0;
        n->is_ready = n->is_pending = n->is_to_close = false;
        n->is_stale = true;
        if (connect_bus(n) < 0)
                return;
        settle(n);
        while (!n->is_acted_on && !n->is_broken && (now = clock_usec(CLOCK_MONOTONIC)) < end) {
                int r = sd_bus_process(n->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(n->bus, end - now);
                if (r < 0)
                        return;
        }
        (void)sd_bus_flush(n->bus);
}

void notifier_finish(Notifier *n, const Client *c, ExitCode code)
{
        if (!n)
                return;
        settle(n);
        /* What the service may do later, once it runs or has less to do. */
        n->offers_again = n->command && n->n_paths == 0 && (code == CODE_UNREACHABLE || code == CODE_LIMIT);
        bool stays = n->has_actions && (n->n_paths > 0 || n->offers_again) && !n->is_broken;
        if (stays)
                notifier_close(n);
        n->is_ready = n->is_ready && !stays; /* this process does not show it then */
        notifier_show_end(n, c, code);
        if (!stays)
                settle(n);
        if (n->is_broken)
                client_warn(c, "%s", _("no notifications: nothing on this desktop shows them"));
        if (!stays)
                return;
        (void)sd_bus_flush(n->bus);
        if (fork() != 0)
                return;
        spawn_be_alone();
        stay(n);
        _exit(0);
}
