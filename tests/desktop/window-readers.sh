#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The prompt window for those who do not see it, have no mouse, need large letters, or look elsewhere: names, what is announced,
# the way of the keyboard, nothing cut off, a notification.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"

"$top/tests/desktop/hearing.py" >heard 2>&1 &
pids+=($!)
eventually grep -q listening heard
heard() { eventually grep -qE "^$1"$'\t'"$2"$'\t'"$3" heard || { tail -n 20 heard; false; }; } # EVENT ROLE NAME, patterns
name_changes=object:property-change:accessible-name
# Of the window, before GTK 4.14.
announced() { heard "(object:announcement|$name_changes)" "(status bar|frame)" "$1"; } # TEXT

# By keyboard alone: all there is, in the order in which it is read.
ask --user --folder . --prompt "a moon"
focus
xdotool key alt+o
sees "spin button" Pictures >/dev/null && xdotool key alt+p
sees_focus "spin button" Pictures >/dev/null && xdotool key ctrl+a 2 Tab Tab Tab alt+m
check "two pictures, without a mouse" sees "status bar" "2 pictures are ready"
check "nothing is without a name" tree unnamed
sees_focus text Prompt >/dev/null
for place in "Earlier prompts" Make "Style, size and count" "Style: None" "Size: As the model likes" Pictures \
        "Picture: a moon" "Picture 1" "Picture 2" "Save As" Copy Vary "Show in Folder" "New Picture" Gallery Prompt; do
        xdotool key Tab
        check "Tab goes on to $place" sees_focus "" "$place"
done
xdotool key shift+Tab shift+Tab shift+Tab shift+Tab shift+Tab
check "Shift+Tab goes back" sees_focus button Copy
xdotool key space
check "the space bar presses it" sees "status bar" Copied
check "which is announced" announced Copied
check "so was the result" announced "2 pictures are ready"
check "and what is shown" heard $name_changes image "Picture: a moon"

# The style that is chosen is told, and asked for.
xdotool key alt+t
check "the styles open" sees_focus "list item"
xdotool key Down Return
check "what is chosen is told" sees button "Style: Flat"
check "and announced" heard $name_changes "push button" "Style: Flat"
sees_focus button "Style: Flat" >/dev/null
xdotool key alt+m
check "it is drawn" counted 4 '*.png'
flat=$(tail -n 1 paths)
check "in that style" tells "a moon, flat" imagine show "$flat"

# How far it is, while it is at work; Escape ends it.
sees button Make >/dev/null
xdotool key alt+z
sees_focus "list item" >/dev/null
xdotool key Down Down Return
check "the size, too" sees button "Size: Square, 512 × 512"
sees_focus button Size >/dev/null
xdotool key alt+p
sees_focus "spin button" Pictures >/dev/null && xdotool key ctrl+a 8 Tab alt+m
check "how far it is is told" heard $name_changes "status bar" "Picture [1-8]/8, step [1-9]"
check "and announced" announced "Picture [1-8]/8, "
check "as a number, too" sees "progress bar" Progress
check "the picture as it forms is told" heard $name_changes image "The picture as it forms"
xdotool key Escape
check "the end is announced" announced Cancelled
leave

# Letters twice as large, and longer words: nothing is cut off.
is_whole() { TREE_WAIT=$deadline tree cut; }
for language in en de; do
        export LANGUAGE=$language TEXTDOMAINDIR=$top/$B/locale
        GDK_DPI_SCALE=2 ask --user --no-start --folder . --from "$flat" --prompt "a boat with a very long description of all that is in it"
        check "large letters: the window is open" focus_window '^Imagine$'
        sees_focus text >/dev/null && xdotool key Tab Tab Tab Tab space
        check "with the disclosure" sees "spin button" ""
        check "all of it can be seen" is_whole
        leave
done
LANGUAGE=

# Without the keyboard the user looks elsewhere: then the desktop tells.
server "actions body"
ask --user --folder . --prompt "a tree"
focus
xdotool windowfocus --sync "$(xdotool getmouselocation --shell | sed -n 's/^WINDOW=//p')" # the root window
away() { ! tree active; }
check "the user looks elsewhere" eventually away
press Make
check "a notification tells the result" logged '"The picture is ready" "a-tree-'
check "with ways to see it" logged '"show", "Show in Folder"'
leave

exit "${failed:-0}"
