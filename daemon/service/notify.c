/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/util.h"
#include "service/notify.h"

struct Notify {
        sd_event *event;
        sd_event_source *timer; /* not NULL: a line waits for it */
        char line[256], sent[256];
        uint64_t sent_at; /* CLOCK_MONOTONIC, µs */
};

int notify_new(Notify **ret, sd_event *event)
{
        Notify *notify = calloc(1, sizeof(Notify));
        if (!notify)
                return -ENOMEM;
        notify->event = sd_event_ref(event);
        *ret = notify;
        return 0;
}

Notify *notify_free(Notify *notify)
{
        if (!notify)
                return NULL;
        sd_event_source_disable_unref(notify->timer);
        sd_event_unref(notify->event);
        free(notify);
        return NULL;
}

void notify_ready(void)
{
        (void)sd_notify(false, "READY=1");
}

void notify_reloading(void)
{
        (void)sd_notifyf(
                        false, "RELOADING=1\nMONOTONIC_USEC=%llu",
                        (unsigned long long)clock_usec(CLOCK_MONOTONIC));
}

void notify_stopping(void)
{
        (void)sd_notify(false, "STOPPING=1");
}

static void send_status(Notify *notify)
{
        if (streq(notify->line, notify->sent))
                return;
        (void)sd_notifyf(false, "STATUS=%s", notify->line);
        memcpy(notify->sent, notify->line, sizeof(notify->sent));
        notify->sent_at = clock_usec(CLOCK_MONOTONIC);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        Notify *notify = userdata;
        (void)source, (void)usec;

        notify->timer = sd_event_source_disable_unref(notify->timer);
        send_status(notify);
        return 0;
}

void notify_status(Notify *notify, const char *format, ...)
{
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(notify->line, sizeof(notify->line), format, ap);
        va_end(ap);

        if (notify->timer)
                return;
        uint64_t now = clock_usec(CLOCK_MONOTONIC), next = notify->sent_at + USEC_PER_SEC;
        if (notify->sent_at == 0 || now >= next)
                send_status(notify);
        else
                (void)sd_event_add_time(notify->event, &notify->timer, CLOCK_MONOTONIC, next, 0, on_time, notify);
}
