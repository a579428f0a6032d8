#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# KRunner's and GNOME Shell's questions, method by method as they ask: nothing is made before a result is chosen, and no
# prompt is ever a command.
# shellcheck disable=SC2016,SC1111 # names and prompts that look like commands
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        command -v busctl >/dev/null || { echo "there is no busctl"; exit 77; }
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
export HOME=$IMAGINED_ROOT/home
mkdir -p home && cd home || exit 1
# The launcher has the environment of the bus.
dbus-update-activation-environment HOME="$HOME" PATH="$PATH" 2>/dev/null
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

call() { # INTERFACE METHOD SIGNATURE ARGUMENTS…
        busctl --user --json=short call -- org.imagined.Imagine.Launcher /org/imagined/Imagine/Launcher "$@"
}
krunner() {
        call org.kde.krunner1 "$@"
}
search() {
        call org.gnome.Shell.SearchProvider2 "$@"
}
jobs_made() {
        imagine --user --json jobs | field "len(o['jobs'])"
}
drawn() { # PROMPT: a picture of it comes in the end
        local file
        for _ in {1..900}; do
                for file in "$HOME"/Imagine/*.png; do
                        [ -e "$file" ] && imagine --json show -- "$file" 2>/dev/null |
                                field "o['pictures'][0]['prompt']" 2>/dev/null | grep -qFx -e "$1" && return
                done
                sleep 0.1
        done
        ls -la "$HOME/Imagine"
        return 1
}
odd='a fox $(touch pwned) `touch pwned` %f "quoted" --count 9 -ä'

# KRunner.
check "Match offers one result" test "$(krunner Match s "imagine a red fox" | field "[m[0] for m in o['data'][0]]")" = "['a red fox']"
check "with a text and an icon" test "$(krunner Match s "imagine a red fox" | field "o['data'][0][0][1:4]")" = \
        "['Make a picture of “a red fox”', 'org.imagined.Imagine', 100]"
for query in "" "imagine" "imagine " "imaginea fox" "a red fox" "fox imagine"; do
        check "nothing for '$query'" test "$(krunner Match s "$query" | field "o['data'][0]")" = "[]"
done
for length in 1 9 10 14; do
        check "each key of a word is a question" krunner Match s "$(head -c "$length" <<<"imagine a red fox")"
done
# What is shown of it ends with a whole letter, wherever it has to end: the bus takes no other text.
for start in "" x xx; do
        long=$start$(printf '日%.0s' {1..200})
        check "a long prompt${start:+ after $start}" test "$(krunner Match s "imagine $long" | field "o['data'][0][0][0]")" = "$long"
done
check "there are no actions" test "$(krunner Actions | field "o['data'][0]")" = "[]"
check "Teardown is understood" krunner Teardown
check "no job was made by asking" test "$(jobs_made)" = 0
check "Run" krunner Run ss "$odd" ""
check "makes the picture" drawn "$odd"
check "one job" test "$(jobs_made)" -le 1

# GNOME Shell.
check "a search" test "$(search GetInitialResultSet as 4 imagine a red fox | field "o['data'][0]")" = "['a red fox']"
check "goes on" test "$(search GetSubsearchResultSet asas 1 "a red fox" 5 imagine a red fox jumps | field "o['data'][0]")" = \
        "['a red fox jumps']"
check "and finds nothing else" test "$(search GetInitialResultSet as 2 red fox | field "o['data'][0]")" = "[]"
check "what the result is" test "$(search GetResultMetas as 1 "a red fox" | field "o['data'][0][0]['name']['data']")" = "a red fox"
before=$(find "$HOME/Imagine" -name '*.png' | wc -l)
check "nothing was made by searching" test "$before" = 1
check "ActivateResult" search ActivateResult sasu "-n a lighthouse" 3 imagine a lighthouse 0
check "makes the picture" drawn "-n a lighthouse"

check "no prompt was a command" test -z "$(find "$IMAGINED_ROOT" -name pwned)"
