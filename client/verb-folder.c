/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/bus.h"
#include "client/folder.h"
#include "client/i18n.h"
#include "client/notify.h"
#include "client/spawn.h"

#define FILE_MANAGER_TIMEOUT_USEC (10 * UINT64_C(1000000))

/* Whichever file manager the desktop has (org.freedesktop.FileManager1). */
static ExitCode open_folder(Client *c, const char *path)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(freep) char *uri = spawn_file_uri(path);

        if (!uri)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        int r = sd_bus_open_user(&bus);
        if (r < 0)
                return client_fail(c, CODE_UNREACHABLE, _("cannot connect to the session bus to open %s: %s"), path,
                                   strerror(-r));
        (void)sd_bus_set_method_call_timeout(bus, FILE_MANAGER_TIMEOUT_USEC);
        r = sd_bus_call_method(bus, "org.freedesktop.FileManager1", "/org/freedesktop/FileManager1", "org.freedesktop.FileManager1",
                               "ShowFolders", &error, NULL, "ass", 1, uri, "");
        if (r < 0)
                return client_fail_named(c, CODE_FAILED, error.name, NULL, _("no file manager opens %s: %s"), path,
                                         error.message ? error.message : strerror(-r));
        return CODE_OK;
}

/* Prints where the pictures are, and with --open shows them. */
ExitCode verb_folder(Client *c)
{
        _cleanup_(freep) char *path = NULL;

        notifier_set_failure(c->notifier, _("Cannot open the folder of pictures"));
        ExitCode code = folder_make(c, &path);
        if (code != CODE_OK)
                return code;
        c->result = json_pack("{s:s}", "path", path);
        if (!c->options.json)
                (void)puts(path);
        return c->options.open ? open_folder(c, path) : CODE_OK;
}
