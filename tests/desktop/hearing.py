#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what assistive technology is told of by the prompt window:    EVENT<tab>ROLE<tab>NAME or VALUE, a line each"""
import os

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

EVENTS = [
    "object:announcement",
    "object:property-change:accessible-name",
    "object:property-change:accessible-value",
    "object:state-changed:focused",
    "object:state-changed:showing",
    "object:text-changed:insert",
    "window:activate",
]


def on_event(event):
    try:
        app = event.source.get_application()
        if os.environ.get("TREE_APP", "imagine") in (app.get_name() or "").lower():
            print(event.type, event.source.get_role_name(), event.source.get_name(), event.any_data, sep="\t", flush=True)
    except GLib.Error:  # it has just gone
        pass


listener = Atspi.EventListener.new(on_event)
for name in EVENTS:
    listener.register(name)
print("listening", flush=True)
Atspi.event_main()
