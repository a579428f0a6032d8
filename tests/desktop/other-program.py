#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A window called Other that takes files which are dropped on it, or pasted with Ctrl+V.

It prints, a line each: "over" for each motion of something that is dragged, "dropped PATH", "pasted PATH", and
"picture WIDTHxHEIGHT" of what the clipboard has as a picture.
"""
import gi

gi.require_version("Gtk", "4.0")
gi.require_version("Gdk", "4.0")
from gi.repository import Gdk, Gtk  # noqa: E402


def say(word, files):
    for file in files.get_files():
        print(word, file.get_path(), flush=True)


def on_motion(_target, _x, _y):
    print("over", flush=True)
    return Gdk.DragAction.COPY


def on_drop(_target, files, _x, _y):
    say("dropped", files)
    return True


def on_files(clipboard, result):
    say("pasted", clipboard.read_value_finish(result))
    clipboard.read_texture_async(None, on_texture)


def on_texture(clipboard, result):
    texture = clipboard.read_texture_finish(result)
    print(f"picture {texture.get_width()}x{texture.get_height()}", flush=True)


def on_key(_keys, key, _code, state, window):
    if key == Gdk.KEY_v and state & Gdk.ModifierType.CONTROL_MASK:
        window.get_clipboard().read_value_async(Gdk.FileList, 0, None, on_files)
    return False


def on_activate(app):
    window = Gtk.ApplicationWindow(application=app, title="Other", default_width=300, default_height=300)
    target = Gtk.DropTarget.new(Gdk.FileList, Gdk.DragAction.COPY)
    target.connect("motion", on_motion)
    target.connect("drop", on_drop)
    window.add_controller(target)
    keys = Gtk.EventControllerKey.new()
    keys.connect("key-pressed", on_key, window)
    window.add_controller(keys)
    window.present()


app = Gtk.Application(application_id="org.imagined.test.Other")
app.connect("activate", on_activate)
app.run()
