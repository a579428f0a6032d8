/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One Notify call, from what is to be seen. */

#include <systemd/sd-bus.h>

#include "client/pixels.h"

#define NOTIFY_NAME "org.freedesktop.Notifications"
#define NOTIFY_PATH "/org/freedesktop/Notifications"

#define NOTIFY_ACTIONS_MAX 4

typedef struct NotifyContent {
        uint32_t replaces; /* 0: a new one */
        const char *title, *body; /* plain text */
        bool has_markup; /* the server takes the body as markup */
        struct {
                const char *key, *label;
        } actions[NOTIFY_ACTIONS_MAX]; /* up to a NULL key */
        int percent; /* -1: none */
        const Pixels *preview; /* may be NULL or empty */
        const char *image; /* URI, or NULL */
        bool is_lasting; /* stays until it is replaced or closed */
        bool is_error;
} NotifyContent;

int notify_message_new(sd_bus *bus, const NotifyContent *content, sd_bus_message **ret);
