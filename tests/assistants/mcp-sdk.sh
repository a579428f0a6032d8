#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine mcp with the real service, driven by the official TypeScript SDKs: version 1 speaks the legacy era, version 2 both.
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/assistants/node.bash
. tests/assistants/node.bash
node_packages @modelcontextprotocol/sdk@1 @modelcontextprotocol/client@2
cp "$top"/tests/assistants/mcp-sdk.mjs "$packages/"
MODEL=tests/fixtures/tiny-model tests/with-service node "$packages/mcp-sdk.mjs"
