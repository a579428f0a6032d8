#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What systemd-analyze says of the units, without a running systemd.
set -u
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build} PREFIX=${PREFIX:-/usr/local} SAN=${SAN:-}
command -v systemd-analyze >/dev/null || { echo "no systemd-analyze on this machine"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR=$work

check() { # WHAT COMMAND…
        local what=$1
        shift
        if "$@" >"$work/output" 2>&1; then
                echo "ok - $what"
        else
                echo "not ok - $what"
                cat "$work/output"
        fi
}

# Ten times the exposure, as systemd 252 counts: 1.5 was asked for, 0.3 is reached.
make -s B="$B" PREFIX="$PREFIX" "$B/systemd/imagined.service" "$B/systemd/user/imagined.service" \
        "$B/systemd/user/imagined-net@.service" "$B/systemd/user/imagined-http.service"
check "the system's unit is confined" \
        systemd-analyze security --offline=true --threshold=6 --no-pager "$B/systemd/imagined.service"

# 6.2: see docs/admin.md for what an unprivileged manager cannot take away, and what is kept on purpose.
check "the user's unit is confined as far as a user's manager can" \
        systemd-analyze security --user --offline=true --threshold=62 --no-pager "$B/systemd/user/imagined.service"

check "the network worker's unit is confined as far as a user's manager can" \
        systemd-analyze security --user --offline=true --threshold=56 --no-pager "$B/systemd/user/imagined-net@.service"

check "the HTTP bridge's unit, too" \
        systemd-analyze security --user --offline=true --threshold=53 --no-pager "$B/systemd/user/imagined-http.service"

# verify wants the program to be where the unit says.
make -s B="$work/b" BINDIR="$(realpath "$B")" LIBEXECDIR="$(realpath "$B")" "$work/b/systemd/imagined.service" \
        "$work/b/systemd/user/imagined.service" "$work/b/systemd/user/imagined-net@.service" "$work/b/systemd/user/imagined-http.service"
cp systemd/user/imagined-net.socket systemd/user/imagined-http.socket "$work/b/systemd/user/"
silent() { # COMMAND…
        "$@" 2>&1 | tee "$work/said"
        [ "${PIPESTATUS[0]}" -eq 0 ] && [ ! -s "$work/said" ]
}
check "the system's unit is sound" silent systemd-analyze verify --man=no "$work/b/systemd/imagined.service"
check "the user's units are sound" silent systemd-analyze verify --man=no --user "$work/b/systemd/user/imagined.service" \
        "$work/b/systemd/user/imagined-net.socket" "$work/b/systemd/user/imagined-net@.service" \
        "$work/b/systemd/user/imagined-http.socket" "$work/b/systemd/user/imagined-http.service"
