/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/contact-sheet.h"
#include "client/files.h"
#include "client/i18n.h"
#include "client/record-text.h"
#include "client/recorded.h"
#include "client/sheet.h"
#include "client/shrink.h"

#define SIDE 256 /* pixels of the longer side */

/* The picture of its file, small. */
static int read_small(const char *path, Picture *ret)
{
        _cleanup_(closep) int input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), small = -1;

        int r = input < 0 ? -errno : shrink_picture(input, SIDE, &small);
        return r < 0 ? r : picture_map(small, ret, NULL);
}

/* For who cannot see it, and as its caption. */
static const char *alt_of(const json_t *record)
{
        const char *alt = recorded_text(record, "alt");
        return *alt ? alt : recorded_text(record, "prompt");
}

static void add(FILE *f, const json_t *record)
{
        const char *path = recorded_path(record), *provider = recorded_text(record, "provider");
        _cleanup_(picture_unmap) Picture picture = { 0 };
        char time[32], size[32];

        const bool is_there = path && read_small(path, &picture) >= 0;
        record_format_time(json_integer_value(json_object_get(record, "time")), time, sizeof(time));
        (void)snprintf(size, sizeof(size), "%dx%d", (int)json_integer_value(json_object_get(record, "width")),
                       (int)json_integer_value(json_object_get(record, "height")));
        sheet_add(f, &(SheetEntry) {
                             .name = recorded_text(record, "id"),
                             .picture = is_there ? &picture : NULL,
                             .alt = alt_of(record),
                             .rows = { { _("Picture"), alt_of(record) }, { _("Made"), time }, { _("State"), recorded_text(record, "state") },
                                       { _("Made by"), *provider ? provider : recorded_text(record, "model") }, { _("Size"), size },
                                       { _("File"), is_there ? path : _("not there") } },
                     });
}

static int add_all(FILE *f, Records *records, const json_t *found, const char *title, Error *error)
{
        int r = 0;

        sheet_begin(f, title);
        for (size_t i = 0; r >= 0 && i < json_array_size(found); i++) {
                json_t *record = NULL;
                r = records_get(records, recorded_text(json_array_get(found, i), "id"), &record, error);
                if (r >= 0)
                        add(f, record);
                json_decref(record);
                r = r == -ENOENT ? 0 : r; /* forgotten meanwhile */
        }
        sheet_end(f);
        return r;
}

ExitCode contact_sheet_write(Client *c, Records *records, const json_t *found, const char *title, const char *path)
{
        _cleanup_(freep) char *text = NULL;
        Error error = { 0 };
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return client_fail(c, CODE_FAILED, _("out of memory"));

        int r = add_all(f, records, found, title, &error);
        if (fclose(f) != 0)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        if (r < 0)
                return recorded_fail(c, &error, r);
        r = c->options.force ? file_replace(path, text, size) : file_write_new(path, text, size);
        return r < 0 ? client_fail(c, CODE_FAILED, _("cannot write %s: %s"), path, strerror(-r)) : CODE_OK;
}
