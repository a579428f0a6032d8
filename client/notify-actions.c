/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/notify-actions.h"
#include "client/spawn.h"
#include "client/verbs.h"

#define FILE_MANAGER_USEC (5 * UINT64_C(1000000))

static void open_path(const char *path)
{
        char *argv[] = { (char[]) { "xdg-open" }, (char *)(uintptr_t)path, NULL };

        (void)spawn_detached(argv);
}

/* The call that selects the files in a window of the file manager. */
static int show_items(sd_bus *bus, char *const *paths)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.FileManager1", "/org/freedesktop/FileManager1",
                                               "org.freedesktop.FileManager1", "ShowItems");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (; r >= 0 && *paths; paths++) {
                _cleanup_(freep) char *uri = spawn_file_uri(*paths);
                r = uri ? sd_bus_message_append_basic(m, 's', uri) : -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "");
        return r < 0 ? r : sd_bus_call(bus, m, FILE_MANAGER_USEC, NULL, NULL);
}

static void show_paths(sd_bus *bus, char *const *paths)
{
        if (bus && show_items(bus, paths) >= 0)
                return;

        _cleanup_(freep) char *folder = strdup(paths[0]);
        char *slash = folder ? strrchr(folder, '/') : NULL;
        if (!slash)
                return;
        slash[slash == folder] = '\0';
        open_path(folder);
}

static void vary(const char *path)
{
        char *argv[] = { (char[]) { "imagine" }, (char[]) { "vary" },         (char[]) { "--notify" },
                         (char[]) { "--" },      (char *)(uintptr_t)path, NULL };

        (void)spawn_imagine(argv, NULL);
}

void notify_act(sd_bus *session, const char *key, char *const *paths)
{
        if (!paths || !paths[0])
                return;
        if (streq(key, ACTION_DEFAULT) || streq(key, ACTION_OPEN))
                open_path(paths[0]);
        else if (streq(key, ACTION_SHOW))
                show_paths(session, paths);
        else if (streq(key, ACTION_VARY))
                vary(paths[0]);
}
