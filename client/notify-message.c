/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/notify-message.h"
#include "dbus/names.h"

#define EXPIRE_DEFAULT (-1)
#define EXPIRE_NEVER 0

/* The body's "markup" is a subset of HTML. A string to free, or NULL. */
static char *escape(const char *text)
{
        size_t size = 0;
        char *escaped = NULL;
        FILE *f = open_memstream(&escaped, &size);

        for (const char *s = text; f && *s; s++)
                (void)(*s == '&'   ? fputs("&amp;", f)
                       : *s == '<' ? fputs("&lt;", f)
                       : *s == '>' ? fputs("&gt;", f)
                                   : fputc(*s, f));
        return f && fclose(f) != EOF ? escaped : NULL; /* which moves it */
}

static int append_actions(sd_bus_message *m, const NotifyContent *content)
{
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (size_t i = 0; r >= 0 && i < NOTIFY_ACTIONS_MAX && content->actions[i].key; i++)
                r = sd_bus_message_append(m, "ss", content->actions[i].key, content->actions[i].label);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* (iiibiiay): width, height, bytes a row, alpha, bits, channels, pixels. */
static int append_image(sd_bus_message *m, const Pixels *p)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "image-data");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "(iiibiiay)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "iiibiiay");
        if (r >= 0)
                r = sd_bus_message_append(m, "iiibii", (int)p->width, (int)p->height, (int)p->width * 3, false, 8, 3);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', p->rgb, (size_t)p->width * p->height * 3);
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_hints(sd_bus_message *m, const NotifyContent *content)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "desktop-entry", "s", IMAGINE_APP_ID);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "category", "s",
                                          content->is_error     ? "transfer.error"
                                          : content->is_lasting ? "transfer"
                                                                : "transfer.complete");
        if (r >= 0 && content->is_lasting)
                r = sd_bus_message_append(m, "{sv}", "suppress-sound", "b", true);
        if (r >= 0 && content->percent >= 0)
                r = sd_bus_message_append(m, "{sv}", "value", "i", content->percent);
        if (r >= 0 && content->image)
                r = sd_bus_message_append(m, "{sv}", "image-path", "s", content->image);
        else if (r >= 0 && content->preview && content->preview->rgb)
                r = append_image(m, content->preview);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int notify_message_new(sd_bus *bus, const NotifyContent *content, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *body = content->has_markup ? escape(content->body) : strdup(content->body);

        int r = body ? sd_bus_message_new_method_call(bus, &m, NOTIFY_NAME, NOTIFY_PATH, NOTIFY_NAME, "Notify") : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(m, "susss", "imagine", content->replaces, IMAGINE_APP_ID, content->title, body);
        if (r >= 0)
                r = append_actions(m, content);
        if (r >= 0)
                r = append_hints(m, content);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 'i', &(int) { content->is_lasting ? EXPIRE_NEVER : EXPIRE_DEFAULT });
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}
