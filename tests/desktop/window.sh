#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The prompt window under Xvfb: typed into, finished, cancelled, without a hand on the mouse; as a screen reader sees it; when
# the service is missing; and when the user looks elsewhere.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
B=${B:-build}
if [ -n "${SAN:-}" ]; then
        echo "GTK and what it loads are not sanitised"
        exit 77
fi
if [ ! -x "$B/imagine-window" ]; then
        echo "built without GTK 4"
        exit 77
fi
launcher=$(find /usr/libexec /usr/lib -name at-spi-bus-launcher 2>/dev/null | head -n 1)
if ! command -v Xvfb xdotool >/dev/null || [ -z "$launcher" ] ||
        ! /usr/bin/python3 -c 'import dbusmock, gi; gi.require_version("Atspi", "2.0")' 2>/dev/null; then
        echo "needs xvfb, xdotool, at-spi2-core, gir1.2-atspi-2.0 and python3-dbusmock"
        exit 77
fi
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir -p home "work/a \"folder\" of mine" && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"
trap stop_all EXIT
export HOME=$IMAGINED_ROOT/home XDG_STATE_HOME=$IMAGINED_ROOT/home/state XDG_CONFIG_HOME=$IMAGINED_ROOT/home/config
export XDG_DATA_DIRS=$XDG_DATA_DIRS:/usr/share GDK_BACKEND=x11 GSK_RENDERER=cairo LC_ALL=C.UTF-8 LANGUAGE=

tree() { "$top/tests/desktop/tree.py" "$@"; }
sees() { eventually tree has "$@" || { tree list; false; }; } # ROLE NAME
sees_focus() { # TEXT
        focus_is() { [[ $(tree focused) == "$1"* ]]; }
        eventually focus_is "$1" || { tree list; false; }
}
press() { eventually tree press "$1"; } # NAME
counted() { # N PATTERN: so many files, in the end
        count_is() { [ "$(find . -name "$2" | wc -l)" -eq "$1" ]; }
        eventually count_is "$@" || { find .; false; }
}
window=''
is_gone() { ! kill -0 "$1" 2>/dev/null; }
ask() { # ARGUMENT…: opens a window, without the keyboard
        imagine ask "$@" >>paths 2>>said &
        window=$!
        pids+=("$window")
        sees frame Imagine
}
focus() { # gives it the keyboard, as a window manager would
        local id
        has_window() { id=$(xdotool search --onlyvisible --name '^Imagine$' 2>/dev/null | tail -n 1) && [ -n "$id" ]; }
        eventually has_window
        xdotool windowfocus --sync "$id"
        sees_focus "text Prompt"
}

start_display
xdotool mousemove 990 890
"$launcher" --launch-immediately 2>/dev/null &
pids+=($!)
check "a bus for assistive technology" eventually has_name org.a11y.Bus

check "the window opens" ask --user --folder 'a "folder" of mine'
check "the keyboard is at the prompt" focus
check "nothing is without a name" test -z "$(tree unnamed)"

# Typed, with what a shell would obey.
# shellcheck disable=SC2016
odd='--seed $(touch pwned) `touch pwned` a "fox"'
printf '%s' "$odd" | xdotool type --delay 20 --file -
xdotool key Return
check "the picture lands in the folder, named after the prompt" counted 1 'seed-touch-pwned-touch-pwned-a-fox-*.png'
check "screen readers are told" sees "status bar" "The picture is ready: seed-touch-pwned"
check "the picture has a name" sees image "Picture: --seed"
made=$(find . -name '*.png')
check "every letter of the prompt came through" test "$(imagine show "$made" | head -n 1)" = "$odd"
check "and none was a command" test ! -e pwned -a ! -e "a \"folder\" of mine/pwned"
check "its path is printed" test "$(tail -n 1 paths)" = "a \"folder\" of mine/$(basename "$made")"
for button in "Save As" Copy Vary "Show in Folder"; do
        check "there is $button" sees "push button" "$button"
done
check "still nothing is without a name" test -z "$(tree unnamed)"

# Once more: Up brings the prompt back, and nothing is overwritten.
xdotool key ctrl+a BackSpace Up Return
check "history, and a second file" counted 2 'seed-touch-pwned-touch-pwned-a-fox-*.png'
check "only the user can read the history" test "$(stat -c %a "$XDG_STATE_HOME/imagine/prompts")" = 600
sees "status bar" "The picture is ready" >/dev/null
xdotool key ctrl+r
check "Ctrl+R varies it" counted 3 'seed-touch-pwned-touch-pwned-a-fox-*.png'
sees "push button" Vary >/dev/null
check "so does a screen reader's press" press Vary
check "beside the others" counted 4 'seed-touch-pwned-touch-pwned-a-fox-*.png'

# Style, size and count by keyboard; a job of that size takes its time, and Escape ends it.
sees "push button" Make >/dev/null
xdotool key alt+o
check "the disclosure opens" sees "combo box" Style
xdotool key alt+z
check "the sizes open" sees_focus "list item"
xdotool key Down Return
not_in_list() { [[ $(tree focused) != "list item"* ]]; }
check "and close" eventually not_in_list
xdotool key alt+p
check "the count" sees_focus "spin button Pictures"
xdotool key ctrl+a 8 Tab alt+m
check "it draws" sees "push button" Cancel
check "and says how far it is" sees "status bar" "Picture 1/8, "
check "as a number, too" sees "progress bar" Progress
xdotool key Escape
check "Escape cancels" sees "status bar" Cancelled
check "the job, too" is_idle
check "and leaves no file" counted 4 '*.png'
xdotool key ctrl+w
check "Ctrl+W closes" eventually is_gone "$window"

# The service is missing: said in words, with what can be done.
kill "$(busctl --user call org.freedesktop.DBus / org.freedesktop.DBus GetConnectionUnixProcessID s org.imagined.Imagine1 |
        cut -d ' ' -f 2)"
eventually lacks_name org.imagined.Imagine1
ask --user --no-start --folder . --prompt "a boat" --from "$made"
check "what it starts from is said" sees label "Starts from seed-touch-pwned"
press Make
check "a missing service is told of" sees "status bar" "No picture: the service is not running"
check "with what can be done" sees label "Start it with"
press "Try Again"
check "trying again tells it again" sees "status bar" "No picture: the service is not running"
check "starting it" press "Start the Service"
check "makes the picture" counted 1 'a-boat-*.png'
check "from the other one" contains "$(find . -name 'a-boat-*.png')" "Denoising strength"
kill "$window"

# Without the keyboard the user looks elsewhere: then the desktop tells.
server "actions body"
ask --user --folder . --prompt "a tree"
focus
xdotool windowfocus --sync "$(xdotool getmouselocation --shell | sed -n 's/^WINDOW=//p')" # the root window
away() { ! tree active; }
check "the user looks elsewhere" eventually away
press Make
check "a notification tells the result" logged '"The picture is ready" "a-tree-'
check "with ways to see it" logged '"show", "Show in Folder"'
kill "$window"

# Dark where the desktop is, and light again when it changes its mind.
brighter() { [ "$(screen at 4 300)" -gt 150 ]; }
darker() { [ "$(screen at 4 300)" -lt 100 ]; }
ask --user --folder . --prompt "a moon"
check "light without a portal" eventually brighter
kill "$window"
eventually is_gone "$window"
/usr/bin/python3 -m dbusmock --session org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop \
        org.freedesktop.portal.Settings >/dev/null &
pids+=($!)
eventually has_name org.freedesktop.portal.Desktop
portal() { # METHOD SIGNATURE ARGUMENTS…
        busctl --user call org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop org.freedesktop.DBus.Mock "$@" >/dev/null
}
portal AddMethod sssss org.freedesktop.portal.Settings Read ss v 'ret = dbus.UInt32(1, variant_level=1)'
ask --user --folder . --prompt "a moon"
check "dark where the desktop is" eventually darker
portal EmitSignal sssav org.freedesktop.portal.Settings SettingChanged ssv 3 s org.freedesktop.appearance s color-scheme u 2
check "light when that changes" eventually brighter
kill "$window"

# Where the window was not built.
mkdir lone && cp "$(command -v imagine)" lone/
refused() { ! lone/imagine ask 2>lone/said && grep -q "is not installed" lone/said; }
check "without the window it is said in words" refused
check "no other option goes with it" says "does not go with 'ask'" imagine ask --steps 3
exit "${failed:-0}"
