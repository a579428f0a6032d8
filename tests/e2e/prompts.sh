#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From a short idea to a full prompt and to a picture: the client, the service, the generator and the words of the default
# model, all real.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir work && cd work || exit 1
export XDG_CONFIG_HOME=$PWD/config
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

json() { # FILE EXPRESSION: of the object o
        python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
same() { # FILE FILE
        cmp "$1" "$2" && [ -s "$1" ]
}

imagine --user enhance --seed 7 "a red fox" >one 2>said
imagine --user enhance --seed 7 "a red fox" >two 2>/dev/null
check "the same seed gives the same prompt" same one two
check "the idea is its beginning" grep -q '^a red fox.*, .*, .*, .*, ' one
check "what the model is told is said" grep -q '^For the model: a red fox' said
check "standard output has the prompt alone" test "$(wc -l <one)" = 1
imagine --user enhance --seed 7 --count 3 -q "a red fox" >three 2>said
check "variations" test "$(sort -u three | wc -l)" = 3
check "with --quiet nothing else is said" test ! -s said

imagine --user enhance --json --seed 3 "a fox in the snow, medium shot" >a.json
check "fields" test "$(json a.json 'o["prompts"][0]["fields"]["subject"]')" = "a fox"
check "refines an earlier prompt" sh -c 'imagine --user enhance --json --earlier a.json --refine "closer, without people" >b.json'
check "closer" test "$(json b.json 'o["prompts"][0]["fields"]["composition"]')" = "close view"
check "what should not be there is the negative prompt" test "$(json b.json 'o["prompts"][0]["negative"]')" = people
check "the lineage is kept" test "$(json b.json 'o["prompts"][0]["lineage"][0], o["prompts"][0]["lineage"][2]')" = \
        "('a fox in the snow, medium shot', 'closer, without people')"
check "from standard input, too" sh -c 'imagine --user enhance -q --earlier - --refine warmer <b.json'
check "a file that is no such thing is refused" fails 1 imagine --user enhance --earlier one --refine warmer

check "a template's field" tells "an owl on a beach" imagine --user enhance --template scene --field "place=on a beach" "an owl"
check "what a template needs is said" says "needs the field place" imagine --user enhance --template scene "an owl"
check "a profile" tells "storybook illustration" imagine --user enhance --profile storybook "an owl"
check "an unknown profile is refused" says "none called nothing" imagine --user enhance --profile nothing "an owl"
check "an engine that is not there is refused" says engine imagine --user enhance --engine oracle "an owl"
check "words that are not known are pointed out" tells '"cottage" is drawn like: house' imagine --user enhance "a cottage"

if [ -d "$IMAGINED_ROOT${PREFIX:-/usr/local}/share/locale/de" ]; then
        german() { LC_ALL=C.UTF-8 LANGUAGE=de TEXTDOMAINDIR=$IMAGINED_ROOT${PREFIX:-/usr/local}/share/locale imagine --user enhance "$@"; }
        check "and in the user's language" tells '»cottage« wird gezeichnet wie: house' german "a cottage"
        check "an instruction that is not understood, too" tells '»xyzzy« wird nicht verstanden' german --refine xyzzy "an owl"
fi
imagine --user enhance --json "a cottage" >r.json
check "programs get them in parts" test "$(json r.json '[(n["kind"], n["word"], n["near"]) for n in o["prompts"][0]["remarks"]]')" = "[('like', 'cottage', 'house')]"

check "templates are listed" tells property-plan imagine templates
# shellcheck disable=SC2016
check "a profile is printed as the file that it is" sh -c 'imagine -q profiles storybook | cmp - "$IMAGINED_PROMPTS/profiles/storybook.conf"'
check "purposes, for programs" sh -c 'imagine purposes --json >p.json'
check "with their fields" test "$(json p.json '[p["prompt"]["style"] for p in o["purposes"] if p["name"] == "icon"][0]')" = "flat vector illustration"
check "what is not there is refused" fails 1 imagine templates nothing

mkdir -p own/profiles
printf 'title = "mine";\ncolour = "red";\n' >own/profiles/mine.conf
# shellcheck disable=SC2016
check "faults are told with their line" sh -c 'IMAGINED_PROMPTS=$PWD/own imagine profiles 2>&1 | grep -q "mine.conf:2: colour is no key"'
check "and fail" fails 1 env IMAGINED_PROMPTS="$PWD/own" imagine profiles

check "a good prompt" tells "Nothing is wrong" imagine --user check-prompt "a red fox on a beach"
check "two styles" tells "are two of the same kind" imagine --user check-prompt "a fox, oil painting, pencil drawing"
check "counts" tells 'cannot count to "seven"' imagine --user check-prompt "seven pigs"
check "unknown words" tells '"foxx" is not among' imagine --user check-prompt "a foxx"
check "no subject" tells "nothing is named" imagine --user check-prompt "red"

check "what would be drawn" tells "an owl" imagine --user generate --enhance --prompt-only --seed 1 "an owl"
check "is not drawn" test ! -e an-owl-1.png
if [ -z "${SAN:-}" ]; then # the default model would take minutes
        check "a picture of it" imagine --user generate --enhance --seed 1 --steps 2 --size 64x64 -o owl.png "a majestic owl"
        check "made from the model's words" sh -c 'imagine show owl.png | grep -q "^an owl"'
        check "named after the idea" sh -c 'imagine --user -q generate --enhance --seed 1 --steps 1 --size 64x64 "a majestic owl" | grep -q a-majestic-owl-1.png'
        check "a profile's seed is the picture's" sh -c 'imagine --user --json generate --enhance --profile blueprint --steps 1 --size 64x64 "an owl" >c.json'
        check "as it says" test "$(json c.json 'o["seed"], o["enhanced"]["profile"]')" = "(7, 'blueprint')"
fi
check "options of prompts need --enhance" says "needs --enhance" imagine --user --profile storybook "an owl"
check "and those of servers" says "--server needs --enhance" imagine --user --server ok "an owl"
check "a dry run of the resident model has nothing to show" says "nothing would be sent" imagine --user --dry-run "an owl"
check "which goes with a chat server" says "they go with the engine chat" imagine --user --enhance --dry-run "an owl"
check "nothing of it is in the log" fails 1 grep -q owl "$IMAGINED_ROOT/log"
[ -z "$failed" ]
