#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Real file managers on a screen of their own: each runs its action "Vary" on a file whose name has everything in it that could
# be taken for something else, and the picture appears beside it.
#
# Nobody knows when a window is ready for a key, so what is pressed is pressed again until the picture is there.
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

cp -r "$data/imagined/desktop" "$IMAGINED_ROOT/one/imagined/"
check "the menus are put in place" env XDG_DATA_DIRS="$IMAGINED_ROOT/one" imagine desktop enable nautilus nautilus-scripts nemo thunar

exec 4>"$IMAGINED_ROOT/display"
Xvfb -displayfd 4 -screen 0 1024x768x24 -nolisten tcp >/dev/null 2>&1 &
programs=($!)
trap 'kill "${programs[@]}" 2>/dev/null' EXIT
for _ in {1..300}; do
        [ -s "$IMAGINED_ROOT/display" ] && break
        sleep 0.1
done
DISPLAY=:$(cat "$IMAGINED_ROOT/display")
export DISPLAY XDG_DATA_DIRS=/usr/local/share:/usr/share
dbus-update-activation-environment DISPLAY HOME PATH XDG_DATA_DIRS GSK_RENDERER GDK_BACKEND 2>/dev/null
xdotool mousemove 1020 760 # on no menu

# The file named so is the only one in the folder; quotes, commands, a line break, letters, and for all but Nemo, which looks
# for it inside of names too, what stands for files in menus.
plain=$'a "red" fox\'s $(touch pwned) `touch pwned`\n-ä.png'
odd=$'a "red" fox\'s $(touch pwned) `touch pwned`\n%f %F -ä.png'
imagine --user --quiet --seed 42 --steps 2 -o fox.png "a red fox" >/dev/null
uri() { # PATH
        python3 -c 'import sys, urllib.parse; print("file://" + urllib.parse.quote(sys.argv[1]))' "$1"
}
begin() { # FILE
        rm -f dir/*
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
has() { # PROGRAM WHAT
        command -v "$1" >/dev/null && return
        echo "ok - $2 # skip there is no $1"
        return 1
}

if has thunar "Thunar runs its custom action"; then
        mkdir -p "$HOME/.config/Thunar"
        echo '(gtk_accel_path "<Actions>/ThunarActions/uca-action-imagine-vary" "F9")' >"$HOME/.config/Thunar/accels.scm"
        begin "$odd"
        thunar --daemon >"$IMAGINED_ROOT/thunar" 2>&1 &
        programs+=($!)
        selected() {
                busctl --user call org.xfce.FileManager /org/xfce/FileManager org.xfce.FileManager DisplayFolderAndSelect ssss \
                        "$(uri "$HOME/dir")" "$odd" "" ""
        }
        for _ in {1..300}; do
                selected >/dev/null 2>&1 && break
                sleep 0.2
        done
        check "Thunar runs its custom action" pressed_until_varied "$odd" thunar F9
        kill "${programs[-1]}"
fi
if has nautilus "Nautilus runs its script and its extension"; then
        mkdir -p "$HOME/.config/nautilus"
        echo 'F9 Vary' >"$HOME/.config/nautilus/scripts-accels"
        begin "$odd"
        nautilus --select "$(uri "$HOME/dir/$odd")" >"$IMAGINED_ROOT/nautilus" 2>&1 &
        programs+=($!)
        check "Nautilus runs its script" pressed_until_varied "$odd" nautilus F9
        if /usr/bin/python3 -c 'import gi; gi.require_version("Nautilus", "4.0")' 2>/dev/null; then
                begin "$odd"
                # Its menu item, chosen without the menu: where that has it depends on what else is installed.
                check "Nautilus's extension offers it" /usr/bin/python3 "$top/tests/desktop/extension.py" "$top/desktop/nautilus/imagine.py" \
                        vary "$HOME/dir/$odd"
                check "and the picture comes" pressed_until_varied "$odd" none
        else
                echo "ok - Nautilus runs its extension # skip there is no python3-nautilus"
        fi
        nautilus -q >/dev/null 2>&1
fi
if has nemo "Nemo runs its action"; then
        begin "$plain"
        nemo "$HOME/dir" >"$IMAGINED_ROOT/nemo" 2>&1 &
        programs+=($!)
        # From below: properties, delete, trash, rename, pin, favourite, copy, cut, then ours.
        check "Nemo runs its action" pressed_until_varied "$plain" nemo Escape ctrl+a Menu Up Up Up Up Up Up Up Up Up Return
fi
check "no name was a command" test -z "$(find "$IMAGINED_ROOT" -name pwned)"
