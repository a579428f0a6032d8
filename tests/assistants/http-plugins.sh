#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagined-http with the real service, asked as Open WebUI and plug-ins for Krita and GIMP ask it (http-plugins.py).
cd "$(dirname "$0")/../.." || exit 1
BRIDGE=$(realpath "${B:-build}/imagined-http") MODEL=tests/fixtures/tiny-model PYTHONPATH=$PWD/tests/e2e \
        exec tests/with-service python3 "$PWD/tests/assistants/http-plugins.py"
