#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From a picture in the records to a folder that others use: review, approval as a policy wants it, versions, export.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
export XDG_CONFIG_HOME=$PWD/config XDG_DATA_HOME=$IMAGINED_ROOT/data
mkdir -p config/imagined
IMAGINED_ENGINE=$(sed -n 's/^worker = "\(.*\)";/\1/p' "$IMAGINED_ROOT/imagined.conf")
export IMAGINED_ENGINE
policy() { echo "$*" >config/imagined/review.conf; }

draw() { imagine --user -q --steps 2 --size 64x64 "$@" >/dev/null; }
id_of() { # N: of the Nth draft, newest first
        imagine review --json | field "o['pictures'][$1]['id']"
}
state_of() { # ID
        imagine review --json "$1" | field "o['pictures'][0]['state']"
}
listed() { # EXPRESSION: of the manifest
        field "$1" <folder/manifest.json
}

draw --seed 1 -o fox.png "secret words of a fox"
draw --seed 2 -o cat.png "secret words of a cat"
draw --seed 3 --format webp -o dog.webp "secret words of a dog"
check "three drafts" test "$(imagine review --json | field "len(o['pictures'])")" = 3
dog=$(id_of 0) cat=$(id_of 1) fox=$(id_of 2)
check "pictures are known by their files" imagine review --json fox.png cat.png
check "with a measure of contrast" test "$(imagine review --json "$fox" | field "0 < o['pictures'][0]['contrast']['32'] <= 100")" = True
check "of every format, and about the same" test "$(imagine review --json "$dog" "$fox" | field "
        all(set(p['contrast']) == {'full', '64', '32'} and 0 < p['contrast']['64'] <= 100 for p in o['pictures'])")" = True
check "an alternative text is proposed" test "$(imagine review --json "$fox" | field "o['pictures'][0]['proposed_alt']")" = "Secret words of a fox"
check "a beginning of the id is enough" test "$(state_of "${fox:0:8}")" = draft
check "an unknown one is told" fails 3 imagine approve 2222222222

# What the policy asks for.
policy 'require_alt_text = true; require_licence = true; require_legibility = true; approved_only = true;'
check "approval needs an alternative text" fails 1 imagine approve "$fox"
check "and somebody who has looked" fails 1 imagine approve --alt-text "A fox" "$fox"
check "at both" fails 1 imagine approve --licence-checked "$fox"
check "the text stays, the state, too" test "$(imagine review --json "$fox" |
        field "o['pictures'][0]['alt'], o['pictures'][0]['state'], o['pictures'][0]['missing']")" = "A fox draft ['legibility']"
check "what is not approved is not exported" fails 1 imagine export folder "$fox"
check "with all of it it is approved" imagine approve --legibility-checked --comment "good" "$fox"
check "it says so" test "$(state_of "$fox")" = approved
check "who and when are known" test "$(imagine review --json "$fox" |
        field "[(c['who'] != '', c['text'], c['state']) for c in o['pictures'][0]['comments']]")" = "[(True, 'good', 'approved')]"
policy 'require_alt_texts = true;'
check "a wrong policy is told, not passed over" fails 1 imagine approve "$cat"
policy 'approved_only = true;'

# In the terminal, a line at a time.
printf 't\nA cat in\nc\nnice\na\nq\n' >answers
check "review goes along" sh -c "imagine review $cat <answers >walk"
check "and asks" grep -qF '[a]pprove' walk
check "and does what is said" test "$(imagine review --json "$cat" |
        field "o['pictures'][0]['state'], o['pictures'][0]['alt'], len(o['pictures'][0]['comments'])")" = "approved A cat in 2"
draw --seed 4 --format jpeg --enhance --profile storybook -o owl.jpg "an owl"
owl=$(id_of 0)
check "the fields of an enhanced prompt are on record" test "$(imagine show --json "$owl" | field "'owl' in o['pictures'][0]['record']['lineage']['fields']['subject']")" = True
proposed=$(imagine review --json "$owl" | field "o['pictures'][0]['proposed_alt']")
check "of them its text is proposed" test "$(imagine show --json "$owl" | field "(lambda f: '$proposed'.startswith(f['subject'][:1].upper() + f['subject'][1:]))(o['pictures'][0]['record']['lineage']['fields'])")" = True
printf 't\n\nq\n' >answers
check "an empty line takes it" sh -c "imagine review $owl <answers >walk && grep -qF 'alternative text, proposed: $proposed' walk"
check "and it is the picture's then" test "$(imagine review --json "$owl" | field "o['pictures'][0]['alt'], 'proposed_alt' in o['pictures'][0]")" = "$proposed False"
printf 't\nAn owl\nt\n\nq\n' >answers
check "another line is another one, and stays" sh -c "imagine review $owl <answers >walk"
check "until it is changed" test "$(imagine review --json "$owl" | field "o['pictures'][0]['alt']")" = "An owl"
imagine -q rm --files "$owl"
check "the end of the input ends it" imagine review </dev/null

# The folder.
check "all that is approved is exported" test "$(imagine -q export folder | wc -l)" = 2
check "the dog is not" test "$(listed "sorted(p['alt'] for p in o['pictures'])")" = "['A cat in', 'A fox']"
check "names are of the texts, and stay" test -s "folder/a-fox-$fox.png"
check "the pixels are the picture's" test "$(png all fox.png)" = "$(png all "folder/a-fox-$fox.png")"
check "the file says the new text" test "$(imagine check --json "folder/a-fox-$fox.png" | field "o['pictures'][0]['marks']['alt-text']")" = "A fox"
check "the bytes are as the manifest says" test "$(sha256sum <"folder/a-fox-$fox.png" | cut -d ' ' -f 1)" = "$(listed "[p['sha256'] for p in o['pictures'] if p['id'] == '$fox'][0]")"
check "it names the licence" test "$(listed "{p['licence'] for p in o['pictures']}")" = "{'CC0-1.0'}"
check "and who approved it" test "$(listed "all(p['approved']['who'] and p['approved']['time'].endswith('Z') for p in o['pictures'])")" = True
check "no prompt is in it" fails 1 grep -q secret folder/manifest.json
check "nor in the names" fails 1 sh -c 'ls folder | grep secret'
check "it is said that this is no legal advice" tells "no legal advice" imagine export folder

# Changed afterwards; a new version.
cp cat.png fox.png
check "what was changed after approval is refused" fails 1 imagine export folder "$fox"
cp dog.webp edited.webp
new=$(imagine revise "$fox" edited.webp)
check "a new version is a draft of the same words" test "$(imagine review --json "$new" |
        field "[o['pictures'][0].get(k) for k in ('state', 'parent', 'relation', 'alt', 'prompt')]")" = \
        "['draft', '$fox', 'edit', 'A fox', 'secret words of a fox']"
check "without the settings of the old pixels" test "$(imagine review --json "$new" | field "'settings' in o['pictures'][0]")" = False
cp cat.png second.png
second=$(imagine revise "$fox" second.png)
check "and takes its file along" sh -c "imagine -q rm --files $second && test ! -e second.png"
imagine -q approve "$new"
imagine -q retire --comment "replaced" "$fox"
check "the folder follows" imagine export folder
check "the old one is gone, the new one there" test "$(listed "sorted(p.get('version_of', '') for p in o['pictures'])")" = "['', '$fox']"
check "the file, too" test ! -e "folder/a-fox-$fox.png"
if command -v exiftool >/dev/null; then
        check "exiftool finds the text in a WebP, and nothing wrong" test "$(exiftool -s3 -XMP:AltTextAccessibility -Error -Warning folder/*.webp)" = "A fox"
fi
check "rejected ones go" imagine reject "$cat"
imagine -q export folder >/dev/null
check "one is left" test "$(listed "len(o['pictures'])")" = 1

# Records that are a stranger's.
strange() { # ID FILE SHA256 MORE: a record that says it is approved
        printf '{"id":"%s","time":5,"state":"approved","alt":"a key","files":["%s"],"approved_sha256":"%s"%s}\n' "$1" "$PWD/$2" "$3" "$4" |
                imagine -q log import -
}
echo "my key" >key.txt
sha() { sha256sum <"$1" | cut -d ' ' -f 1; }
strange hhhhhhhhhh key.txt "$(sha key.txt)" ',"comments":[{"time":1,"who":"\u001b[31mme","text":"","state":"approved"}]'
cp dog.webp unseen.webp # a path of one's own pictures would not become a stranger's
cp dog.webp strange.webp
strange jjjjjjjjjj unseen.webp "" ''
check "a terminal obeys nobody's name" test "$(imagine review hhhhhhhhhh </dev/null | grep -c $'\033')" = 0
check "what is no picture is not exported" fails 1 imagine export folder hhhhhhhhhh
check "nor what nobody here has approved" fails 1 imagine export folder jjjjjjjjjj
strange kkkkkkkkkk strange.webp "$(sha dog.webp)" ',"export_name":"index.html"'
check "the one whose bytes were is" imagine -q export folder kkkkkkkkkk
check "under a name of our own" test -s folder/a-key-kkkkkkkkkk.webp -a ! -e folder/index.html
mkdir -p a.folder && cp dog.webp a.folder/plain
strange mmmmmmmmmm a.folder/plain "$(sha dog.webp)" ''
check "a name without an end gets none" imagine -q export folder mmmmmmmmmm
check "from the name of its folder" test -s folder/a-key-mmmmmmmmmm
check "the key stays where it is" fails 1 grep -rqF "my key" folder
imagine -q rm hhhhhhhhhh jjjjjjjjjj kkkkkkkkkk
echo '{"version": 1, "pictures": [{"id": "'"$cat"'", "file": "../dog.webp"}]}' >folder/manifest.json
imagine -q export folder >/dev/null
check "a manifest of strangers takes nothing outside of its folder" test -s dog.webp
echo '[]' >folder/manifest.json
check "what is no manifest is not replaced" fails 1 imagine export folder
check "the dog was never asked about" test "$(state_of "$dog")" = draft
check "nothing was said that a sanitizer says" fails 1 grep -E 'Sanitizer|runtime error:' "$IMAGINED_ROOT/log"
[ -z "$failed" ]
