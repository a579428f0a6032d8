# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2317 # top is the source tree
#
# What the scripts here share: waiting for what comes in the end, a notification server, programs that only note how
# they were called. They run in $IMAGINED_ROOT, on the session bus of tests/with-service.

deadline=${DEADLINE:-120} # seconds, for machines that are busy
pids=()

eventually() { # COMMAND…: until it succeeds
        local end=$((SECONDS + deadline))
        until "$@" >/dev/null 2>&1; do
                if [ $SECONDS -ge $end ]; then
                        "$@"
                        return 1
                fi
                sleep 0.1
        done
}

stop_all() {
        local pid
        for pid in "${pids[@]}"; do
                kill "$pid" 2>/dev/null
        done
        wait
}

# --- python-dbusmock's notification server ---

server=''
server() { # CAPABILITIES
        [ -z "$server" ] || end_server
        : >"$IMAGINED_ROOT/notifications"
        /usr/bin/python3 -m dbusmock --session -l "$IMAGINED_ROOT/notifications" --template notification_daemon \
                --parameters "{\"capabilities\": \"$1\"}" >/dev/null &
        server=$!
        pids+=("$server")
        eventually has_name org.freedesktop.Notifications
}
end_server() {
        kill "$server"
        wait "$server" 2>/dev/null
        server=''
        eventually lacks_name org.freedesktop.Notifications
}
has_name() {
        busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s "$1" | grep -q true
}
lacks_name() { ! has_name "$1"; }
emit() { # SIGNAL TYPES N TYPE VALUE…
        busctl --user call org.freedesktop.Notifications /org/freedesktop/Notifications org.freedesktop.DBus.Mock \
                EmitSignal sssav org.freedesktop.Notifications "$@" >/dev/null
}
invoke() { # ID ACTION
        emit ActionInvoked us 2 u "$1" s "$2"
}
# Each notification that replaces none has the next number.
newest() { grep -cF 'Notify "imagine" 0 ' "$IMAGINED_ROOT/notifications"; }
# The log of the mock has each call as a line "TIME METHOD ARGUMENTS", in D-Bus's words.
logged() { eventually grep -qF -e "$1" "$IMAGINED_ROOT/notifications" || { cut -c1-400 "$IMAGINED_ROOT/notifications"; false; }; }
not_logged() { ! grep -F -e "$1" "$IMAGINED_ROOT/notifications"; }
logged_times() { # N TEXT
        times_reached() { [ "$(grep -cF -e "$2" "$IMAGINED_ROOT/notifications")" -ge "$1" ]; }
        eventually times_reached "$@"
}

# --- an X server without a screen ---

start_display() { # WIDTHxHEIGHT
        local number
        mkfifo "$IMAGINED_ROOT/display"
        mkdir "$IMAGINED_ROOT/screen"
        # Without -noreset it begins anew when its last client leaves, and who comes just then finds no display.
        Xvfb -displayfd 3 -noreset -screen 0 "$1x24" -fbdir "$IMAGINED_ROOT/screen" -nolisten tcp 3>"$IMAGINED_ROOT/display" >/dev/null 2>&1 &
        pids+=($!)
        read -r number <"$IMAGINED_ROOT/display"
        export DISPLAY=:$number
}

id_of() { # PATTERN: the window with that title
        xdotool search --onlyvisible --name "$1" 2>/dev/null | tail -n 1
}
focus_window() { # PATTERN: gives it the keyboard, as a window manager would
        has_id() { [ -n "$(id_of "$1")" ]; }
        eventually has_id "$1" && xdotool windowfocus --sync "$(id_of "$1")"
}

screen() { "$top/tests/desktop/screen.py" "$IMAGINED_ROOT/screen/Xvfb_screen0" "$@"; }

# --- what assistive technology is told ---

start_accessibility() {
        "$(find /usr/libexec /usr/lib -name at-spi-bus-launcher 2>/dev/null | head -n 1)" --launch-immediately 2>/dev/null &
        pids+=($!)
        eventually has_name org.a11y.Bus
}
tree() { "$top/tests/desktop/tree.py" "$@"; }
sees() { TREE_WAIT=$deadline tree has "$@" || { tree list; false; }; } # ROLE NAME
sees_focus() { TREE_WAIT=$deadline tree focused "$@" || { tree list; false; }; } # [ROLE [NAME]]
is_pressed() { TREE_WAIT=$deadline tree pressed "$1" || { tree list; false; }; } # NAME
press() { TREE_WAIT=$deadline tree press "$1"; } # NAME

# --- programs that note how they were called ---

program() { # NAME
        mkdir -p "$IMAGINED_ROOT/programs"
        # shellcheck disable=SC2016
        printf '#!/bin/sh\nprintf "%%s\\n" "$0" "$@" >>"%s/called"\n' "$IMAGINED_ROOT" >"$IMAGINED_ROOT/programs/$1"
        chmod +x "$IMAGINED_ROOT/programs/$1"
        touch "$IMAGINED_ROOT/called"
}
opened() { # NAME ARGUMENT: the last argument it was called with
        last_is() { [ "$(tail -n 1 "$IMAGINED_ROOT/called")" = "$1" ]; }
        eventually last_is "$2" || { cat "$IMAGINED_ROOT/called"; false; }
}

# No job is at work.
is_idle() {
        none_at_work() { ! imagine --user jobs | grep -qE 'running|queued|loading'; }
        eventually none_at_work
}
