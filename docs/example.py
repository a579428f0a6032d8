#!/usr/bin/env python3
# SPDX-License-Identifier: CC0-1.0
"""How a Python program asks for a picture (python3-gi):    ./example.py "a red fox" fox.png"""
import os
import sys

from gi.repository import Gio, GLib

NAME = "org.imagined.Imagine1"


def call(bus, path, interface, method, arguments, answer):
    return bus.call_with_unix_fd_list_sync(NAME, path, f"{NAME}.{interface}", method, arguments, GLib.VariantType(answer),
                                           Gio.DBusCallFlags.NONE, -1, None, None)


def save(bus, job, path):
    answer, fds = call(bus, job, "Job", "GetResult", GLib.Variant("(u)", (0,)), "(ha{sv})")
    # Sealed, so it never changes; opened anew it is read from its beginning.
    with open(fds.get(answer[0]), "rb") as picture, open(path, "xb") as file:
        os.sendfile(file.fileno(), picture.fileno(), 0, answer[1]["bytes"])


def main(prompt, path):
    bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
    loop = GLib.MainLoop()
    ends = {}

    # Subscribed before the call: a fast job could be done before a later subscription.
    def on_finished(_bus, _sender, job, _interface, _signal, arguments):
        ends[job] = arguments.unpack()
        loop.quit()

    bus.signal_subscribe(NAME, f"{NAME}.Job", "Finished", None, None, Gio.DBusSignalFlags.NONE, on_finished)
    options = {"seed": GLib.Variant("t", 42), "priority": GLib.Variant("s", "interactive")}
    answer, _ = call(bus, "/org/imagined/Imagine1", "Manager", "Generate", GLib.Variant("(sa{sv})", (prompt, options)), "(uo)")
    job = answer[1]
    while job not in ends:
        loop.run()
    state, result = ends[job]
    if state != "done":
        sys.exit(result.get("message", state))
    save(bus, job, path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} PROMPT FILE")
    try:
        main(*sys.argv[1:])
    except GLib.Error as error:
        Gio.DBusError.strip_remote_error(error)
        sys.exit(error.message)  # a sentence for the user
