/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/command.h"
#include "client/desktop/pieces.h"
#include "client/desktop/place.h"
#include "client/desktop/store.h"
#include "client/i18n.h"

#define PIECE "shortcut"
#define KDE_FILE "kglobalaccel/org.imagined.Imagine.desktop"
#define SCHEMA "org.gnome.settings-daemon.plugins.media-keys"
#define LIST "custom-keybindings"
#define LIST_GROUP "/org/gnome/settings-daemon/plugins/media-keys"
#define BINDING_GROUP LIST_GROUP "/custom-keybindings/imagine"
#define BINDING BINDING_GROUP "/"

static int gsettings(char **ret, const char *verb, const char *schema, const char *key, const char *value)
{
        char *argv[] = { (char[]) { "gsettings" }, (char *)verb, (char *)schema, (char *)key, (char *)value, NULL };
        _cleanup_(freep) char *output = NULL;

        int r = command_run(argv, &output);
        if (r >= 0 && ret)
                *ret = TAKE_PTR(output);
        return r;
}

/* The list as gsettings prints it, "@as []" or "['/a/', '/b/']", without ours. */
static char *list_without(const char *list)
{
        char *result = calloc(1, strlen(list) + 3), *to = result;

        if (!result)
                return NULL;
        *to++ = '[';
        for (const char *at = strchr(list, '\''); at; at = strchr(at, '\'')) {
                const char *end = strchr(at + 1, '\'');
                if (!end)
                        break;
                const size_t length = (size_t)(end + 1 - at);
                if (strncmp(at, "'" BINDING "'", length) != 0) {
                        if (to > result + 1)
                                to = stpcpy(to, ", ");
                        to = mempcpy(to, at, length);
                }
                at = end + 1;
        }
        *to++ = ']';
        return result;
}

static bool is_desktop(const char *name)
{
        const char *desktops = getenv("XDG_CURRENT_DESKTOP");

        return desktops && strcasestr(desktops, name);
}

static int gnome_disable(Record *record, Error *error)
{
        static const char *const groups[] = { &BINDING_GROUP[1], &LIST_GROUP[1], NULL };
        _cleanup_(freep) char *list = NULL, *others = NULL;

        int r = gsettings(&list, "get", SCHEMA, LIST, NULL);
        if (r < 0 && is_desktop("KDE"))
                return 0; /* where it was not enabled, either */
        if (r < 0)
                return error_set(error, r, _("gsettings does not know GNOME's keyboard shortcuts (%s)"), strerror(-r));
        others = list_without(list);
        if (!others)
                return -ENOMEM;
        r = streq(others, "[]") ? gsettings(NULL, "reset", SCHEMA, LIST, NULL)
                                : gsettings(NULL, "set", SCHEMA, LIST, others);
        if (r >= 0)
                r = gsettings(NULL, "reset-recursively", SCHEMA ".custom-keybinding:" BINDING, NULL, NULL);
        if (r >= 0)
                r = stores_clean(record, PIECE, groups);
        return r < 0 ? error_set(error, r, _("gsettings cannot take the shortcut back: %s"), strerror(-r)) : 0;
}

static int gnome_set(const char *all)
{
        static const char *const values[][2] = {
                { "name", "'Imagine'" }, { "command", "'imagine ask'" }, { "binding", "'<Shift><Super>i'" }
        };

        int r = 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(values); i++)
                r = gsettings(NULL, "set", SCHEMA ".custom-keybinding:" BINDING, values[i][0], values[i][1]);
        if (r >= 0)
                r = gsettings(NULL, "set", SCHEMA, LIST, all);
        return r;
}

static int gnome_enable(Record *record, Error *error)
{
        _cleanup_(freep) char *list = NULL, *others = NULL, *all = NULL;
        _cleanup_(stores_done) Stores stores = { 0 };

        int r = stores_find(&stores, record); /* even reading makes folders */
        if (r >= 0)
                r = gsettings(&list, "get", SCHEMA, LIST, NULL);
        if (r < 0)
                return error_set(error, r, _("gsettings does not know GNOME's keyboard shortcuts (%s)"), strerror(-r));
        if (!record_has(record, PIECE) && strstr(list, "'" BINDING "'"))
                return error_set(error, -EEXIST, _("a shortcut of that name is there already, and not ours; it stays as it is"));
        others = list_without(list);
        if (!others)
                return -ENOMEM;
        others[strlen(others) - 1] = '\0';
        if (asprintf(&all, "%s%s'" BINDING "']", others, streq(others, "[") ? "" : ", ") < 0)
                return -ENOMEM;
        r = gnome_set(all);
        if (r >= 0)
                r = stores_note(&stores, record, PIECE);
        if (r >= 0)
                return 0;
        Error ignored = { 0 };
        (void)gnome_disable(record, &ignored); /* half of it is nothing */
        return error_set(error, r, _("gsettings cannot set the shortcut: %s"), strerror(-r));
}

/* A file that the next session reads. */
static int kde_enable(Record *record, Error *error)
{
        static const char *const file[] = { KDE_FILE, KDE_FILE, "" };

        return piece_put(record, PIECE, file, error);
}

int shortcut_enable(Client *c, Record *record, Error *error)
{
        (void)c;
        if (is_desktop("KDE"))
                return kde_enable(record, error);
        if (is_desktop("GNOME") || is_desktop("Unity"))
                return gnome_enable(record, error);
        return error_set(error, -EOPNOTSUPP,
                         _("this desktop keeps its shortcuts in a way of its own: bind a key to 'imagine ask' in its keyboard "
                         "settings (Xfce: Keyboard, Application Shortcuts; Cinnamon: Keyboard, Shortcuts, Custom; sway and "
                         "i3: bindsym in the configuration)"));
}

int shortcut_disable(Client *c, Record *record, Error *error)
{
        (void)c;
        _cleanup_(freep) char *kde = place_of_user(BASE_DATA, KDE_FILE);

        /* KDE's is a file, which goes with the piece. */
        return !kde || record_owns(record, PIECE, kde) ? 0 : gnome_disable(record, error);
}
