#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The service is missing, takes its time to start, is busy, or refuses: whatever was used to ask for a picture, a menu, a launcher
# or the prompt window, it is said in words, with what can be done.
# shellcheck disable=SC2016,SC2317 # names and prompts that look like commands; functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
B=$(realpath "${B:-build}")
if ! /usr/bin/python3 -c 'import dbusmock' 2>/dev/null; then
        echo "needs python3-dbusmock"
        exit 77
fi
# A session without the service.
if [ -z "${IMAGINED_ROOT:-}" ]; then
        exec tests/with-service bash -c 'XDG_DATA_DIRS=$IMAGINED_ROOT/none exec dbus-run-session -- "$@" 2>"$IMAGINED_ROOT/inner"' - "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir -p home work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"
trap stop_all EXIT
export HOME=$IMAGINED_ROOT/home XDG_STATE_HOME=$IMAGINED_ROOT/home/state XDG_CONFIG_HOME=$IMAGINED_ROOT/home/config LC_ALL=C.UTF-8 LANGUAGE=
cp "$top/tests/fixtures/pictures/rgb.png" 'a $(b).png'
echo "a hen" >story.txt

# What stands for the service: it answers to Generate so.
service=''
answers() { # PYTHON
        if [ -z "$service" ]; then
                /usr/bin/python3 -m dbusmock --session org.imagined.Imagine1 /org/imagined/Imagine1 org.imagined.Imagine1.Manager >/dev/null &
                service=$!
                pids+=("$service")
                eventually has_name org.imagined.Imagine1
        fi
        busctl --user call org.imagined.Imagine1 /org/imagined/Imagine1 org.freedesktop.DBus.Mock AddMethod sssss \
                org.imagined.Imagine1.Manager Generate 'sa{sv}' uo "$1" >/dev/null
}
raises() { # NAME MESSAGE
        answers "raise dbus.exceptions.DBusException('$2', name='$1')"
}
busy='the queue holds as many jobs as it may'
refusal='You are not authorized to make pictures'
is_busy() { raises org.imagined.Imagine1.Error.Busy "$busy"; }
refuses() { raises org.freedesktop.DBus.Error.AccessDenied "$refusal"; }

server "actions body body-markup"
shown=0
shows() { # TEXT: in one more notification
        shown=$((shown + 1))
        logged_times "$shown" "$1"
}

# Menus of file managers.
for menu in "vary a \$(b).png" "enlarge a \$(b).png" "illustrate story.txt"; do
        verb=${menu%% *}
        imagine "$verb" --user --notify -- "${menu#* }" 2>said
        check "$verb: a missing service has an exit status of its own" test $? -eq 5
        check "$verb: it is shown in words" shows '"No picture" "the service is not running'
        check "$verb: and it can be tried again" logged_times "$shown" '["again", "Try Again"]'
done
check "with what can be done" logged 'Start it with'

# The extension of GNOME Files, which may outlive the program.
if /usr/bin/python3 -c 'import gi; gi.require_version("Nautilus", "4.0")' 2>/dev/null; then
        PATH=$IMAGINED_ROOT/none /usr/bin/python3 "$top/tests/desktop/extension.py" "$top/desktop/nautilus/imagine.py" vary
        check "GNOME Files: a missing program is shown in words" logged '"No picture" "The program imagine is not installed any more."'
else
        echo "ok - GNOME Files # skip there is no python3-nautilus"
fi

# The launcher: what it starts shows it, and tries it again with the same prompt.
"$B/imagine-launcher" 2>/dev/null &
pids+=($!)
eventually has_name org.imagined.Imagine.Launcher
busctl --user call -- org.imagined.Imagine.Launcher /org/imagined/Imagine/Launcher org.kde.krunner1 Run ss '-n "a" $(fox)' "" >/dev/null
check "a launcher's picture: it is shown in words" shows '"No picture" "the service is not running'
answers "open('prompt', 'w').write(args[0]); raise dbus.exceptions.DBusException('$busy', name='org.imagined.Imagine1.Error.Busy')"
invoke "$(newest)" again
check "Try Again tries again" eventually test -s prompt
check "with the same prompt" test "$(cat prompt)" = '-n "a" $(fox)'
shown=0
check "a busy service is shown in words" shows "\"No picture\" \"$busy"
check "with what can be done" logged 'Try again when a job has ended'
is_busy
imagine vary --user --notify -- 'a $(b).png' 2>said
check "to menus, too" shows "\"No picture\" \"$busy"
refuses
shown=0
imagine vary --user --notify -- 'a $(b).png' 2>said
check "so is a refusal" shows "\"No picture\" \"$refusal"
check "which trying again does not help" test "$(grep -F "$refusal" "$IMAGINED_ROOT/notifications" | grep -c Again)" = 0
answers "import time; time.sleep(2); raise dbus.exceptions.DBusException('$busy', name='org.imagined.Imagine1.Error.Busy')"
imagine vary --user --notify -- 'a $(b).png' 2>said
check "that the service is starting is shown meanwhile" logged 'Starting the service'
kill "$service"
service=''

# The prompt window.
launcher=$(find /usr/libexec /usr/lib -name at-spi-bus-launcher 2>/dev/null | head -n 1)
if [ -n "${SAN:-}" ] || [ ! -x "$(dirname "$(command -v imagine)")/imagine-window" ] || [ -z "$launcher" ] ||
        ! command -v Xvfb >/dev/null; then
        echo "ok - the prompt window # skip it is not built, or nothing tells what it has"
        exit "${failed:-0}"
fi
export XDG_DATA_DIRS=$IMAGINED_ROOT/none:/usr/share GDK_BACKEND=x11 GSK_RENDERER=cairo
start_display 1000x900
start_accessibility
imagine ask --user --folder . --prompt "a boat" 2>said &
pids+=($!)
check "the window opens without a service" press Make
check "which is said" sees "status bar" "No picture: the service is not running"
check "with a way to start it" sees "push button" "Start the Service"
check "and another service" sees "push button" "Use the Machine's"
is_busy
press "Try Again"
check "a busy service is said" sees "status bar" "No picture: $busy"
check "with what can be done" sees label "Try again when a job has ended"
refuses
press "Try Again"
check "a refusal is said" sees "status bar" "No picture: $refusal"
answers "import time; time.sleep(3); raise dbus.exceptions.DBusException('$busy', name='org.imagined.Imagine1.Error.Busy')"
press "Try Again"
check "that it is starting is said" sees "status bar" "Starting the service"
check "until it has" sees "status bar" "No picture: $busy"
exit "${failed:-0}"
