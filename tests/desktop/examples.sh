#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The examples for authors of apps, each run as the page says.
# shellcheck disable=SC2016,SC1111 # names and prompts that look like commands
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
mkdir "$IMAGINED_ROOT/work" && cd "$IMAGINED_ROOT/work" || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
prompt='a "red" fox $(touch pwned)'
imagine --user --quiet --seed 42 -o expected.png "$prompt" >/dev/null

example() { # WHAT NEEDS… -- COMMAND…: makes the expected picture, refuses to overwrite it, and says what is wrong
        local what=$1 file
        shift
        while [ "$1" != -- ]; do
                if ! "$1"; then
                        echo "ok - $what # skip what it needs is missing: $1"
                        return
                fi
                shift
        done
        shift
        file=${what##* }.png
        check "$what draws" timeout 120 "$@" "$prompt" "$file"
        check "$what has the same picture" cmp expected.png "$file"
        check "$what overwrites nothing" fails 1 timeout 120 "$@" "$prompt" "$file"
        check "which is as it was" cmp expected.png "$file"
        check "$what says how it is used" test "$(timeout 120 "$@" 2>&1 | grep -c usage)" = 1
}
has_gi() {
        /usr/bin/python3 -c 'import gi' 2>/dev/null
}
has_gjs() {
        command -v gjs >/dev/null
}
has_busctl() {
        command -v busctl >/dev/null
}
has_compiler() {
        "${CC:-gcc}" -Wall -Wextra -Werror -o example "$top/docs/example.c" -lsystemd
}
example "the example in C" has_compiler -- ./example
example "the example in Python" has_gi -- /usr/bin/python3 "$top/docs/example.py"
example "the example in JavaScript" has_gjs -- gjs -m "$top/docs/example.js"
example "the example in shell" has_busctl -- "$top/docs/example.sh"

# In a sandbox: its bus lets through what the Flatpak's permission names, and nothing else.
has_proxy() {
        command -v xdg-dbus-proxy >/dev/null
}
if has_proxy; then
        mkfifo ready
        exec 4<>ready # the proxy ends when nobody reads
        xdg-dbus-proxy --fd=3 "$DBUS_SESSION_BUS_ADDRESS" "$PWD/bus" --filter --talk=org.imagined.Imagine1 3>ready 4>&- &
        proxy=$!
        head -c 1 <&4 >/dev/null
fi
example "the example in Python in a sandbox" has_gi has_proxy -- \
        env DBUS_SESSION_BUS_ADDRESS="unix:path=$PWD/bus" /usr/bin/python3 "$top/docs/example.py"
[ -z "${proxy:-}" ] || kill "$proxy"
check "no prompt was a command" test ! -e pwned
