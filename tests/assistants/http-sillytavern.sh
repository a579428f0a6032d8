#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagined-http with the real service, asked by SillyTavern. Its hundreds of packages are not fetched here: NODE_PACKAGES
# names a folder in which "npm install sillytavern" was run, and which keeps what it makes of its page at the first start.
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
TAVERN=${NODE_PACKAGES:-}/node_modules/sillytavern
[ -e "$TAVERN/server.js" ] || { echo "no SillyTavern in NODE_PACKAGES"; exit 77; }
BRIDGE=$(realpath "${B:-build}/imagined-http") TAVERN=$TAVERN TAVERN_DATA=$NODE_PACKAGES/tavern-data MODEL=tests/fixtures/tiny-model \
        tests/with-service node "$top/tests/assistants/http-sillytavern.mjs"
