#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine --preview in terminals that know kitty's protocol, sixels or neither, and where there is none.
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
unset KITTY_WINDOW_ID TERM_PROGRAM
export TERM=xterm

# Long enough to be cancelled, however fast the machine is.
long=(--steps 500 --count 64)

terminal() { "$top/tests/e2e/preview.py" "$@"; }
draw() { # OPTION…: of the terminal, up to --, and of imagine
        local options=()
        while [ "$1" != -- ]; do
                options+=("$1")
                shift
        done
        shift
        terminal "${options[@]}" notes imagine --user --seed 1 --size 64x64 "$@" "a fox"
}
stopped() { # COMMAND…: by SIGINT, or when the job was cancelled
        local status
        "$@"
        status=$?
        echo "status $status"
        [ "$status" -eq 130 ] || [ "$status" -eq 4 ]
}
lacks_pictures() { ! grep -qaE $'\033(P|_G)' "$1"; }

check "a terminal that knows sixels" draw --answer '\033[?1;0;256S\033[?62;4;22c' -- --steps 2 --preview auto -o sixel.png
check "shows the picture" terminal sixel notes sixel.png
check "and its path" grep -qa '^sixel.png' notes
check "another one" draw --answer '\033[?62;4c' --size 4 24 32 384 -- --steps 2 --preview auto -o narrow.png
check "shows it no wider than it is" grep -qa 'q"1;1;32;32#' notes
check "sixels when asked for" draw -- --steps 2 --preview sixel -o asked.png
check "are shown" terminal sixel notes asked.png

check "a terminal that says nothing" draw -- --steps 2 --preview auto -o none.png
check "hears so" grep -qa 'no preview: the terminal' notes
check "and shows nothing" lacks_pictures notes
check "nor does one without sixels" draw --answer '\033[?62;22c' -- --steps 2 --preview auto -o none-2.png
check "show anything" lacks_pictures notes
check "none" draw --answer '\033[?62;4c' -- --steps 2 --preview none -o none-3.png
check "shows nothing" lacks_pictures notes

check "kitty" env KITTY_WINDOW_ID=1 "$top/tests/e2e/preview.py" notes imagine --user --seed 1 --size 64x64 --steps 2 --preview auto -o kitty.png "a fox"
check "shows the picture itself" terminal kitty notes kitty.png
check "how it forms" fails 4 draw --end-at '_Ga=T.*_Ga=T' -- "${long[@]}" --preview kitty
check "is shown in one place" terminal drafts notes
check "where the end of it" draw -- --steps 30 --preview kitty -o formed.png
check "stands, too" terminal kitty notes formed.png
check "not within tmux" env KITTY_WINDOW_ID=1 TERM=tmux-256color "$top/tests/e2e/preview.py" notes imagine --user --seed 1 --size 64x64 --steps 2 --preview auto -o tmux.png "a fox"
check "where kitty is further away" lacks_pictures notes

check "stdout elsewhere" draw --stdout paths -- --steps 2 --preview kitty -o elsewhere.png
check "has the path alone" diff paths - <<<elsewhere.png
check "and the terminal the picture" terminal kitty notes elsewhere.png
imagine --user --seed 1 --size 64x64 --steps 2 --preview kitty -o pipe.png "a fox" >paths 2>said
check "no terminal" grep -q 'no preview: there is no terminal' said
check "no picture" lacks_pictures said
check "and the path" diff paths - <<<pipe.png
# Somebody else's job, so to speak: one that was left alone.
imagine --user --seed 1 --size 64x64 --steps 2 --detach "a fox" >/dev/null 2>&1
check "watch" "$top/tests/e2e/preview.py" notes imagine --user watch --preview kitty "$(imagine --user -q jobs | tail -n 1)"
check "shows what comes of a job" terminal kitty notes kitty.png
check "and writes nothing" fails 1 grep -qaF .png notes
check "a JPEG" draw -- --steps 2 --preview sixel -o fox.jpg
check "cannot be shown" grep -qa 'only PNG pictures' notes
check "it is there" test -s fox.jpg

check "Ctrl-C while it asks, or soon after, leaves the terminal as it was" stopped draw --type-at '\x1b\[c' '\x03' -- "${long[@]}" --preview auto
check "refuses other words" says "none of auto, kitty, sixel, none" imagine --preview ascii "a fox"
check "does not go with --detach" says "do not go together" imagine --user --preview auto --detach "a fox"
[ -z "$failed" ]
