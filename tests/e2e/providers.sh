#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every dialect from the command line to the file, with the real service and its workers, and servers that are played here
# (providers.py).
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v dbus-run-session python3 >/dev/null || { echo "no dbus-run-session on this machine"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/state"
BRIDGE=$(realpath "${B:-build}/imagined-http") WORK=$work XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work IMAGINED_NET_TEST_WAIT_MS=1 MODEL=tests/fixtures/tiny-model \
        LC_ALL=C.UTF-8 LANGUAGE='' PYTHONDONTWRITEBYTECODE=1 tests/with-service python3 tests/e2e/providers.py
