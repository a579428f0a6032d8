#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pictures and their records: history, search, show, tag, rm, forget, log, on a session bus of their own.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
# shellcheck source=tests/e2e/checks.bash
. tests/e2e/checks.bash

if [ -z "${IMAGINED_ROOT:-}" ]; then
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        export WORK=$work MODEL=tests/fixtures/tiny-model LC_ALL=C.UTF-8 TZ=UTC LANGUAGE=''
        B=$B tests/with-service bash "$PWD/tests/e2e/records.sh"
        exit $?
fi
top=$PWD
export XDG_DATA_HOME=$IMAGINED_ROOT/data # where the service has them, too
cd "$WORK" || exit 1

json() { # EXPRESSION, of r, with JSON on standard input
        python3 -c "import json, sys; r = json.load(sys.stdin); print($1)"
}

check "without records there is a word of regret" test "$(imagine history 2>&1 | grep -c 'no records of pictures yet')" = 1
imagine --quiet --seed 7 --steps 2 -o fox.png "a red fox" >/dev/null
imagine --quiet --seed 9 --steps 2 -o wolf.png --negative "snow" "a grey wolf" >/dev/null
id=$(imagine history --quiet | tail -n 1)
wolf=$(imagine history --quiet --limit 1)
check "two pictures are on record" test "$(imagine history --quiet | wc -l)" = 2
check "the newest comes first" test "$(imagine history --json | json 'r["records"][0]["prompt"]')" = "a grey wolf"
check "a list has the words" grep -q "$id .* a red fox" <(imagine history)
check "search finds words" test "$(imagine search --quiet fox)" = "$id"
check "all of them" test "$(imagine search --quiet fox wolf | wc -l)" = 0
check "by date" test "$(imagine search --quiet --since 1h | wc -l) $(imagine search --quiet --until 1h 2>/dev/null | wc -l)" = "2 0"
check "a wrong date is refused" test "$(imagine history --since soon >/dev/null 2>&1; echo $?)" = 2
check "a wrong state is refused" test "$(imagine history --state fine >/dev/null 2>&1; echo $?)" = 2
check "show takes the beginning of an id" grep -q '^prompt  *a red fox$' <(imagine show "${id:0:6}")
check "it knows where the picture is" grep -q "^files  *$WORK/fox.png$" <(imagine show "$id")
for _ in $(seq 600); do # it is computed when nothing else is to be done
        imagine show "$id" | grep -q '^digest of the model' && break
        sleep 0.05
done
check "and the model's digest" grep -qE '^digest of the model +[0-9a-f]{64}$' <(imagine show "$id")
check "and each file's" test "$(imagine show "$id" | sed -n 's/^file of the model  *//p' | sort)" = \
        "$(cd "$XDG_DATA_DIRS/imagined/models/default" && find . -type f -printf '%P\n' | xargs sha256sum | sort)"
check "the tokenizer is known apart, for it may be another model's" test \
        "$(imagine show "$id" --json | json 'r["pictures"][0]["record"]["made_with"]["tokenizer"]')" = \
        "$(cd "$XDG_DATA_DIRS/imagined/models/default/tokenizer" && sha256sum merges.txt vocab.json | sha256sum | cut -d ' ' -f 1)"
check "and the service tells of them, too" test "$(imagine models --json | json 'r["models"][0]["files"]')" = \
        "$(imagine show "$id" --json | json 'r["pictures"][0]["record"]["model_files"]')"
check "the pixels' digest is that of the file" python3 - fox.png "$(imagine show "$id" --json | json 'r["pictures"][0]["record"]["pixels"]')" <<'END'
import hashlib, sys, zlib
data, at, image = open(sys.argv[1], 'rb').read(), 8, b''
width, height = int.from_bytes(data[16:20], 'big'), int.from_bytes(data[20:24], 'big')
while at < len(data):
    size = int.from_bytes(data[at:at + 4], 'big')
    if data[at + 4:at + 8] == b'IDAT':
        image += data[at + 8:at + 8 + size]
    at += size + 12
raw, rgb, before, stride = zlib.decompress(image), b'', bytes(3 * width), 3 * width
for y in range(height):
    kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
    for x in range(stride):
        a, b, c = line[x - 3] if x >= 3 else 0, before[x], before[x - 3] if x >= 3 else 0
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[x] = (line[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
    rgb += line
    before = line
sys.exit(hashlib.sha256(rgb).hexdigest() != sys.argv[2])
END
check "show of a file has its record" test "$(imagine show fox.png --json | json 'r["pictures"][0]["record"]["id"]')" = "$id"
cp fox.png copy.png
check "a copy is known by its pixels" test "$(imagine show copy.png --json | json 'r["pictures"][0]["record"]["id"]')" = "$id"
cp wolf.png fox.png
check "what was put in its place is told apart" test "$(imagine show fox.png --json | json 'r["pictures"][0]["record"]["prompt"]')" = "a grey wolf"
check "and stays when the record goes with its files" grep -q 'another picture by now' <(imagine rm --only-files "$id" 2>&1)
cp copy.png fox.png

imagine tag "$id" animal "red thing" && imagine tag fox.png animal
check "tags are kept once" test "$(imagine show "$id" --json | json 'r["pictures"][0]["record"]["tags"]')" = "['animal', 'red thing']"
check "and found" test "$(imagine history --tag animal --quiet) $(imagine search thing --quiet)" = "$id $id"
imagine tag --remove "$id" animal
check "and taken away" test "$(imagine history --tag animal --quiet)" = ""
check "a tag that is no text" says "not valid UTF-8" imagine tag "$id" $'\xff'

imagine remake --quiet --verify -o again.png "$id" >/dev/null
check "made again it is the same" test "$(imagine remake --verify --json -o again2.png fox.png | json 'r["same"], r["differences"]')" = "True {}"
check "its record is linked" test "$(imagine history --limit 1 --json | json 'r["records"][0]["parent"] + r["records"][0]["relation"]')" = "${id}remake"
tells_why() { # WHICH OPTION VALUE: exit status 1, and what differs
        local said
        said=$(imagine remake --verify -f -o other.png "$@" 2>&1 >/dev/null)
        [ $? -eq 1 ] && grep -q "^${2#--} was 7, and is 8$" <<<"$said"
}
check "with another seed it is another one, and that is said" tells_why "$id" --seed 8
model=$XDG_DATA_DIRS/imagined/models/default
cp "$model/vae/config.json" vae.json
imagine unload --quiet
sed -i 's/0.18215/0.25/' "$model/vae/config.json"
imagine remake --verify --json -f -o other.png "$id" >differs.json 2>/dev/null
check "with another file in the model the pixels differ" test "$(json 'r["same"]' <differs.json)" = False
check "and it is said which" test "$(json 'sorted(r["differences"])' <differs.json)" = "['model_digest', 'vae/config.json']"
imagine unload --quiet
cp vae.json "$model/vae/config.json"
check "in another size, with the rest as it was" test "$(imagine remake --json --size 64x32 -o wide.png "$id" | json '[r[k] for k in ("width", "height", "seed", "steps")]')" = "[64, 32, 7, 2]"
XDG_DATA_HOME=$WORK/none imagine remake --verify --quiet -o byfile.png copy.png >/dev/null
check "a file says enough without a record" test $? = 0
imagine --quiet --from fox.png --strength 0.5 --seed 3 --steps 4 -o from.png "a blue fox" >/dev/null
check "one of another picture finds that one" imagine remake --verify --quiet -o from2.png from.png
mv fox.png away.png
check "or says that it is gone" test "$(imagine remake -o from3.png from.png 2>&1 | grep -c -e '--from says where')" = 1
check "and takes it from elsewhere" imagine remake --verify --quiet --from away.png -o from4.png from.png
cp "$top/tests/fixtures/pictures/rgb.png" fox.png
check "nor is another picture taken that is there by now" test "$(imagine remake -o from5.png from.png 2>&1 | grep -c -e '--from says where')" = 1
mv away.png fox.png
imagine --quiet --count 3 --seed 20 --vary 0.3 --variation-seed 5 --steps 3 --sharpen 0.5 --sampler euler-a --tiling x -o many.png "a fox" >/dev/null
check "one of several, with many settings" imagine remake --verify --quiet -o many-again.png "$(imagine history --limit 1 --quiet)"
for extra in $(imagine history --quiet --limit 0); do # for what follows
        [ "$extra" = "$id" ] || [ "$extra" = "$wolf" ] || imagine rm --quiet "$extra"
done

imagine vary --quiet fox.png >/dev/null
check "a variation is linked to what it was made of" test "$(imagine history --limit 1 --json | json 'r["records"][0]["parent"] + r["records"][0]["relation"]')" = "${id}varied"
imagine --quiet --enhance --profile storybook --steps 2 -o cottage.png "a cottage" >/dev/null
check "what was asked for is kept beside the prompt" test "$(imagine history --limit 1 --json | json 'r["records"][0]["asked"] + r["records"][0]["lineage"]["profile"]')" = "a cottagestorybook"
check "a name says nothing of other users" test "$(stat -c %a "$XDG_DATA_HOME/imagined/records")" = 700

imagine log export all.jsonl --quiet
check "for nobody else to read" test "$(stat -c %a all.jsonl)" = 600
check "four records are exported" test "$(wc -l <all.jsonl)" = 4
check "nothing is replaced" test "$(imagine log export all.jsonl >/dev/null 2>&1; echo $?)" = 1
check "known ones are not added" test "$(imagine log import all.jsonl --json | json '[r["added"], r["known"]]')" = "[0, 4]"
XDG_DATA_HOME=$WORK/other imagine log import --quiet - <all.jsonl
there() { # COMMAND…: with the records elsewhere
        XDG_DATA_HOME=$WORK/other imagine "$@"
}
check "elsewhere they are all the same" test "$(there log export | sed -E 's/"imported":[0-9]+,//')" = "$(cat all.jsonl)"
check "and marked as others' words" test "$(there log export | grep -cE '"imported":[0-9]+,')" = 4
check "which is said where they are shown" grep -q 'taken in from a file' <(there show "$id")
check "and where rights are" test "$(there licence "$id" --json | json 'r["pictures"][0]["source"]')" = imported
check "and where pixels are compared" grep -q 'taken in from a file' <(there remake --verify -f -o again.png "$id" 2>&1)
imagine rm --quiet "$(imagine history --quiet --limit 1)"
check "a line that is none is named" grep -q 'line 2' <(printf '\n{}\n' | imagine log import 2>&1)

# Contact sheets.
IMAGINED_ENGINE=$(sed -n 's/^worker = "\(.*\)";/\1/p' "$IMAGINED_ROOT/imagined.conf")
export IMAGINED_ENGINE
sheet() { # of sheet.html: width, height and description of each small picture; whether one is missing
        python3 - <<'END'
import base64, html.parser
class Sheet(html.parser.HTMLParser):
    said, figures = '', []
    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == 'img':
            kind, data = attributes['src'].split(';base64,')
            assert kind == 'data:image/jpeg' and base64.b64decode(data)[:2] == b'\xff\xd8', kind
            self.figures.append((int(attributes['width']), int(attributes['height']), attributes['alt']))
    def handle_data(self, data):
        self.said += data
sheet = Sheet()
sheet.feed(open('sheet.html').read())
print(*sheet.figures, 'not there' in sheet.said)
END
}
imagine --quiet --seed 5 --steps 2 --size 320x64 --format webp -o 'wide<&>.webp' "an <i>owl</i> & \"more\"" >/dev/null
imagine --quiet --seed 5 --steps 2 --size 64x64 -o lost.png "an <i>owl</i> that is lost" >/dev/null && rm lost.png
check "a contact sheet has small pictures, and says what is missing" test "$(imagine search owl --sheet sheet.html)" = sheet.html
check "captions are no markup" test "$(sheet)" = "(256, 51, 'an <i>owl</i> & \"more\"') True"
check "it is not replaced" fails 1 imagine search owl --sheet sheet.html
check "but with --force" imagine search owl --sheet sheet.html --force --json
for _ in 1 2; do
        imagine rm --quiet "$(imagine search --quiet --limit 1 owl)"
done

# A record may be anybody's, once it is imported.
echo treasure >treasure.txt
imagine --quiet --seed 4 --steps 2 -o own.webp "an owl" >/dev/null
strange() { # ID FILE
        printf '{"id":"%s","time":1,"files":["%s"]}\n' "$1" "$WORK/$2" | imagine log import --quiet -
}
owl=$(imagine history --quiet --limit 1)
strange hhhhhhhhhh treasure.txt
imagine rm --quiet --files hhhhhhhhhh 2>/dev/null
check "a stranger's record takes no file that is no picture" test -s treasure.txt
mkfifo pipe
strange kkkkkkkkkk pipe
check "nothing waits for a file that never ends" timeout 60 imagine review --json kkkkkkkkkk
printf '{"id":"mmmmmmmmmm","time":2,"prompt":"an owl","settings":{"strength":0.5},"parent":"kkkkkkkkkk"}\n' | imagine log import --quiet -
check "nor to make another of it" fails 1 timeout 60 imagine remake mmmmmmmmmm
check "nor to show it" timeout 60 imagine history --sheet sheet2.html --until 1970-01-02
printf '{"id":"nnnnnnnnnn","time":3,"prompt":"an owl","files":["own.webp"]}\n' | imagine log import --quiet -
imagine history --quiet --sheet sheet3.html --until 1970-01-02 >/dev/null
check "nor for a place that depends on who looks" fails 1 grep -q "<img" sheet3.html
imagine rm --quiet --files kkkkkkkkkk mmmmmmmmmm nnnnnnnnnn
check "it stays" test -p pipe
strange jjjjjjjjjj own.webp
imagine rm --quiet --files jjjjjjjjjj 2>/dev/null
check "nor a picture of another size" test -s own.webp
imagine --quiet --seed 4 --steps 2 -f -o own.webp "an owl" >/dev/null
imagine rm --quiet --files own.webp
check "our own go in every format" test ! -e own.webp
imagine rm --quiet "$owl"

# Thumbnails of a picture show it after it is gone: those of rm and forget go with it.
export XDG_CACHE_HOME=$WORK/cache
thumbnails() { # FILE: where they are
        local name folder
        name=$(python3 -c 'import hashlib, sys, urllib.parse
print(hashlib.md5(("file://" + urllib.parse.quote(sys.argv[1], "/-_.!~*()&=:@+$," + chr(39))).encode()).hexdigest())' "$WORK/$1")
        for folder in normal large x-large; do echo "$XDG_CACHE_HOME/thumbnails/$folder/$name.png"; done
}
mkdir -p "$XDG_CACHE_HOME"/thumbnails/{normal,large,x-large}
imagine --quiet --seed 4 --steps 2 -o "an Owl's (1+1) ä%.png" "a heron" >/dev/null
thumbnails fox.png | xargs -d '\n' touch
thumbnails wolf.png | xargs -d '\n' touch
thumbnails "an Owl's (1+1) ä%.png" | xargs -d '\n' touch
imagine forget --quiet heron
check "thumbnails are forgotten, too" test "$(find "$XDG_CACHE_HOME" -type f | sort)" = "$({ thumbnails fox.png; thumbnails wolf.png; } | sort)"
imagine rm --quiet --files "$id"
check "and go with the file" test "$(find "$XDG_CACHE_HOME" -type f | sort)" = "$(thumbnails wolf.png | sort)"
check "rm takes record and file" test "$(imagine history --quiet | wc -l)" = 3 -a ! -e fox.png
check "forget wants to know what" test "$(imagine forget >/dev/null 2>&1; echo $?)" = 2
check "words are forgotten" grep -q '^1 record' <(imagine forget wolf 2>&1)
check "and their bytes are gone" test "$(cat "$XDG_DATA_HOME/imagined/records/"* | grep -aic wolf)" = 0
check "prompts are forgotten" grep -q '^The prompts of 2' <(imagine forget --all --prompts 2>&1)
check "and what tells of them" test "$(cat "$XDG_DATA_HOME/imagined/records/"* | grep -aicE 'fox|cottage')" = 0
check "the rest is there" test "$(imagine history --quiet | wc -l)" = 2
check "everything is forgotten" grep -q '^2 records' <(imagine forget --all 2>&1)
[ -z "$failed" ]
