/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/window/window.h"

/* As sd_event_get_fd(3) has it. */
typedef struct Loop {
        GSource source;
        GPollFD poll;
        sd_event *event;
} Loop;

static gboolean loop_prepare(GSource *source, gint *timeout)
{
        (void)timeout;
        return sd_event_prepare(((Loop *)source)->event) > 0;
}

static gboolean loop_check(GSource *source)
{
        return sd_event_wait(((Loop *)source)->event, 0) > 0;
}

static gboolean loop_dispatch(GSource *source, GSourceFunc callback, gpointer userdata)
{
        (void)callback, (void)userdata;
        return sd_event_dispatch(((Loop *)source)->event) > 0;
}

GSource *loop_new(sd_event *event)
{
        static GSourceFuncs functions = { .prepare = loop_prepare, .check = loop_check, .dispatch = loop_dispatch };

        GSource *source = g_source_new(&functions, sizeof(Loop));
        Loop *loop = (Loop *)source;
        loop->event = event;
        loop->poll = (GPollFD) { .fd = sd_event_get_fd(event), .events = G_IO_IN | G_IO_HUP | G_IO_ERR };
        g_source_add_poll(source, &loop->poll);
        (void)g_source_attach(source, NULL);
        return source;
}
