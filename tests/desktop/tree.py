#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What assistive technology sees of the prompt window.

    tree.py list               every accessible thing: ROLE<tab>NAME<tab>STATES, a line each
    tree.py has ROLE NAME      whether there is one of that role whose name begins so
    tree.py focused            role and name of what has the keyboard
    tree.py active             whether the window is the one that is worked with
    tree.py press NAME         does what a screen reader's user does to a button of that name
    tree.py unnamed            what takes the keyboard and has no name; nothing is good

$TREE_APP is another program than the prompt window.
"""

import os
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402


def children(node):
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child is not None:
            yield child


def walk(node):
    yield node, node.get_state_set()
    for child in children(node):
        yield from walk(child)


def everything():
    desktop = Atspi.get_desktop(0)
    for app in children(desktop):
        if os.environ.get("TREE_APP", "imagine") in (app.get_name() or "").lower():
            for window in children(app):
                try:
                    yield from walk(window)
                except GLib.Error:  # it has just gone
                    continue


def text_of(node):
    """A label's words, or its name."""
    return (node.get_name() or "").replace("\n", " ")


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    for node, states in everything():
        role, name = node.get_role_name(), text_of(node)
        is_focused = states.contains(Atspi.StateType.FOCUSED)
        if what == "list":
            print(role, name, "focused" if is_focused else "", sep="\t")
        elif what == "has" and role == rest[0] and name.startswith(rest[1]):
            print(role, name)
            return 0
        elif what == "focused" and is_focused:
            print(role, name)
            return 0
        elif what == "active" and states.contains(Atspi.StateType.ACTIVE):
            return 0
        elif what == "press" and name == rest[0] and node.get_n_actions() > 0:
            return 0 if node.do_action(0) else 1
        elif what == "unnamed" and states.contains(Atspi.StateType.FOCUSABLE) and (not name or name.startswith("Gtk")):
            print(role)
    return 0 if what in ("list", "unnamed") else 1


if __name__ == "__main__":
    sys.exit(main())
