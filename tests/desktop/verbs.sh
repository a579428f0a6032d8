#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The verbs that menus call, on files with every kind of name: vary, enlarge, illustrate, show, folder.
# shellcheck disable=SC2016,SC1111 # names and prompts that look like commands
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi

cd "$IMAGINED_ROOT" || exit 1
export HOME=$IMAGINED_ROOT/home XDG_CONFIG_HOME=$IMAGINED_ROOT/home/.config
mkdir -p home/.config work/sub && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
imagine() { command imagine --user "$@"; }
refuses() { # CODE TEXT COMMAND…: it fails so, and says that
        local code=$1 text=$2 output status
        shift 2
        output=$("$@" 2>&1)
        status=$?
        echo "status $status: $output"
        [ $status -eq "$code" ] && [[ $output == *"$text"* ]]
}
made() { # COUNT PATTERN…: so many files have such names
        local count=$1
        shift
        [ "$(find . -type f \( -name "$1" -o -name "${2:-$1}" \) -print0 | tr -dc '\0' | wc -c)" -eq "$count" ]
}

odd=$'sub/a "red" fox\'s $(touch pwned) `touch pwned`\n%f -ä.png'
imagine --seed 42 --steps 3 -o "$odd" --negative "text, blur" "a red fox"

# Show.
check "show prints the prompt" tells "a red fox" imagine show "$odd"
check "and the settings" tells "Steps: 3, " imagine show "$odd"
check "in JSON one by one" test "$(imagine --json show "$odd" | field "o['pictures'][0]['settings']['Seed']")" = 42
check "the negative prompt, too" test "$(imagine --json show "$odd" | field "o['pictures'][0]['negative']")" = "text, blur"
for format in jpeg webp; do
        imagine --seed 43 --steps 2 --format "$format" -o "fox.$format" "zwei Füchse"
        check "show reads a $format" test "$(imagine --json show "fox.$format" |
                field "o['pictures'][0]['prompt'] + o['pictures'][0]['settings']['Seed']")" = "zwei Füchse43"
done
printf 'no picture' >text.png
check "what says nothing fails in words" refuses 1 "text.png does not say how it was made" imagine show text.png
check "what is neither file nor record names the way out" refuses 3 "imagine generate show" imagine show me a fox

# Vary.
varied=$(imagine vary --variation-seed 7 "$odd")
check "vary prints the path beside the picture" test "$varied" = "${odd%.png}-varied-42.png"
check "the file is there" test -s "$varied"
check "it has the same prompt and steps" test "$(imagine --json show "$varied" |
        field "o['pictures'][0]['prompt'] + o['pictures'][0]['settings']['Steps']")" = "a red fox3"
check "and other noise" contains "$varied" "Variation seed: 7"
check "it is another picture" fails 1 cmp "$odd" "$varied"
again=$(imagine vary --variation-seed 7 "$odd")
check "nothing is overwritten" test "$again" = "${odd%.png}-varied-42-2.png"
check "the same variation is the same picture" cmp "$varied" "$again"
check "what says nothing is painted anew" imagine vary "$top/tests/fixtures/pictures/rgb.png" -o sub/
check "by half" made 1 'rgb-varied-*'

long=$(printf '日%.0s' {1..80})
imagine --seed 8 --steps 2 -o "$long.png" "a red fox"
check "a long name is cut between letters" test "$(imagine vary --variation-seed 7 "$long.png")" = "./$(printf '日%.0s' {1..66})-varied-8.png"

# Enlarge.
small=$(png size "$odd")
large=$(imagine enlarge --enlarge lanczos "$odd")
check "enlarge makes it twice as large" test "$(png size "$large")" = "$((${small%x*} * 2))x$((${small#*x} * 2))"
check "three times" test "$(png size "$(imagine enlarge --scale 3 "$odd")")" = "$((${small%x*} * 3))x$((${small#*x} * 3))"
check "no network is needed for one" imagine enlarge --scale 1 "$odd"

# Illustrate.
printf 'a lighthouse\nat night\n' >'-story $(touch pwned).txt'
story=$(imagine illustrate --seed 5 --steps 2 -- '-story $(touch pwned).txt')
check "illustrate makes a picture beside the text" test "$story" = './-story $(touch pwned)-5.png'
check "of what the text says" test "$(imagine --json show -- "$story" | field "o['pictures'][0]['prompt']")" = \
        $'a lighthouse\nat night'
head -c 8200 /dev/zero | tr '\0' 'a' >long.txt
check "a long text is cut" imagine illustrate --steps 1 long.txt
printf 'a\0b' >binary.txt
check "what is no text fails" fails 1 imagine illustrate binary.txt
printf '\n \n' >empty.txt
check "an empty one, too" fails 1 imagine illustrate empty.txt
echo '-' >-
check "a file called - is a file" test "$(imagine illustrate --seed 6 --steps 1 -- -)" = ./--6.png

# As file managers name files.
uri=file://$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$PWD/$odd")
check "a file: URI is a file" test "$(imagine --json show "$uri" | field "o['pictures'][0]['settings']['Seed']")" = 42
check "for all verbs" test "$(imagine enlarge --scale 1 "$uri")" != ""

# Several.
mkdir several
for name in one two three; do imagine --seed 1 --steps 2 -o "several/$name.png" "a $name"; done
printf 'broken' >several/broken.png
check "several: one that fails does not stop the rest" fails 2 imagine vary several/one.png several/broken.png several/two.png
check "and two are made" made 2 '*one-varied*' '*two-varied*'
check "in JSON all of them" test "$(imagine --json vary several/*e.png | field "len(o['jobs'])")" = 2
check "one place does not take several" fails 2 imagine vary -o x.png several/one.png several/two.png

# The folder of pictures.
echo 'XDG_PICTURES_DIR="$HOME/Bilder"' >"$XDG_CONFIG_HOME/user-dirs.dirs"
check "no picture yet" fails 3 imagine vary --last
check "folder prints and makes it" test "$(imagine folder)" = "$HOME/Bilder/Imagine" -a -d "$HOME/Bilder/Imagine"
imagine --seed 9 --steps 2 -o "$(imagine folder)/" "the last one"
check "vary --last takes the newest one" tells "the-last-one-9-varied-9.png" imagine vary --last
check "without files vary says what it needs" says "needs FILE... or --last" imagine vary
check "open says that there is no file manager" fails 1 imagine folder --open

check "no name was a command" test ! -e pwned -a ! -e sub/pwned -a ! -e several/pwned
