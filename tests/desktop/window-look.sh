#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the prompt window looks like: light, dark, and at 200 %.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
screen_size=1000x1200
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"

# Dark where the desktop is, and light again when it changes its mind.
brighter() { [ "$(screen at 4 300)" -gt 150 ]; }
darker() { [ "$(screen at 4 300)" -lt 100 ]; }
ask --user --folder . --prompt "a moon"
check "light without a portal" eventually brighter
cp "$IMAGINED_ROOT/screen/Xvfb_screen0" once
leave
/usr/bin/python3 -m dbusmock --session org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop \
        org.freedesktop.portal.Settings >/dev/null &
pids+=($!)
portal_process=$!
eventually has_name org.freedesktop.portal.Desktop
portal() { # METHOD SIGNATURE ARGUMENTS…
        busctl --user call org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop org.freedesktop.DBus.Mock "$@" >/dev/null
}
portal AddMethod sssss org.freedesktop.portal.Settings Read ss v 'ret = dbus.UInt32(1, variant_level=1)'
ask --user --folder . --prompt "a moon"
check "dark where the desktop is" eventually darker
portal EmitSignal sssav org.freedesktop.portal.Settings SettingChanged ssv 3 s org.freedesktop.appearance s color-scheme u 2
check "light when that changes" eventually brighter
leave
kill "$portal_process"

# At 200 % everything is where it was, and twice as large.
GDK_SCALE=2 ask --user --folder . --prompt "a moon"
check "at 200 % it looks the same" eventually screen twice once 480 560
leave
exit "${failed:-0}"
