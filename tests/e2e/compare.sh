#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine compare, import and providers, with servers that are played here and the resident model.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

if [ -z "${IMAGINED_ROOT:-}" ]; then
        work=$(mktemp -d)
        python3 tests/net/fake-server "$work" &
        server=$!
        trap 'kill "$server"; rm -rf "$work"' EXIT
        export WORK=$work XDG_STATE_HOME=$work/state IMAGINED_NET_TEST_WAIT_MS=1 MODEL=tests/fixtures/tiny-model LC_ALL=C.UTF-8 LANGUAGE='' TZ=UTC
        tests/with-service "$top/tests/e2e/compare.sh"
        exit $?
fi
export XDG_DATA_HOME=$IMAGINED_ROOT/data # where the service has them, too
cd "$WORK" || exit 1
for _ in $(seq 600); do
        [ ! -s port ] || break
        sleep 0.05
done
url="http://127.1:$(cat port)"
cat >>"$IMAGINED_ROOT/imagined.conf" <<END
provider_tables = [];
servers = ( { name = "good"; dialect = "openai-images"; url = "$url/ok/v1"; model = "gpt-image-1"; price = 0.04; },
            { name = "refusing"; dialect = "openai-images"; url = "$url/401/v1"; model = "gpt-image-1"; price = 0.02; },
            { name = "strange"; dialect = "openai-images"; url = "$url/ok/v1"; model = "gpt-image-1"; } );
END
compare() { imagine compare --quiet --size 64x64 "$@"; }
was_asked() { [ -s requests ]; }

check "nobody is ready before there is consent" test "$(imagine providers --json | field "[(p['name'], p['consent']) for p in o['providers']]")" = \
        "[('local', True), ('good', False), ('refusing', False), ('strange', False)]"
imagine consent grant good --quiet && imagine consent grant refusing --quiet
check "who consented to is asked" test "$(imagine providers --check --json | field "[p.get('ready') for p in o['providers']][1:]")" = "[True, False, None]"
: >requests

check "a comparison needs providers" says "needs --providers" imagine compare "a fox"
touch there.html
check "it does not go over a file" fails 1 compare --providers local,good -o there.html "a fox"
check "nor into a folder that is not there" fails 1 compare --providers local,good -o nowhere/sheet.html "a fox"
check "nor to standard output" fails 2 compare --providers local,good -o - "a fox"
check "and then nobody is asked, or paid" fails 1 was_asked
check "nor is anything written" test ! -s there.html
check "it goes beside the others" test "$(compare --providers local,good,refusing,strange "a <b>red</b> fox")" = ./compare-a-b-red-b-fox.html
check "or into a folder" test "$(mkdir -p folder && compare --providers good -o folder "a fox")" = folder/compare-a-fox.html
check "and once more under another name" test "$(compare --providers good -o folder/ "a fox")" = folder/compare-a-fox-2.html
check "over a file that may be replaced" test "$(compare --providers good -f -o there.html "a fox")" = there.html
sheet=compare-a-b-red-b-fox.html
check "two have drawn" test "$(grep -c '^<img ' $sheet)" = 2
check "one says why it has not" grep -q '<td>.*wants a key' $sheet
check "one was not asked" grep -q '<td>.*imagine consent grant strange' $sheet
check "words are no markup" fails 1 grep -q '<b>' $sheet
check "all of it is in the page" fails 1 grep -qE '(src|href)="[^d]' $sheet
check "programs are told" test "$(compare --providers good,refusing --json "a fox" | field "([(r['provider'], r['done']) for r in o['results']], o['path'])")" = \
        "([('good', True), ('refusing', False)], './compare-a-fox.html')"
check "when none can, it fails" fails 1 compare --providers refusing,strange "nobody"
check "and there is no page" test ! -e compare-nobody.html

check "what was drawn elsewhere needs a name" says "who has drawn it" imagine import "$top/tests/fixtures/pictures/rgb.png"
imagine import --quiet --provider strange --prompt "a test pattern" -o taken.png "$top/tests/fixtures/pictures/rgb.png" >/dev/null
check "it is taken in" test "$(imagine licence --json taken.png | field "(o['pictures'][0]['source'], o['pictures'][0]['provider'])")" = "('record', 'strange')"
check "a text is not" fails 2 imagine import --quiet --provider strange "$top/README.md"
python3 - >largest.png <<'END'
import struct, sys, zlib
def chunk(name, data): return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
rows = (b"\0" + b"\x40\x80\xc0" * 8192) * 4096
sys.stdout.buffer.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8192, 4096, 8, 2, 0, 0, 0)) +
                        chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))
END
check "the largest that is read is finished" imagine import --quiet --provider strange --prompt "a blue wall" -o largest-taken.png largest.png

# What a name has in it that a terminal would obey.
cp taken.png $'\e[31mred.png'
check "a file's name is shown, not obeyed: licence" fails 1 grep -q $'\e' <(imagine licence $'\e[31mred.png')
check "a file's name is shown, not obeyed: check" fails 1 grep -q $'\e' <(imagine check $'\e[31mred.png')
[ -z "$failed" ]
