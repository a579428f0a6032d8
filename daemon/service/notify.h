/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service manager is told. Without one, nothing is. */

#include <systemd/sd-event.h>

#include "base/cleanup.h"

typedef struct Notify Notify;

int notify_new(Notify **ret, sd_event *event);
Notify *notify_free(Notify *notify);
DEFINE_CLEANUP(Notify *, notify_free)

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

/* A line for `systemctl status`; passed on at most once a second. It never holds what a caller typed. */
void notify_status(Notify *notify, const char *format, ...) _printf_(2, 3);
