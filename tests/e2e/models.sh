#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The installed model, its SHA256SUMS and its digest, with the real service and engine.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ -z "${IMAGINED_ROOT:-}" ]; then
        exec env CACHE_DIRECTORY="$(mktemp -d)" MODEL=${SAN:+tests/fixtures/tiny-model} tests/with-service "$0"
fi
trap 'rm -rf "$CACHE_DIRECTORY"' EXIT

models=$(dirname "$(dirname "$(find "$IMAGINED_ROOT" -path '*/models/default/model_index.json')")")
top=$PWD
# shellcheck source=tests/e2e/checks.bash
. tests/e2e/checks.bash

detail() { # MODEL KEY: of imagine models
        imagine --user models --json | python3 -c "
import json, sys
print({m['name']: m for m in json.load(sys.stdin)['models']}.get('$1', {}).get('$2', ''))"
}
becomes() { # MODEL STATE
        for _ in {1..1200}; do
                [ "$(detail "$1" digest-state)" = "$2" ] && return
                sleep 0.1
        done
        imagine --user models
        return 1
}
refused() { # COMMAND…
        local output
        output=$("$@" 2>&1) && return 1
        echo "$output"
        [[ $output == *vae/config.json* && $output == *SHA256SUMS* ]]
}

if [ ! -e "$models/default/SHA256SUMS" ]; then # the tiny model has none
        (cd "$models/default" && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >../sums && mv ../sums SHA256SUMS)
fi
check "what was installed is as its SHA256SUMS says" sh -c "cd '$models/default' && sha256sum --quiet --strict -c SHA256SUMS"
cp -R "$models/default" "$models/changed"
echo >>"$models/changed/vae/config.json"
cp -R "$models/changed" "$models/unlisted"
rm "$models/unlisted/SHA256SUMS"

check "the model is verified in the background" becomes default verified
check "its digest is that of its SHA256SUMS" test "$(detail default digest)" = \
        "$(sha256sum "$models/default/SHA256SUMS" | cut -c 1-64)"
check "a changed one is reported" becomes changed mismatch
check "one without a list has a digest" becomes unlisted unlisted
check "both changed ones have the same" test "$(detail changed digest)" = "$(detail unlisted digest)"
# As imagined(8) has it.
check "which the commands of the man page print" test "$(detail unlisted digest)" = "$(cd "$models/unlisted" &&
        find -L . -name '.?*' -prune -o -type f ! -name SHA256SUMS -printf '%P\n' |
        LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | cut -c 1-64)"
check "the changed one is not loaded" refused imagine --user load changed
check "nor drawn with" refused imagine --user --model changed fox
check "the one without a list is" imagine --user load unlisted
check "and so is the verified one" imagine --user load default
check "digests are remembered" grep -q "$(detail default digest)" "$CACHE_DIRECTORY/digests.json"
[ -z "$failed" ]
