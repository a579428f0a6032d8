#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagined-http with the real service, asked by OpenAI's official client.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/assistants/node.bash
. tests/assistants/node.bash
node_packages openai
cp tests/assistants/http-openai.mjs "$packages/"
BRIDGE=$(realpath "${B:-build}/imagined-http") MODEL=tests/fixtures/tiny-model tests/with-service node "$packages/http-openai.mjs"
