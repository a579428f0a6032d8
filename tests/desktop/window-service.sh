#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The prompt window when the service is missing, and is started from there. What it says of a service that is busy or refuses:
# trouble.sh.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"

imagine --user --quiet --size 64x64 --steps 2 -o a-fox.png "a fox" >/dev/null
kill "$(busctl --user call org.freedesktop.DBus / org.freedesktop.DBus GetConnectionUnixProcessID s org.imagined.Imagine1 |
        cut -d ' ' -f 2)"
eventually lacks_name org.imagined.Imagine1
ask --user --no-start --folder . --prompt "a boat" --from a-fox.png
check "what it starts from is said" sees label "Starts from a-fox.png"
press Make
check "a missing service is told of" sees "status bar" "No picture: the service is not running"
check "with what can be done" sees label "Start it with"
press "Try Again"
check "trying again tells it again" sees "status bar" "No picture: the service is not running"
check "starting it" press "Start the Service"
check "makes the picture" counted 1 'a-boat-*.png'
check "from the other one" contains "$(find . -name 'a-boat-*.png')" "Denoising strength"
leave
exit "${failed:-0}"
