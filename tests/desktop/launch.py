#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a program as menus and panels do:    launch.py FILE.desktop [ACTION]"""
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio  # noqa: E402

entry = Gio.DesktopAppInfo.new_from_filename(sys.argv[1])
if len(sys.argv) > 2:
    assert sys.argv[2] in entry.list_actions(), entry.list_actions()
    entry.launch_action(sys.argv[2], None)
else:
    entry.launch([], None)
