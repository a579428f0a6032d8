/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/recorded.h"
#include "client/removal.h"
#include "client/thumbnail.h"

static ExitCode remove_files(Client *c, const json_t *record, json_t *removed)
{
        const json_t *files = json_object_get(record, "files");
        ExitCode code = CODE_OK;

        for (size_t i = 0; i < json_array_size(files); i++) {
                const char *path = json_string_value(json_array_get(files, i));
                if (!recorded_is_file(path))
                        continue;
                if (!recorded_is_still(record, path)) {
                        client_warn(c, _("%s stays: it is another picture by now"), path);
                        continue;
                }
                if (unlink(path) < 0)
                        code = client_fail(c, CODE_FAILED, _("cannot remove %s: %s"), path, strerror(errno));
                else
                        (void)json_array_append_new(removed, json_from_text(path));
        }
        return code;
}

/* They show it, and name its file, after both are gone. */
static void remove_thumbnails(const json_t *record)
{
        const json_t *files = json_object_get(record, "files");

        for (size_t i = 0; i < json_array_size(files); i++)
                thumbnail_remove(json_string_value(json_array_get(files, i)));
}

ExitCode removal_run(Client *c, Records *records, const json_t *record, unsigned what, json_t *removed)
{
        const char *id = recorded_text(record, "id");
        Error error = { 0 };

        ExitCode code = what & REMOVE_FILES ? remove_files(c, record, removed) : CODE_OK;
        remove_thumbnails(record);
        if (code != CODE_OK || !(what & REMOVE_RECORD))
                return code;
        int r = records_remove(records, id, &error);
        if (r < 0)
                return recorded_fail(c, &error, r);
        (void)json_array_append_new(removed, json_string(id));
        return CODE_OK;
}
