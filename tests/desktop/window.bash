# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2317
#
# What the scripts of the prompt window share: a screen, a bus for assistive technology, a window, and its widgets by their
# names. To be sourced at the top of a script, which then runs in $IMAGINED_ROOT/work with a service; top is the source tree.

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
mkdir -p home work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"
trap stop_all EXIT
export HOME=$IMAGINED_ROOT/home XDG_STATE_HOME=$IMAGINED_ROOT/home/state XDG_CONFIG_HOME=$IMAGINED_ROOT/home/config
export XDG_DATA_DIRS=$XDG_DATA_DIRS:/usr/share GDK_BACKEND=x11 GSK_RENDERER=cairo LC_ALL=C.UTF-8 LANGUAGE=

# --- the window ---

window=''
ask() { # ARGUMENT…: opens one, without the keyboard
        imagine ask "$@" >>paths 2>>said &
        window=$!
        pids+=("$window")
        sees frame Imagine
}
leave() { # closes it
        kill "$window"
        eventually is_gone "$window"
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }
focus() { # gives it the keyboard, as a window manager would
        focus_window '^Imagine$' && sees_focus text Prompt
}
counted() { # N PATTERN: so many files, in the end
        count_is() { [ "$(find . -name "$2" | wc -l)" -eq "$1" ]; }
        eventually count_is "$@" || { find .; false; }
}
types() { # TEXT: instead of what is there
        xdotool key ctrl+a
        printf '%s' "$1" | xdotool type --delay 10 --file -
}
makes() { # PROMPT
        types "$1"
        xdotool key Return
}

start_display "${screen_size:-1000x900}"
xdotool mousemove 990 890
start_accessibility
