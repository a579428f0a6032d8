#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The gallery of the prompt window: which pictures it shows, the thumbnails that it keeps for all programs, what is searched for,
# and many of them.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"
# shellcheck source=tests/desktop/gallery.bash
. "$top/tests/desktop/gallery.bash"

open_gallery
check "without records it says so" sees label "there are no records of pictures yet"
leave

draw --size 128x64 --seed 1 -o "a fox (1) ü.png" "a red fox"
draw --size 64x128 --seed 2 --format webp -o house.webp "a blue house"
draw --size 512x256 --seed 3 -o wide.png "a wide field"
draw --seed 4 -o broken.png "a broken vase"
draw --seed 5 -o gone.png "a lost ring"
draw --seed 6 -o bomb.png "a bomb"
echo "no picture" >broken.png
rm gone.png
truncate -s 300M bomb.png
open_gallery
check "it says how many there are" sees "status bar" "6 pictures"
for name in "a red fox, Draft" "a blue house, Draft" "a wide field" "a broken vase" "a lost ring" "a bomb"; do
        check "$name is among them" sees "table cell" "$name"
done
thumbnail() { "$top/tests/desktop/thumbnail.py" "$@"; }
kept() { # SIZE FOLDER PICTURE: there is a sound one of that size, in the end
        is_kept() { [ "$(thumbnail check "$2" "$3")" = "$1" ]; }
        eventually is_kept "$@" || { thumbnail check "$2" "$3"; false; }
}
check "a small one is its own thumbnail" kept 128x64 large "a fox (1) ü.png"
check "of a WebP, too" kept 64x128 large house.webp
check "a large one is made smaller" kept 256x128 large wide.png
failures=fail/imagined-$(imagine --version | sed 's/.* //')
check "what is no picture is noted" kept 1x1 "$failures" broken.png
check "so is what is too much" kept 1x1 "$failures" bomb.png
check "all that can be is there" counted_thumbnails 3
leave

# What is kept is used, whoever made it, as long as the picture stays as it is.
first=$(thumbnail path large wide.png) second=$(thumbnail path large house.webp)
old=$(stat -c %i "$first")
dd if=/dev/zero of="$second" bs=1 seek=40 count=4 conv=notrunc 2>/dev/null
touch -d "2020-01-01" "a fox (1) ü.png"
open_gallery
check "one of a picture that has changed is made anew" kept 128x64 large "a fox (1) ü.png"
check "one that is broken, too" kept 64x128 large house.webp
check "a sound one stays" test "$(stat -c %i "$first")" = "$old"

# Search: beginnings of words, and states.
sees_focus entry Search >/dev/null
types "a re"
check "what is typed narrows" sees "status bar" "1 picture"
check "to what fits" sees "table cell" "a red fox"
types "unheard of"
check "nothing fits" sees label "No picture fits"
xdotool key Escape
check "Escape shows all again" sees "status bar" "6 pictures"
imagine --quiet reject --comment "blurred" house.webp
check "what others change is seen" sees "table cell" "a blue house, Rejected"
draw --seed 7 -o late.png "a late guest"
check "what they draw, too" sees "status bar" "7 pictures"
xdotool key Tab
check "Tab goes on to the states" sees_focus button "State: All"
xdotool key space
sees_focus "list item" >/dev/null
xdotool key Down Down Down Return
check "one can be chosen" sees button "State: Rejected"
check "then only those are there" sees "status bar" "1 picture"
leave

# Whoever holds up the database does not hold up the window.
open_gallery
sees "status bar" "7 pictures" >/dev/null
python3 - "$XDG_DATA_HOME/imagined/records/records.db-shm" >locked <<'END' &
import fcntl, signal, sys

shared = open(sys.argv[1], "r+b")
fcntl.lockf(shared, fcntl.LOCK_EX, 5, 123)  # the places of readers, as SQLite's format of that file has them
print("locked", flush=True)
signal.pause()
END
locker=$!
pids+=("$locker")
eventually test -s locked
types "a re"
check "a search that takes a while is told of" sees "status bar" Searching
press "New Picture"
check "and the window goes on meanwhile" sees_focus text Prompt
kill "$locker"
press Gallery
check "when it is over, there is what was looked for" sees "status bar" "1 picture"
leave

# Many.
many 5000 late.png
open_gallery
check "thousands are there" sees "status bar" "5007 pictures"
check "the newest is first" sees "table cell" "a late guest"
sees_focus entry Search >/dev/null
xdotool key Tab Tab
check "the keyboard goes on to the pictures" sees_focus "table cell" "a late guest"
xdotool key End
check "and to the last one at once" sees_focus "table cell" "number 0 of many"
check "its thumbnail is made" kept 64x64 large many/0.png
few() { [ "$(find "$HOME/.cache/thumbnails/large" -type f | wc -l)" -lt 400 ]; }
check "but not those of all" few
leave
exit "${failed:-0}"
