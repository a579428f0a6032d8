# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the extension's menu has for which files:    extension.py EXTENSION [NAME], which is then chosen"""
import importlib.util
import sys

import gi

gi.require_version("Nautilus", "4.0")
from gi.repository import Gio  # noqa: E402


class File:
    """As much of a Nautilus.FileInfo as the extension asks for."""

    def __init__(self, path, mime_type):
        self.path, self.mime_type = path, mime_type

    def get_location(self):
        return Gio.File.new_for_path(self.path)

    def get_mime_type(self):
        return self.mime_type

    def is_directory(self):
        return self.mime_type == "inode/directory"


spec = importlib.util.spec_from_file_location("extension", sys.argv[1])
extension = importlib.util.module_from_spec(spec)
spec.loader.exec_module(extension)
menus = extension.ImagineMenus()


def names(*files):
    return [item.get_property("name").split("::")[1] for item in menus.get_file_items(list(files))]


picture, text, folder = (File("/tmp/file", kind) for kind in ("image/png", "text/plain", "inode/directory"))
assert names(picture, picture) == ["vary", "enlarge", "show"], names(picture)
assert names(text) == ["illustrate"]
assert names(folder) == ["here"]
assert names(picture, text) == [] and names() == []
if len(sys.argv) > 2:
    for item in menus.get_file_items([picture]):
        if item.get_property("name") == f"Imagine::{sys.argv[2]}":
            item.emit("activate")
