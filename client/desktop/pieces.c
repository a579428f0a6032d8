/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/pieces.h"
#include "client/desktop/place.h"
#include "client/files.h"
#include "client/i18n.h"

#define FILES(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define NEMO(name) "nemo/imagine-" name ".nemo_action", "nemo/actions/imagine-" name ".nemo_action", ""
#define SCRIPT(name, shown) "nautilus/scripts/" name, "nautilus/scripts/Imagine/" shown, "x"
#define DOLPHIN(name) "dolphin/imagine-" name ".desktop", "kio/servicemenus/imagine-" name ".desktop", "x"

const Piece piece_table[] = {
        { "entry", N_("the menu of programs, and the icon"),
          FILES("org.imagined.Imagine.desktop", "applications/org.imagined.Imagine.desktop", "",
                "icons/org.imagined.Imagine.svg", "icons/hicolor/scalable/apps/org.imagined.Imagine.svg", "",
                "icons/org.imagined.Imagine-symbolic.svg",
                "icons/hicolor/symbolic/apps/org.imagined.Imagine-symbolic.svg", "") },
        { "shortcut", N_("a key for the prompt window: Super+Shift+I"), NULL, shortcut_enable, shortcut_disable },
        { "nautilus", N_("GNOME Files: menus"),
          FILES("nautilus/imagine.py", "nautilus-python/extensions/imagine.py", ""),
          .after = N_("GNOME Files needs the package python3-nautilus, and shows the menus after 'nautilus -q'.") },
        { "nautilus-scripts", N_("GNOME Files: scripts, which need no package"),
          FILES(SCRIPT("vary", "Vary"), SCRIPT("enlarge", "Enlarge"), SCRIPT("show", "Show how it was made"),
                SCRIPT("illustrate", "Illustrate this"), SCRIPT("here", "Make a picture here")) },
        { "nemo", N_("Nemo: menus"), FILES(NEMO("here"), NEMO("folder"), NEMO("vary"), NEMO("enlarge"), NEMO("show"), NEMO("illustrate")) },
        { "thunar", N_("Thunar: custom actions"), NULL, thunar_enable, thunar_disable,
          .after = N_("Thunar shows or forgets them after 'thunar -q'.") },
        { "dolphin", N_("Dolphin: service menus"), FILES(DOLPHIN("here"), DOLPHIN("pictures"), DOLPHIN("texts")) },
        { "krunner", N_("KRunner: type 'imagine a red fox'"),
          FILES("krunner/org.imagined.Imagine.Launcher.desktop", "krunner/dbusplugins/org.imagined.Imagine.Launcher.desktop", "",
                "org.imagined.Imagine.Launcher.service", "dbus-1/services/org.imagined.Imagine.Launcher.service", "") },
        { "gnome-search", N_("GNOME's overview: type 'imagine a red fox'"),
          FILES("gnome-shell/org.imagined.Imagine.search-provider.ini",
                "gnome-shell/search-providers/org.imagined.Imagine.search-provider.ini", ""),
          .only_for_all = true },
        { "completions", N_("completions of bash and fish"),
          FILES("completions/imagine", "bash-completion/completions/imagine", "",
                "completions/imagine.fish", "fish/vendor_completions.d/imagine.fish", ""),
          .after = N_("For zsh, which has no such folder: fpath+=(...), with the folder of _imagine, before compinit.") },
        { 0 },
};

const Piece *piece_find(const char *name)
{
        for (const Piece *piece = piece_table; piece->name; piece++)
                if (streq(piece->name, name))
                        return piece;
        return NULL;
}

PieceState piece_state(const Piece *piece, const Record *record)
{
        if (record_has(record, piece->name))
                return PIECE_ON;
        _cleanup_(freep) char *found = piece->files ? place_of_all(BASE_DATA, piece->files[1]) : NULL;
        return found ? PIECE_FOR_ALL : PIECE_OFF;
}

/* Whether the file is to be written: it is not there (1), or ours (1); not if somebody else put the same there (0). */
static int check_target(const Record *record, const char *piece, const char *target, const char *text, Error *error)
{
        _cleanup_(freep) char *there = NULL;

        if (record_owns(record, piece, target))
                return 1;
        int r = place_read(target, &there);
        if (r == -ENOENT)
                return 1;
        if (r >= 0 && streq(there, text))
                return 0;
        return error_set(error, -EEXIST, _("%s is there already, and not ours; it stays as it is"), target);
}

int piece_put(Record *record, const char *piece, const char *const file[3], Error *error)
{
        _cleanup_(freep) char *source = NULL, *text = NULL, *target = place_of_user(BASE_DATA, file[1]);
        if (!target)
                return -ENOMEM;

        int r = place_of_ours(file[0], &source, error);
        if (r < 0)
                return r;
        r = place_read(source, &text);
        if (r < 0)
                return error_set(error, r, _("cannot read %s: %s"), source, strerror(-r));
        r = check_target(record, piece, target, text, error);
        if (r <= 0)
                return r;
        r = record_make_folders(record, target, error);
        if (r < 0)
                return r;
        r = file_replace(target, text, strlen(text));
        if (r >= 0 && file[2][0] == 'x' && chmod(target, 0755) < 0)
                r = -errno;
        if (r >= 0)
                r = record_add(record, piece, target);
        return r < 0 ? error_set(error, r, _("cannot write %s: %s"), target, strerror(-r)) : 0;
}

int piece_enable(Client *c, const Piece *piece, Record *record, Error *error)
{
        int r = 0;

        if (piece->only_for_all)
                return error_set(error, -EOPNOTSUPP, _("it can be there for all users only, by 'make install'"));
        for (const char *const *file = piece->files; file && file[0] && r >= 0; file += 3)
                r = piece_put(record, piece->name, file, error);
        if (r >= 0 && piece->enable)
                r = piece->enable(c, record, error);
        if (r >= 0)
                return record_add(record, piece->name, NULL);
        /* Half of it is nothing. */
        Error ignored = { 0 };
        (void)piece_disable(c, piece, record, &ignored);
        return r;
}

int piece_disable(Client *c, const Piece *piece, Record *record, Error *error)
{
        int r = piece->disable && record_has(record, piece->name) ? piece->disable(c, record, error) : 0;

        for (size_t i = 0; r >= 0 && i < record_count(record, piece->name); i++) {
                _cleanup_(freep) char *file = record_file(record, piece->name, i);
                if (!file)
                        r = -ENOMEM;
                else if (unlink(file) < 0 && errno != ENOENT)
                        r = error_set(error, -errno, _("cannot remove %s: %s"), file, strerror(errno));
        }
        if (r < 0)
                return r;
        record_forget(record, piece->name);
        record_remove_folders(record);
        return 0;
}
