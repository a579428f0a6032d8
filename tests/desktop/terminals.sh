#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine --preview in real terminals on a screen of their own: what they show is compared with the picture, pixel by pixel.
# shellcheck disable=SC2016,SC2317 # what the terminals' shells are told; functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        if ! command -v Xvfb >/dev/null || ! { command -v xterm || command -v mlterm || command -v kitty; } >/dev/null; then
                echo "needs xvfb, and xterm, mlterm or kitty"
                exit 77
        fi
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir -p home work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"
trap stop_all EXIT
export HOME=$IMAGINED_ROOT/home LC_ALL=C.UTF-8
unset KITTY_WINDOW_ID TERM_PROGRAM WAYLAND_DISPLAY

# Notes the pixels of a cell, draws, and stays so that it can be looked at.
draw='python3 -c "import fcntl, struct, termios
rows, columns, width, height = struct.unpack(\"4H\", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
print(width // columns, height // rows)" >cell
imagine --user --quiet --seed 1 --size 96x96 --steps 2 --preview auto -o "$0.png" "a fox" >"$0.path"
echo $? >ended
exec sleep 1000'
begin() { # NAME COMMAND…: up to the one that it runs
        local name=$1
        shift
        rm -f ended
        "$@" bash -c "$draw" "$name" >"$name.said" 2>&1 &
        pids+=($!)
        eventually test -s ended || { cat "$name.said"; false; }
}
covered() { # FILE: the pixels of the cells that a picture fills, as kitty's protocol has it
        local width height
        read -r width height <cell
        echo "$(((96 + width - 1) / width * width)) $(((96 + height - 1) / height * height))"
}
shows() { # NAME [WIDTH HEIGHT]
        eventually screen find "$1.png" "${@:2}" || { cat "$1.said"; false; }
}
end() {
        kill "${pids[-1]}"
        wait "${pids[-1]}" 2>/dev/null
}
has() { # PROGRAM
        command -v "$1" >/dev/null && return
        echo "ok - $1 # skip there is no $1"
        return 1
}

start_display 400x300
if has xterm; then
        check "xterm as a VT340 draws" begin xterm xterm -ti vt340 -geometry 40x18+0+0 -e
        check "and shows the picture as sixels" shows xterm
        end
fi
if has mlterm; then
        check "mlterm draws" begin mlterm mlterm --geometry=40x16+0+0 -e
        check "and shows the picture as sixels" shows mlterm
        end
fi
if has kitty; then
        export LIBGL_ALWAYS_SOFTWARE=1
        check "kitty draws" begin kitty kitty --config NONE --start-as maximized
        # shellcheck disable=SC2046 # two numbers
        check "and shows the picture by its own protocol" shows kitty $(covered)
        end
fi
[ -z "$failed" ]
