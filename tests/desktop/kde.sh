#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# KDE's own programs on a screen of their own: KRunner finds our result and makes the picture, Dolphin has our menus.
# shellcheck disable=SC1111,SC2317 # quotation marks of a sentence; functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        if [ -z "${DESKTOP_TESTS:-}" ]; then
                echo "tests/all desktop runs them"
                exit 77
        fi
        if ! command -v Xvfb xdotool >/dev/null || ! { command -v krunner || command -v dolphin; } >/dev/null; then
                echo "needs xvfb, xdotool, and krunner or dolphin"
                exit 77
        fi
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
data=$XDG_DATA_DIRS
export HOME=$IMAGINED_ROOT/home XDG_RUNTIME_DIR=$IMAGINED_ROOT/run LC_ALL=C.UTF-8 LANGUAGE=
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$IMAGINED_ROOT/one/imagined" && chmod 700 "$XDG_RUNTIME_DIR" && cd "$HOME" || exit 1
unset WAYLAND_DISPLAY XDG_CONFIG_HOME
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"
trap stop_all EXIT
export KDE_FULL_SESSION=true KDE_SESSION_VERSION=5 XDG_CURRENT_DESKTOP=KDE QT_QPA_PLATFORM=xcb QT_QUICK_BACKEND=software \
        QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 QT_ACCESSIBILITY=1

cp -r "$data/imagined/desktop" "$IMAGINED_ROOT/one/imagined/"
check "the pieces are put in place" env XDG_DATA_DIRS="$IMAGINED_ROOT/one" imagine desktop enable krunner dolphin
export XDG_DATA_DIRS=/usr/local/share:/usr/share
start_display 1000x900
start_accessibility
xdotool mousemove 990 890 # on no menu
dbus-update-activation-environment --all 2>/dev/null

imagine --user --quiet --seed 42 --steps 2 -o fox.png "a red fox" >/dev/null
made_in() { # FOLDER PATTERN
        is_made() { [ -n "$(find "$1" -name "$2")" ]; }
        eventually is_made "$@" || { find "$HOME" -name '*.png'; false; }
}
has() { # PROGRAM WHAT
        command -v "$1" >/dev/null && return
        echo "ok - $2 # skip there is no $1"
        return 1
}
# The prompt window, where it is built.
draws_in() { # FOLDER WORDS
        focus_window '^Imagine$' && sees_focus text Prompt || return 1
        xdotool type --delay 10 "$2"
        xdotool key Return
        made_in "$1" "${2// /-}-*.png" || return 1
        xdotool key ctrl+w
        gone() { [ -z "$(id_of '^Imagine$')" ]; }
        eventually gone
}
asks() { [ -z "${SAN:-}" ] && [ -x "$(dirname "$(command -v imagine)")/imagine-window" ]; }

if has krunner "KRunner makes the picture"; then
        krunner >krunner.said 2>&1 &
        pids+=($!)
        eventually has_name org.kde.krunner
        check "KRunner is asked" busctl --user call org.kde.krunner /App org.kde.krunner.App query s "imagine a red fox"
        TREE_APP=krunner check "it offers our result" sees "list item" "Make a picture of “a red fox”"
        check "nothing is made before" test ! -e Imagine
        xdotool windowfocus "$(xdotool search --onlyvisible --class krunner | tail -n 1)"
        TREE_APP=krunner sees_focus text Search >/dev/null
        xdotool key Return
        check "when it is chosen, the picture is made" made_in Imagine 'a-red-fox-*.png'
        kill "${pids[-1]}"
fi

# A menu's items are not among the children of Dolphin's window: one follows what is told of them.
last_heard() { tail -n 1 heard | cut -f 2-3; }
goes_down() {
        local before
        before=$(wc -l <heard)
        xdotool key Down
        told() { [ "$(wc -l <heard)" -gt "$before" ]; }
        eventually told
}
opens_menu() { # of all that is shown; again, until its window was ready for the key
        local try
        for try in {1..10}; do
                xdotool windowfocus "$(xdotool search --onlyvisible --class dolphin | tail -n 1)"
                xdotool key ctrl+a Menu Down
                sleep 1
                [[ $(last_heard) == "menu item"* ]] && return
                echo "try $try: $(last_heard)"
        done
        return 1
}
goes_to() { # ITEM
        local i
        for i in {1..40}; do
                [ "$(last_heard)" = "menu item"$'\t'"$1" ] && return
                goes_down
        done
        echo "there is no $1 in $i"
        cut -f 2-3 heard
        return 1
}
chooses() { # FILE ITEM…: in its menu, and in the menus therein; it is alone in its folder
        local item
        TREE_APP=dolphin "$top/tests/desktop/hearing.py" >heard 2>&1 &
        pids+=($!)
        eventually grep -q listening heard
        dolphin --select "$1" >dolphin.said 2>&1 &
        pids+=($!)
        TREE_APP=dolphin sees "table cell" "$(basename "$1" | head -n 1)" && opens_menu || return 1
        shift
        for item; do
                goes_to "$item" || return 1
                xdotool key Return
        done
}
leaves() {
        kill "${pids[-1]}" "${pids[-2]}"
        wait "${pids[-1]}" "${pids[-2]}" 2>/dev/null
}
if has dolphin "Dolphin's menus"; then
        # shellcheck disable=SC2016
        odd=$'a "red" fox\'s $(touch pwned) `touch pwned`\n%f %F -ä'
        mkdir -p picture text "folder/$odd"
        cp fox.png "picture/$odd.png"
        echo "a lighthouse" >"text/$odd.txt"
        check "Dolphin's menu of a picture" chooses "$HOME/picture/$odd.png" Imagine Vary
        check "makes another one" eventually test -s "picture/$odd-varied-42.png"
        leaves
        check "Dolphin's menu of a text" chooses "$HOME/text/$odd.txt" "Illustrate This"
        check "makes a picture of it" made_in text 'a "red" fox*-ä-[0-9]*.png'
        leaves
        if asks; then
                check "Dolphin's menu of a folder" chooses "$HOME/folder/$odd" "Make a Picture Here…"
                check "opens the prompt window, whose picture is there" draws_in "folder/$odd" "a hen"
                leaves
        fi
fi
check "no name was a command" test -z "$(find "$IMAGINED_ROOT" -name pwned)"
exit "${failed:-0}"
