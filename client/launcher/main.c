/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Started by the session bus when KRunner or GNOME's overview asks for it, and gone a minute after the last question. */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "client/i18n.h"
#include "client/launcher/runner.h"

#define NAME "org.imagined.Imagine.Launcher"
#define PATH "/org/imagined/Imagine/Launcher"
#define IDLE_USEC (60 * UINT64_C(1000000))

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)m;
        (void)error;
        return sd_event_source_set_time_relative(userdata, IDLE_USEC) < 0 ? -EIO : 0;
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)usec;
        (void)userdata;
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int serve(sd_event *event, sd_bus *bus)
{
        _cleanup_(sd_event_source_unrefp) sd_event_source *idle = NULL;

        int r = sd_event_add_time_relative(event, &idle, CLOCK_MONOTONIC, IDLE_USEC, 0, on_idle, NULL);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, on_message, idle);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, PATH, "org.kde.krunner1", krunner_vtable, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, PATH, "org.gnome.Shell.SearchProvider2", search_vtable, NULL);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r >= 0)
                r = sd_bus_request_name(bus, NAME, 0);
        return r < 0 ? r : sd_event_loop(event);
}

int main(void)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;

        i18n_init();
        (void)signal(SIGCHLD, SIG_IGN); /* nobody waits for what it starts */
        int r = sd_event_new(&event);
        if (r >= 0)
                r = sd_bus_open_user(&bus);
        if (r >= 0)
                r = serve(event, bus);
        if (r < 0)
                (void)fprintf(stderr, "imagine-launcher: %s\n", strerror(-r));
        return r < 0;
}
