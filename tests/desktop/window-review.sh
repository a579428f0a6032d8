#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One picture of the gallery: what is known of it, what becomes of it as the policy wants it, made again, and removed.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"
# shellcheck source=tests/desktop/gallery.bash
. "$top/tests/desktop/gallery.bash"
program xdg-open
export PATH=$IMAGINED_ROOT/programs:$PATH
mkdir -p "$XDG_CONFIG_HOME/imagined"
echo 'require_alt_text = true; require_licence = true;' >"$XDG_CONFIG_HOME/imagined/review.conf"

known() { # ID EXPRESSION: of its record r
        imagine show --json "$1" | field "(lambda r: ($2))(o['pictures'][0]['record'])"
}
becomes() { # ID EXPRESSION VALUE: in the end
        is_so() { [ "$(known "$1" "$2")" = "$3" ]; }
        eventually is_so "$@" || { known "$1" "$2"; false; }
}
to_field() { # KEYS ROLE NAME: the keyboard goes there
        xdotool key "$1" && sees_focus "$2" "$3"
}

draw --seed 1 -o fox.png "a red fox"
draw --seed 2 -o cat.png "a grey cat"
draw --seed 3 -o dog.png "a brown dog"
read -r -d '' dog cat fox < <(imagine history --quiet)
open_gallery
sees "table cell" "a brown dog" >/dev/null
xdotool key Tab Tab
check "the keyboard goes to the newest" sees_focus "table cell" "a brown dog"
xdotool key Return
check "Enter shows it" sees_focus button Back
check "with its record" sees label "$dog"
check "its seed" tells "seed: 3" tree list
check "and where it is" sees label "$PWD/dog.png"
check "nothing is without a name" tree unnamed

# What the policy asks for.
check "what approval needs is said" sees label "Before it is approved it needs an alternative text, somebody who has looked at its licence."
press Approve
check "what is still missing is said" sees "status bar" "Before it is approved it needs somebody who has looked at its licence."
check "it stays a draft, with the text that was proposed" becomes "$dog" "r['state'], r['alt']" "('draft', 'A brown dog')"
check "the alternative text" to_field alt+t text "Alternative text"
types "A dog that stands"
xdotool key Return
check "is saved by Enter" becomes "$dog" "r['alt']" "A dog that stands"
xdotool key alt+l
check "a comment" to_field alt+c text Comment
types "good as it is"
check "approval" press Approve
check "is told" sees "status bar" Approved
check "it is in the records, and who said so" becomes "$dog" \
        "r['state'], [(c['text'], c.get('state'), c['who'] != '') for c in r['comments']], 'licence' in r['checked']" \
        "('approved', [('good as it is', 'approved', True)], True)"
check "nothing is asked for any more" sees label "State: Approved"
check "tags" to_field alt+g text Tags
types "animals, for the shop"
xdotool key Return
check "are saved" becomes "$dog" "r['tags']" "['animals', 'for the shop']"

# From one to the next; what is not in the list any more makes way.
press Back
check "back to all of them" sees "status bar" "3 pictures"
check "the state" press "State: All"
sees_focus "list item" >/dev/null && xdotool key Down Return
check "only drafts" sees "status bar" "2 pictures"
xdotool key Tab
sees_focus "table cell" "a grey cat" >/dev/null && xdotool key Return
check "the newest draft" sees label "$cat"
xdotool key Next
check "Page Down goes on" sees label "$fox"
check "what was only proposed is nobody's word" known "$cat" "'alt' not in r and 'tags' not in r or 1 / 0"
to_field alt+t text "Alternative text" >/dev/null && types "A fox that nobody has saved"
to_field alt+g text Tags >/dev/null && types "red, unsaved"
press Newer
check "Newer goes back" sees label "$cat"
check "what was written is saved" becomes "$fox" "r['alt'], r['tags']" "('A fox that nobody has saved', ['red', 'unsaved'])"
to_field alt+c text Comment >/dev/null && types "look again"
press Back
check "a comment, too" becomes "$cat" "[c['text'] for c in r['comments']], 'alt' in r" "(['look again'], False)"
sees "status bar" "2 pictures" >/dev/null && sees_focus "table cell" "" >/dev/null && xdotool key Return
check "and it is shown again" sees label "$cat"
to_field alt+g text Tags >/dev/null && types "grey"
press Reject
check "what is rejected is no draft" becomes "$cat" "r['state'], 'alt' in r, r['tags']" "('rejected', False, ['grey'])"
check "and the next draft is shown" sees label "$fox"

# What can be done with it.
press Open
check "it opens" opened xdg-open "$PWD/fox.png"
press "Show in Folder"
check "its folder opens" opened xdg-open "$PWD"
press Copy
check "it can be copied" sees "status bar" Copied
press "Make Again"
check "it is made again" sees "status bar" "The picture is ready: a-red-fox-"
made=$(imagine history --quiet | head -n 1)
check "the same pixels, and a record that says of what" test \
        "$(known "$made" "(r['parent'], r['relation'], r['pixels'])")" = "('$fox', 'remake', '$(known "$fox" "r['pixels']")')"
press Gallery
sees_focus button Back >/dev/null
press "Use Its Prompt"
check "its prompt can be used" sees_focus text Prompt
xdotool key Return
check "for another picture" counted 2 'a-red-fox-*.png'

# Removed, if that is what is wanted.
press Gallery
sees_focus button Back >/dev/null
thumbnail=$("$top/tests/desktop/thumbnail.py" path x-large fox.png)
check "there is a thumbnail" test -e "$thumbnail"
press Remove
check "it is asked" sees label "Remove this picture?"
press Cancel
check "Cancel removes nothing" becomes "$fox" "r['state']" draft
press Remove
sees label "Remove this picture?" >/dev/null
press Both
check "both go" sees "status bar" Removed
check "the file" test ! -e fox.png
check "its thumbnail" test ! -e "$thumbnail"
check "and the record" fails 3 imagine show "$fox"
leave

# What was written when the window is closed.
open_gallery
sees_focus entry Search >/dev/null && xdotool key Tab Tab && sees_focus "table cell" "" >/dev/null && xdotool key Return
sees_focus button Back >/dev/null
newest=$(imagine history --quiet | head -n 1)
to_field alt+g text Tags >/dev/null && types "late"
xdotool key ctrl+w
check "is saved, too" becomes "$newest" "r['tags']" "['late']"
exit "${failed:-0}"
