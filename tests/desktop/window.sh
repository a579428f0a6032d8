#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The prompt window under Xvfb, without a hand on the mouse: typed into, finished, varied, asked for several, cancelled.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"
mkdir 'a "folder" of mine'

check "the window opens" ask --user --folder 'a "folder" of mine'
check "the keyboard is at the prompt" focus

# Typed, with what a shell would obey.
# shellcheck disable=SC2016
odd='--seed $(touch pwned) `touch pwned` a "fox"'
makes "$odd"
check "the picture lands in the folder, named after the prompt" counted 1 'seed-touch-pwned-touch-pwned-a-fox-*.png'
check "it is ready" sees "status bar" "The picture is ready: seed-touch-pwned"
made=$(find . -name '*.png')
check "where only the resident model draws, nobody is chosen" fails 1 tree has button "Drawn by"
check "every letter of the prompt came through" test "$(imagine show "$made" | head -n 1)" = "$odd"
check "and none was a command" test ! -e pwned -a ! -e "a \"folder\" of mine/pwned"
check "its path is printed" test "$(tail -n 1 paths)" = "a \"folder\" of mine/$(basename "$made")"

# Once more: Up brings the prompt back, and nothing is overwritten.
xdotool key ctrl+a BackSpace Up Return
check "history, and a second file" counted 2 'seed-touch-pwned-touch-pwned-a-fox-*.png'
check "only the user can read the history" test "$(stat -c %a "$XDG_STATE_HOME/imagine/prompts")" = 600
sees "status bar" "The picture is ready" >/dev/null
check "the history opens" press "Earlier prompts"
check "and has it" sees label "--seed"
check "all of it can be forgotten" press "Forget All"
check "then it is gone" eventually test ! -e "$XDG_STATE_HOME/imagine/prompts"
xdotool key Escape
is_closed() { ! tree has button "Forget All"; }
check "Escape closes it" eventually is_closed
focus >/dev/null
xdotool key ctrl+r
check "Ctrl+R varies it" counted 3 'seed-touch-pwned-touch-pwned-a-fox-*.png'
sees "push button" Vary >/dev/null
check "so does a screen reader's press" press Vary
check "beside the others" counted 4 'seed-touch-pwned-touch-pwned-a-fox-*.png'

# Style, size and count by keyboard; eight pictures of the largest size take any machine its time, and Escape ends it.
sees "push button" Make >/dev/null
xdotool key alt+o
check "the disclosure opens" sees "combo box" Style
xdotool key alt+z
check "the sizes open" sees_focus "list item"
xdotool key Down Down Down Down Down Return
not_in_list() { ! tree focused "list item"; }
check "and close" eventually not_in_list
xdotool key alt+p
check "the count" sees_focus "spin button" Pictures
xdotool key ctrl+a 8 Tab alt+m
check "it draws" sees "push button" Cancel
check "and says how far it is" sees "status bar" "Picture 1/8, "
xdotool key Escape
check "Escape cancels" sees "status bar" Cancelled
check "the job, too" is_idle
check "and leaves no file" counted 4 '*.png'
xdotool key ctrl+w
check "Ctrl+W closes" eventually is_gone "$window"

# Where the window was not built.
mkdir lone && cp "$(command -v imagine)" lone/
refused() { ! lone/imagine ask 2>lone/said && grep -q "is not installed" lone/said; }
check "without the window it is said in words" refused
check "no other option goes with it" says "does not go with 'ask'" imagine ask --steps 3
exit "${failed:-0}"
