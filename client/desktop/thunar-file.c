/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/pieces.h"
#include "client/desktop/place.h"
#include "client/desktop/thunar.h"
#include "client/files.h"
#include "client/i18n.h"

#define PIECE "thunar"
#define FILE_NAME "Thunar/uca.xml"
static const char empty[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<actions>\n</actions>\n";

/* What Thunar shows to somebody who has no file of his own: with one, ours, it is shown no more, so ours begins with it. */
static char *read_default(void)
{
        _cleanup_(freep) char *path = place_of_all(BASE_CONFIG, FILE_NAME);
        char *text = NULL;

        return path && place_read(path, &text) >= 0 ? text : strdup(empty);
}

/* With the mode that it had. */
static int write_over(const char *path, const char *text)
{
        struct stat st;
        const bool is_there = stat(path, &st) >= 0;

        int r = file_replace(path, text, strlen(text));
        if (r >= 0 && is_there && chmod(path, st.st_mode & 07777) < 0)
                r = -errno;
        return r;
}

int thunar_enable(Client *c, Record *record, Error *error)
{
        _cleanup_(freep) char *path = place_of_user(BASE_CONFIG, FILE_NAME), *source = NULL, *fragment = NULL, *text = NULL,
                              *merged = NULL;
        (void)c;
        if (!path)
                return -ENOMEM;

        int r = place_of_ours("thunar/actions.xml", &source, error);
        if (r < 0)
                return r;
        r = place_read(source, &fragment);
        if (r < 0)
                return error_set(error, r, _("cannot read %s: %s"), source, strerror(-r));
        r = place_read(path, &text);
        const bool is_new = r == -ENOENT;
        if (is_new)
                r = (text = read_default()) ? 0 : -ENOMEM;
        if (r < 0)
                return error_set(error, r, _("cannot read %s: %s"), path, strerror(-r));
        if (!record_has(record, PIECE) && thunar_has(text))
                return error_set(error, -EEXIST, _("%s has such actions already, and not ours; it stays as it is"), path);
        r = thunar_merge(text, fragment, &merged, error);
        if (r < 0)
                return error_prefix(error, "%s", path);
        r = record_make_folders(record, path, error);
        if (r < 0)
                return r;
        r = write_over(path, merged);
        if (r >= 0 && is_new)
                r = record_add(record, PIECE, path);
        return r < 0 ? error_set(error, r, _("cannot write %s: %s"), path, strerror(-r)) : 0;
}

int thunar_disable(Client *c, Record *record, Error *error)
{
        _cleanup_(freep) char *path = place_of_user(BASE_CONFIG, FILE_NAME), *text = NULL, *rest = NULL;
        (void)c;
        if (!path)
                return -ENOMEM;

        int r = place_read(path, &text);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = thunar_remove(text, &rest);
        if (r >= 0 && record_owns(record, PIECE, path)) {
                _cleanup_(freep) char *before = read_default();
                if (before && streq(before, rest))
                        return 0; /* nothing of the user's is in it: it goes with the piece's files */
                record_forget(record, PIECE);
        }
        if (r >= 0)
                r = write_over(path, rest);
        return r < 0 ? error_set(error, r, _("cannot take our actions out of %s: %s"), path, strerror(-r)) : 0;
}
