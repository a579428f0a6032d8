#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagined-http with the real service, asked by programs that mean well and by others (bridge.py).
cd "$(dirname "$0")/../.." || exit 1
command -v curl >/dev/null || { echo "no curl on this machine"; exit 77; }
BRIDGE=$(realpath "${B:-build}/imagined-http") MODEL=tests/fixtures/tiny-model exec tests/with-service python3 tests/assistants/bridge.py
