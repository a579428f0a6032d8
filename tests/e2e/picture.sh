#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From the command line to the picture and back, with everything real: a session bus that activates the service through
# the activation file, the engine, the default model.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        pids=$(mktemp)
        trap 'rm -f "$pids"' EXIT
        # The default model would take minutes under the sanitizers.
        PIDS_FILE=$pids MODEL=${SAN:+tests/fixtures/tiny-model} tests/with-service "$0" || exit 1
        # The bus is gone: what was on it goes too.
        while read -r pid; do
                for _ in {1..1200}; do
                        [ -e "/proc/$pid" ] || break
                        sleep 0.1
                done
                if [ -e "/proc/$pid" ]; then echo "not ok - a process outlives the bus"; else echo "ok - the bus ends it"; fi
        done <"$pids"
        exit 0
fi

cd "$IMAGINED_ROOT" || exit 1
mkdir work && cd work || exit 1
prompt="a red fox wearing sunglasses on a skateboard"
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

service() { pgrep -f -x "$IMAGINED_ROOT/.*/imagined --user --config .*"; }
worker() { pgrep -P "$(service)" -f imagined-engine; }

# Activation, a picture, and what stands in it.
check "nothing runs before the first call" fails 5 imagine --user --no-start status
check "the first call starts the service and gets a picture" imagine --user --seed 42 -o full.png "$prompt"
# The bus logs the beginning of the command line of whoever made it start a service.
check "the bus tells its log who started the service" grep -qF 'Activating service' "$IMAGINED_ROOT/log"
check "but nothing of the prompt" fails 1 grep -qF 'red fox' "$IMAGINED_ROOT/log"
check "a PNG of the model's size" test "$(png size full.png)" = \
        "$(imagine --user --json models | field "'{width}x{height}'.format(**o['models'][0])")"
check "that is no plain area" test "$(png colours full.png)" -gt 100
check "the prompt stands in it" contains full.png "$prompt"
for setting in "Seed: 42" "Steps: " "Sampler: " "CFG scale: " "Size: $(png size full.png)"; do
        check "its settings have $setting" contains full.png "$setting"
done

# What it does with paths and seeds, in few steps.
draw() { imagine --user --steps 4 "$@"; }
draw --seed 42 -o fox.png "$prompt"
check "stdout has the path and nothing else" test "$(draw --seed 43 -o other.png "$prompt")" = other.png
check "another seed draws another picture" fails 1 cmp -s fox.png other.png
check "an existing file is not overwritten" fails 1 draw --seed 1 -o fox.png "$prompt"
draw --seed 42 -o - "$prompt" >again.png
check "the same seed gives the same bytes" cmp fox.png again.png
check "the name comes from the prompt and the seed" test "$(draw --seed 42 "$prompt")" = \
        ./a-red-fox-wearing-sunglasses-on-a-skateboard-42.png
check "it is the same picture" cmp fox.png a-red-fox-wearing-sunglasses-on-a-skateboard-42.png
check "the prompt can be left out" draw --no-prompt-metadata --seed 42 -o bare.png "$prompt"
check "it is not in the file then" fails 1 grep -q fox bare.png
check "the seed still is" contains bare.png "Seed: 42"
check "several at once" test "$(draw --count 2 --seed 42 -o both.png "$prompt" | wc -l)" -eq 2
check "the first has the seed itself" cmp fox.png both-1.png
check "the second has the next seed" contains both-2.png "Seed: 43"

# The resident model.
check "the model is resident" test "$(imagine --user --json status | field "o['state']")" = ready
engine=$(worker)
check "it is in a process of its own" test -n "$engine"
check "unload" imagine --user unload
check "ends the process that held it" timeout 60 tail --pid="${engine:-1}" -s 0.1 -f /dev/null
check "and says so" test "$(imagine --user -q status)" = unloaded
check "load brings it back" imagine --user load
check "and says so" test "$(imagine --user -q status)" = ready

# Jobs that go on by themselves.
id=$(imagine --user --detach --json --steps 500 --count 64 "a long one" | field "o['id']")
check "it can be cancelled" imagine --user cancel "$id"
check "who watches it hears of that" fails 4 imagine --user watch "$id"
check "it is cancelled" test "$(imagine --user --json jobs | field "[j['state'] for j in o['jobs'] if j['id'] == $id][0]")" = \
        cancelled
id=$(draw --detach --json --seed 42 "$prompt" | field "o['id']")
check "watched to its end" imagine --user watch "$id"
check "and fetched by another process" imagine --user get "$id" -o detached.png
check "it is the same picture" cmp fox.png detached.png

# What goes wrong is said, and the next job works.
check "an empty prompt draws something" draw --seed 1 -o empty.png ""
check "a prompt of 8 KiB does" draw --seed 1 -o long.png "$(printf 'fox %.0s' {1..2048})"
check "a longer one is refused" fails 2 draw --seed 1 -o longer.png "$(printf 'fox %.0s' {1..2049})"
check "what is not UTF-8 is refused" fails 2 draw --seed 1 -o bytes.png "$(printf 'a \377 fox')"
check "an unknown model is refused" fails 3 draw --model none -o none.png "$prompt"
mkdir killed
imagine --user --steps 500 --count 64 -o killed/ "a long one" >killed.out 2>&1 &
client=$!
drawing() { # waits for a job that is at work in another process than $1
        for _ in {1..1200}; do
                [ "$(worker)" = "$1" ] ||
                        [ "$(imagine --user --json jobs | field "any(j['state'] == 'running' and j['step'] for j in o['jobs'])")" = False ] ||
                        return 0
                sleep 0.1
        done
        return 1
}
check "it is drawn" drawing ""
engine=$(worker)
kill -KILL "$engine"
check "after the engine's death it goes on in another" drawing "$engine"
kill -KILL "$(worker)"
wait $client
status=$?
check "the second death fails the job" test $status -eq 1
check "and is explained" grep -q . killed.out
check "the next job works" draw --seed 42 -o after.png "$prompt"
check "and draws the same" cmp fox.png after.png

models=$(dirname "$(find "$IMAGINED_ROOT" -path '*/models/default')")
cp -r "$models/default" "$models/broken"
weights=$(find "$models/broken/unet" -name '*.safetensors' | head -n 1)
truncate -s 100000 "$weights"
check "a truncated model is refused" fails 1 draw --model broken -o broken.png "$prompt"
check "the next job works" draw --model default --seed 42 -o next.png "$prompt"
check "and draws the same" cmp fox.png next.png

# The example of the manual.
check "the example compiles" "${CC:-gcc}" -Wall -Werror -o example "$top/docs/example.c" -lsystemd
check "and gets a picture" ./example "$prompt" example.png
check "which is the same" cmp full.png example.png

check "nothing was said that a sanitizer says" fails 1 grep -E 'Sanitizer|runtime error:' "$IMAGINED_ROOT/log"
service >>"$PIDS_FILE"
worker >>"$PIDS_FILE"
if [ -n "$failed" ]; then
        echo "---- the bus and the service"
        cat "$IMAGINED_ROOT/log"
fi
