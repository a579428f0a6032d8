#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A server's key with all that could tell of it recorded: logs, the journal's fields, the bus, command lines, answers; and
# what a dry run shows against what is sent (secrets.py). In namespaces of its own, so that the journal and all
# processes are ours.
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v dbus-run-session dbus-monitor python3 >/dev/null || { echo "no dbus-run-session and dbus-monitor on this machine"; exit 77; }

if [ "${1:-}" != inside ]; then
        own=(-m -p -f --kill-child --mount-proc)
        [ "$(id -u)" -eq 0 ] || own+=(-r)
        unshare "${own[@]}" mount -t tmpfs tmpfs /run 2>/dev/null || { echo "no namespaces are permitted here"; exit 77; }
        exec unshare "${own[@]}" bash "$0" inside
fi
mount -t tmpfs tmpfs /run || exit 1
mkdir -p /run/systemd/journal
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/credentials" "$work/state"
printf 'sk-test-%s\n' "$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$work/credentials/openai"
# What the bus starts has it from here, as systemd gives it.
WORK=$work CREDENTIALS_DIRECTORY=$work/credentials XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work \
        IMAGINED_NET_TEST_WAIT_MS=1 MODEL=tests/fixtures/tiny-model LC_ALL=C.UTF-8 LANGUAGE='' \
        tests/with-service python3 tests/e2e/secrets.py
