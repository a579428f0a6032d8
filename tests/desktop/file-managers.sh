#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Real file managers on a screen of their own: each runs its action "Vary" on a file whose name has everything in it that could
# be taken for something else, and the picture appears beside it.
#
# Nobody knows when a window is ready for a key, so what is pressed is pressed again until the picture is there.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        if [ -z "${DESKTOP_TESTS:-}" ]; then
                echo "tests/all desktop runs them"
                exit 77
        fi
        for program in Xvfb xdotool; do
                command -v $program >/dev/null || { echo "there is no $program"; exit 77; }
        done
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
data=$XDG_DATA_DIRS
export HOME=$IMAGINED_ROOT/home GSK_RENDERER=cairo GDK_BACKEND=x11 NO_AT_BRIDGE=1
mkdir -p "$HOME/dir" "$IMAGINED_ROOT/one/imagined" && cd "$HOME" || exit 1
unset WAYLAND_DISPLAY XDG_CONFIG_HOME
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"

cp -r "$data/imagined/desktop" "$IMAGINED_ROOT/one/imagined/"
check "the menus are put in place" env XDG_DATA_DIRS="$IMAGINED_ROOT/one" imagine desktop enable nautilus nautilus-scripts nemo thunar

trap stop_all EXIT
start_display 1000x900
export XDG_DATA_DIRS=/usr/local/share:/usr/share
dbus-update-activation-environment DISPLAY HOME PATH XDG_DATA_DIRS GSK_RENDERER GDK_BACKEND 2>/dev/null
xdotool mousemove 990 890 # on no menu
launcher=$(find /usr/libexec /usr/lib -name at-spi-bus-launcher 2>/dev/null | head -n 1)
[ -z "$launcher" ] || start_accessibility

# The file named so is the only one in the folder: quotes, commands, a line break, letters, and what stands for files in menus.
odd=$'a "red" fox\'s $(touch pwned) `touch pwned`\n%f %F -ä.png'
oddly=${odd%.png}
imagine --user --quiet --seed 42 --steps 2 -o fox.png "a red fox" >/dev/null
uri() { # PATH
        python3 -c 'import sys, urllib.parse; print("file://" + urllib.parse.quote(sys.argv[1]))' "$1"
}
begin() { # FILE
        rm -rf dir/*
        cp fox.png "dir/$1"
}
press() { # CLASS KEY…
        local window
        window=$(xdotool search --onlyvisible --class "$1" 2>/dev/null | tail -n 1)
        [ -n "$window" ] || return
        shift
        xdotool windowfocus "$window" 2>/dev/null
        sleep 0.3
        local key
        for key; do
                xdotool key "$key"
                [ "$key" != Menu ] || sleep 2
                sleep 0.2
        done
}
pressed_until_varied() { # FILE CLASS KEY…
        local file=$1 try i
        shift
        for try in {1..10}; do
                press "$@"
                for i in {1..30}; do
                        [ -s "dir/${file%.png}-varied-42.png" ] && return
                        sleep 0.2
                done
                echo "try $try: $i"
        done
        ls -b dir
        return 1
}
# Chooses an item of the menu that is open, with the arrow keys, as somebody who hears what they come to.
chosen() { # PROGRAM ITEM
        local i
        for i in {1..40}; do
                xdotool key Down
                sleep 0.2
                [ "$(TREE_APP=$1 "$top/tests/desktop/tree.py" focused)" = "menu item $2" ] || continue
                xdotool key Return
                return
        done
        echo "there is no $2 in $i"
        return 1
}
pressed_until_chosen() { # CLASS ITEM
        local try
        for try in {1..10}; do
                press "$1" Escape shift+F10
                eventually_menu "$1" && chosen "$1" "$2" && return
                echo "try $try"
        done
        return 1
}
eventually_menu() { # PROGRAM: soon, or the key went nowhere
        local i
        for i in {1..20}; do
                [[ $(TREE_APP=$1 "$top/tests/desktop/tree.py" focused) == "menu item"* ]] && return
                sleep 0.2
        done
        echo "no menu after $i"
        return 1
}
varied() { # FILE
        [ -s "dir/${1%.png}-varied-42.png" ]
}
# "Make a Picture Here": the prompt window opens, is typed into, and the picture is in that folder.
window_id() { xdotool search --onlyvisible --name '^Imagine$' 2>/dev/null | tail -n 1; }
pressed_until_asked() { # CLASS KEY…
        local try i
        for try in {1..10}; do
                press "$@"
                for i in {1..30}; do
                        [ -n "$(window_id)" ] && return
                        sleep 0.2
                done
                echo "try $try: $i"
        done
        return 1
}
at_prompt() { [[ $("$top/tests/desktop/tree.py" focused) == "text Prompt"* ]]; }
drawn_in() { # FOLDER WORDS
        eventually at_prompt || return 1
        xdotool type --delay 20 "$2"
        xdotool key Return
        drawn() { [ -n "$(find "$1" -name "${2// /-}-*.png")" ]; }
        eventually drawn "$1" "$2" || { find "$HOME" -name '*.png' | head; return 1; }
        xdotool key ctrl+w
        gone() { [ -z "$(window_id)" ]; }
        eventually gone
}
asks() { # WHAT: whether the prompt window can be driven
        if [ -n "${SAN:-}" ] || [ -z "$launcher" ] || [ ! -x "$(dirname "$(command -v imagine)")/imagine-window" ]; then
                echo "ok - $1 # skip there is no prompt window, or nothing that tells what it has"
                return 1
        fi
}
has() { # PROGRAM WHAT
        command -v "$1" >/dev/null && return
        echo "ok - $2 # skip there is no $1"
        return 1
}

if has thunar "Thunar runs its custom action"; then
        mkdir -p "$HOME/.config/Thunar"
        printf '(gtk_accel_path "<Actions>/ThunarActions/uca-action-imagine-%s" "%s")\n' vary F9 here F8 >"$HOME/.config/Thunar/accels.scm"
        begin "$odd"
        thunar --daemon >"$IMAGINED_ROOT/thunar" 2>&1 &
        pids+=($!)
        selected() {
                busctl --user call org.xfce.FileManager /org/xfce/FileManager org.xfce.FileManager DisplayFolderAndSelect ssss \
                        "$(uri "$HOME/dir")" "$1" "" ""
        }
        eventually selected "$odd"
        check "Thunar runs its custom action" pressed_until_varied "$odd" thunar F9
        if asks "Thunar makes a picture in a folder"; then
                mkdir "dir/$oddly"
                eventually selected "$oddly"
                check "Thunar opens the prompt window for a folder" pressed_until_asked thunar F8
                check "and the picture is in it" drawn_in "dir/$oddly" "a hen"
        fi
        kill "${pids[-1]}"
fi
if has nautilus "Nautilus runs its script and its extension"; then
        mkdir -p "$HOME/.config/nautilus"
        printf '%s\n' 'F9 Vary' 'F8 Make a picture here' >"$HOME/.config/nautilus/scripts-accels"
        begin "$odd"
        nautilus --select "$(uri "$HOME/dir/$odd")" >"$IMAGINED_ROOT/nautilus" 2>&1 &
        pids+=($!)
        check "Nautilus runs its script" pressed_until_varied "$odd" nautilus F9
        if /usr/bin/python3 -c 'import gi; gi.require_version("Nautilus", "4.0")' 2>/dev/null; then
                begin "$odd"
                check "Nautilus's extension offers what goes with a file" /usr/bin/python3 "$top/tests/desktop/extension.py" \
                        "$top/desktop/nautilus/imagine.py"
                if [ -n "$launcher" ]; then
                        nautilus --select "$(uri "$HOME/dir/$odd")" >>"$IMAGINED_ROOT/nautilus" 2>&1
                        check "Vary is in the menu of Nautilus" pressed_until_chosen nautilus Vary
                        check "and makes the picture" eventually varied "$odd"
                fi
        else
                echo "ok - Nautilus runs its extension # skip there is no python3-nautilus"
        fi
        if asks "Nautilus makes a picture in a folder"; then
                check "Nautilus opens the prompt window for what it shows" pressed_until_asked nautilus F8
                check "and the picture is there" drawn_in dir "a goose"
        fi
        nautilus -q >/dev/null 2>&1
fi
if has nemo "Nemo runs its action"; then
        begin "$odd"
        nemo "$HOME/dir" >"$IMAGINED_ROOT/nemo" 2>&1 &
        pids+=($!)
        # From below: properties, delete, trash, rename, pin, favourite, copy, cut, then ours.
        check "Nemo runs its action" pressed_until_varied "$odd" nemo Escape ctrl+a Menu Up Up Up Up Up Up Up Up Up Return
fi
check "no name was a command" test -z "$(find "$IMAGINED_ROOT" -name pwned)"
