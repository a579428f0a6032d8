/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

/* KRunner's interface (org.kde.krunner1) and GNOME Shell's (org.gnome.Shell.SearchProvider2): both send every keystroke,
 * and both are offered one result, whose id is the prompt. A picture is made only when it is chosen. */
extern const sd_bus_vtable krunner_vtable[];
extern const sd_bus_vtable search_vtable[];
