# SPDX-License-Identifier: LGPL-2.1-or-later
"""Menus of GNOME Files for imagined (nautilus-python). Everything is done by the program imagine: here is only what it is
called with. File names are arguments, never a command line."""
import locale
import subprocess

from gi.repository import Gio, GLib, GObject, Nautilus

PICTURES = ("image/png", "image/jpeg", "image/webp")
TEXTS = ("text/plain", "text/markdown")
# name, in English, in German, for which types, arguments before the files
ACTIONS = (
    ("vary", "Vary", "Abwandeln", PICTURES, ["vary", "--notify", "--"]),
    ("enlarge", "Enlarge", "Vergrößern", PICTURES, ["enlarge", "--notify", "--"]),
    ("show", "Show How It Was Made", "Zeigen, wie es entstand", PICTURES, ["show", "--notify", "--"]),
    ("illustrate", "Illustrate This", "Bebildern", TEXTS, ["illustrate", "--notify", "--"]),
)


def words(english, german):
    language = locale.getlocale(locale.LC_MESSAGES)[0] or ""
    return german if language.startswith("de") else english


def notify(title, text):
    Gio.bus_get_sync(Gio.BusType.SESSION).call_sync(
        "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "Notify",
        GLib.Variant("(susssasa{sv}i)", ("imagine", 0, "org.imagined.Imagine", title, text, [], {}, -1)), None,
        Gio.DBusCallFlags.NONE, 5000)


def start(arguments, paths):
    try:
        subprocess.Popen(["imagine", *arguments, *paths], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError:
        try:
            notify(words("No picture", "Kein Bild"),
                   words("The program imagine is not installed any more.", "Das Programm imagine ist nicht mehr installiert."))
        except GLib.Error as error:  # nothing shows notifications
            print(f"imagine is not installed: {error}")


class ImagineMenus(GObject.GObject, Nautilus.MenuProvider):
    def item(self, name, label, arguments, paths):
        item = Nautilus.MenuItem(name=f"Imagine::{name}", label=label, icon="org.imagined.Imagine-symbolic")
        item.connect("activate", lambda _item: start(arguments, paths))
        return item

    # Before Nautilus 43 there is a window before the last argument.
    def get_file_items(self, *arguments):
        files = arguments[-1]
        paths = [file.get_location().get_path() for file in files]
        if not files or None in paths:
            return []
        if len(files) == 1 and files[0].is_directory():
            return self.here(paths[0])
        return [self.item(name, words(english, german), before, paths)
                for name, english, german, types, before in ACTIONS
                if all(file.get_mime_type() in types for file in files)]

    def get_background_items(self, *arguments):
        path = arguments[-1].get_location().get_path()
        return self.here(path) if path else []

    def here(self, path):
        return [self.item("here", words("Make a Picture Here…", "Hier ein Bild machen …"), ["ask", "--folder"], [path])]
