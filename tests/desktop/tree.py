#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What assistive technology sees of the prompt window.

    tree.py list                     every accessible thing: ROLE<tab>NAME<tab>STATES, a line each
    tree.py has ROLE NAME            whether there is one whose role ends so and whose name begins so
    tree.py pressed NAME             whether the button of that name, one of several, is the one that is chosen
    tree.py focused [ROLE [NAME]]    what has the keyboard, and whether it is that
    tree.py active                   whether the window is the one that is worked with
    tree.py press NAME               does what a screen reader's user does to a button of that name
    tree.py unnamed                  fails if something that takes the keyboard has no name
    tree.py cut                      fails if something is not wholly within its window

$TREE_APP is another program than the prompt window. What is not so at first may become so for $TREE_WAIT seconds.
"""

import os
import sys
import time

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
    for app in children(Atspi.get_desktop(0)):
        if os.environ.get("TREE_APP", "imagine") in (app.get_name() or "").lower():
            yield from walk(app)


def text_of(node):
    """A label's words, or its name."""
    return (node.get_name() or "").replace("\n", " ")


def is_cut(node, window):
    """Whether what is shown stands out of the window, which comes first; notes how large that is."""
    try:
        place = node.get_extents(Atspi.CoordType.WINDOW)
    except GLib.Error:  # it has no place of its own
        return False
    if node.get_role_name() == "frame":
        window[:] = [place.width, place.height]
    if min(place.x, place.y) >= 0 and place.x + place.width <= window[0] and place.y + place.height <= window[1]:
        return False
    print(node.get_role_name(), node.get_name(), place.x, place.y, place.width, place.height, "in", *window)
    return True


def look(what, rest):
    """0 if it is so, 1 if not."""
    extents, status = [], 0 if what in ("list", "unnamed", "cut") else 1
    for node, states in everything():
        role, name = node.get_role_name(), text_of(node)
        is_focused = states.contains(Atspi.StateType.FOCUSED)
        if what == "list":
            print(role, name, "focused" if is_focused else "", sep="\t")
        elif what == "has" and role.endswith(rest[0]) and name.startswith(rest[1]):
            print(role, name)
            return 0
        elif what == "focused" and is_focused and role.endswith("".join(rest[:1])) and name.startswith("".join(rest[1:])):
            print(role, name)
            return 0
        elif what == "pressed" and name == rest[0] and states.contains(Atspi.StateType.PRESSED):
            return 0
        elif what == "active" and states.contains(Atspi.StateType.ACTIVE):
            return 0
        elif what == "press" and (name == rest[0] or name.endswith(f"_{rest[0]} {rest[0]}")) and node.get_n_actions() > 0:
            return 0 if node.do_action(0) else 1
        elif what == "unnamed" and role != "filler" and states.contains(Atspi.StateType.FOCUSABLE) and (not name or name.startswith("Gtk")):
            print(role)
            status = 1
        elif what == "cut" and states.contains(Atspi.StateType.SHOWING):
            status |= is_cut(node, extents)
    return status


def main():
    end = float(os.environ.get("TREE_END") or time.monotonic() + float(os.environ.get("TREE_WAIT", 0)))
    try:
        status = look(sys.argv[1], sys.argv[2:])
    except GLib.Error as error:  # something has just gone
        print(error.message)
        status = 1
    if status == 0 or time.monotonic() >= end:
        return status
    time.sleep(0.05)
    os.environ["TREE_END"] = str(end)
    os.execv(__file__, sys.argv)  # what the library has seen it takes to be so for good


if __name__ == "__main__":
    sys.exit(main())
