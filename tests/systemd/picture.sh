#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The shipped unit, policy, activation file and sysusers file under a real systemd, which runs as process 1 of its own
# namespaces with the installed files laid over the machine's: a caller of another uid activates the service and gets a
# picture, made under all of the unit's filters. Nothing of the machine is changed.
#
#     inside    lays the files out and becomes systemd
#     session   what is done and looked at on the booted system; its lines are the test's result
#     session-net   the part of it that asks a server through the network worker's socket and unit; session-providers: and
#                   has pictures drawn there
#     session-http  another one, that has the HTTP bridge's units at work
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build} PREFIX=${PREFIX:-/usr/local} SAN=${SAN:-}
here=$PWD/tests/systemd

skip() {
        echo "$*"
        exit 77
}
[ -z "${SAN:-}" ] || skip "the sanitizers do not run under the unit's filters"
[ "$(id -u)" -eq 0 ] || skip "not root"
[ -x /lib/systemd/systemd ] || skip "no systemd on this machine"
[ -e /usr/lib/systemd/system/dbus.service ] || skip "no dbus.service on this machine"
unshare -m -C -p -f -u -n -i --kill-child --mount-proc true 2>/dev/null || skip "no namespaces are permitted here"

work=$(mktemp -d)
cgroup=
cleanup() {
        if [ -n "$cgroup" ]; then
                # Out of it ourselves, then away with what systemd left.
                echo $$ >"${cgroup%/*}/cgroup.procs"
                find "$cgroup" -depth -type d -exec rmdir {} +
        fi
        rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

make -s B="$B" PREFIX="$PREFIX" DESTDIR="$work/root" DBUSPOLICYDIR=/usr/share/dbus-1/system.d install || exit 1

# A cgroup for the whole, so that systemd finds itself at the root of a hierarchy.
if [ -d /sys/fs/cgroup/systemd ]; then
        cgroup=/sys/fs/cgroup/systemd/imagined-test.$$
else
        cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
        cgroup=${cgroup%/}/imagined-test.$$
fi
mkdir "$cgroup" 2>/dev/null || { cgroup=; skip "no cgroup can be made here"; }
echo $$ >"$cgroup/cgroup.procs" || exit 1

# script gives it a terminal, its console.
timeout -k 5 200 script -qefc "unshare -m -C -p -f -u -n -i --kill-child --mount-proc bash '$here/inside' '$work'" \
        "$work/console" >/dev/null 2>&1
if [ ! -e "$work/output/result" ]; then
        cat "$work/console"
        if [ -e "$work/unable" ]; then
                skip "$(cat "$work/unable")"
        fi
        echo "not ok - systemd boots"
        exit 1
fi
cat "$work/output/result"
if ! grep -q '^done$' "$work/output/result" || grep -q '^not ok' "$work/output/result"; then
        echo "---- console"
        tail -n 60 "$work/console"
        echo "---- the service"
        cat "$work/output/imagined.log"
        exit 1
fi
