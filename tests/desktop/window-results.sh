#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the prompt window does with a picture: several to choose from, saved elsewhere, copied, dragged to another program, shown
# in its folder.
# shellcheck disable=SC1111,SC2317 # quotation marks of a sentence; functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"
program xdg-open
export PATH=$IMAGINED_ROOT/programs:$PATH
folder=$PWD/'made here'
mkdir "$folder"

ask --user --folder "$folder"
focus
makes "a fox"
check "a picture" sees "status bar" "The picture is ready: a-fox-"
made=$(find "$folder" -name 'a-fox-*.png')

# Saved elsewhere, under another name.
save_as() { # PATH
        xdotool key ctrl+s
        focus_window '^Save the Picture$' && sees_focus text || return 1
        makes "$1"
}
check "Ctrl+S opens a dialog that asks for a name" save_as "saved here.png"
check "and saves" sees "status bar" "Saved as saved here.png"
check "the same picture" cmp "$made" "saved here.png"
echo mine >mine.png
focus
check "the name of another file" save_as mine.png
check "is asked about" sees label "A file named “mine.png” already exists"
check "and nothing is replaced before" test "$(cat mine.png)" = mine
press Replace
check "then it is" sees "status bar" "Saved as mine.png"
check "by the picture" cmp "$made" mine.png
focus
check "where nobody may write" save_as "/proc/fox.png"
check "it is said" sees "status bar" "Not saved: "

# What is copied, or dragged, another program can take.
"$top/tests/desktop/other-program.py" >other 2>&1 &
pids+=($!)
says_line() { eventually grep -qxF -e "$1" other || { cat other; false; }; }
copies() { # of the picture that is shown
        focus_window '^Imagine$' || return 1
        xdotool key ctrl+shift+c
        sees "status bar" Copied && focus_window '^Other$' && xdotool key ctrl+v
}
focus_window '^Other$' && xdotool windowmove --sync "$(id_of '^Other$')" 600 0
check "Ctrl+Shift+C copies" copies
check "the file" says_line "pasted $made"
check "and the picture" says_line "picture $(png size "$made")"

# What is dragged is over the other program when that says so, and again, so that the window knows that it takes it.
over() { # N: what moves is over the other program, the Nth time
        xdotool mousemove 700 100 mousemove 720 120
        [ "$(grep -cx over other)" -ge "$1" ]
}
xdotool mousemove 240 300 mousedown 1 mousemove 250 310 mousemove 300 320
check "the picture can be dragged" eventually over 1
check "to a program that takes it" eventually over $(($(grep -cx over other) + 1))
xdotool mouseup 1 mousemove 990 890
check "which has the file" says_line "dropped $made"
focus
check "Show in Folder" press "Show in Folder"
check "shows the folder, without a file manager" opened xdg-open "$folder"

# Several: each can be chosen.
xdotool key alt+o
sees "spin button" Pictures >/dev/null && xdotool key alt+p
sees_focus "spin button" Pictures >/dev/null && xdotool key ctrl+a 3 Tab alt+m
check "three pictures" sees "status bar" "3 pictures are ready"
first=$(tail -n 3 paths | head -n 1)
for number in 1 2 3; do
        check "picture $number is among them" sees button "Picture $number"
done
press "Picture 1"
check "the first is chosen" is_pressed "Picture 1"
check "and what is copied" copies
check "is that" says_line "pasted $first"
leave
exit "${failed:-0}"
