#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The entry in the menu of programs, started as menus do: the prompt window, and its actions, which are a new picture, varying the
# last one and opening the folder.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"
export PATH=$IMAGINED_ROOT/programs:$PATH
program xdg-open

starts() { "$top/tests/desktop/launch.py" "$top/desktop/org.imagined.Imagine.desktop" "$@"; } # [ACTION]
closed() { [ -z "$(id_of '^Imagine$')" ]; }
for action in "" new; do
        # shellcheck disable=SC2086 # none is no argument
        check "the entry ${action:-itself}" starts $action
        check "opens the prompt window" focus
        xdotool key ctrl+w
        eventually closed
done
check "its pictures land in the folder of pictures" imagine --user --quiet --seed 9 --steps 2 -o "$(imagine folder)/" "a fox"
check "the entry's action vary" starts vary
check "varies the last one" eventually test -s "$(imagine folder)/a-fox-9-varied-9.png"

# A file manager that is asked to open folders.
/usr/bin/python3 -m dbusmock --session -l opened org.freedesktop.FileManager1 /org/freedesktop/FileManager1 \
        org.freedesktop.FileManager1 >/dev/null &
pids+=($!)
eventually has_name org.freedesktop.FileManager1
busctl --user call org.freedesktop.FileManager1 /org/freedesktop/FileManager1 org.freedesktop.DBus.Mock AddMethod sssss \
        org.freedesktop.FileManager1 ShowFolders ass "" "" >/dev/null
check "the entry's action folder" starts folder
check "opens the folder" eventually grep -qF "ShowFolders [\"file://$(imagine folder)\"]" opened
exit "${failed:-0}"
