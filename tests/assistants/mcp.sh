#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine mcp with the real service, driven by a client of our own in both eras of the protocol (mcp.py).
cd "$(dirname "$0")/../.." || exit 1
MODEL=tests/fixtures/tiny-model exec tests/with-service python3 tests/assistants/mcp.py
