#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The prompt window where others draw, too: what is said of them before anything is sent, and that nothing is before consent.
# shellcheck disable=SC2317 # functions are called by check and eventually
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/desktop/window.bash
. "$top/tests/desktop/window.bash"
export XDG_DATA_HOME=$IMAGINED_ROOT/data
mkdir server
python3 "$top/tests/net/fake-server" "$PWD/server" &
pids+=($!)
eventually test -s server/port
url="http://127.1:$(cat server/port)"
cat >>"$IMAGINED_ROOT/imagined.conf" <<END
provider_tables = [];
servers = ( { name = "good"; dialect = "openai-images"; url = "$url/ok/v1"; model = "gpt-image-1"; price = 0.04; },
            { name = "strange"; dialect = "openai-images"; url = "http://10.9.9.9:1/v1"; model = "gpt-image-1"; },
            { name = "near"; dialect = "openai-images"; url = "http://localhost:1/v1"; model = "gpt-image-1"; } );
remote = { routes = ( { providers = ["good"]; } ); };
END

choose() { # NAME KEY…: by keyboard
        xdotool key alt+d
        sees_focus "list item" >/dev/null && xdotool key "${@:2}" Return
        sees button "Drawn by: $1"
}
asked() { [ -s server/requests ]; }

ask --user --folder . --prompt "a secret fox"
focus
xdotool key alt+o
check "who draws can be chosen" sees button "Drawn by: As configured"
check "with routes it is not known where" sees label "The configuration decides who draws: what you ask for may leave this machine, and cost"
check "another one" choose good Down Down
check "where the prompt goes is said" sees label "What you ask for leaves this machine: it goes to $url/ok/v1. A picture costs at most 0.04 USD."
check "and what it waits for" tells "imagine consent grant good" tree list
press Make
check "without consent there is no picture" sees "status bar" "No picture: "
check "and nothing was sent" fails 1 asked
check "what another one costs is not known" choose strange Down
check "which is said" sees label "What you ask for leaves this machine: it goes to http://10.9.9.9:1/v1. What a picture costs is not known."
check "one on this machine" choose near Down
check "is no other machine" sees label "What you ask for goes to http://localhost:1/v1. A picture costs"
leave
imagine consent grant good --quiet
ask --user --folder . --prompt "a fox"
focus
xdotool key alt+o
check "with consent" sees button "Drawn by: As configured"
press Make
check "whom the route chooses draws" sees "status bar" "The picture is ready: a-fox-"
check "for money" asked
check "and the picture says who did" test \
        "$(imagine licence --json a-fox-*.png | field "(o['pictures'][0]['source'], o['pictures'][0]['provider'])")" = "('record', 'good')"
paid=$(wc -l <server/requests)
press Gallery
sees_focus entry Search >/dev/null && xdotool key Tab Tab && sees_focus "table cell" "a fox" >/dev/null && xdotool key Return
sees_focus button Back >/dev/null
press "Make Again"
check "it is asked before it is made again" sees label "Have good make this picture again?"
check "what it costs" sees label "What you ask for leaves this machine: it goes to $url/ok/v1. A picture costs at most 0.04 USD."
press Cancel
is_answered() { ! tree has label "Have good make this picture again?"; }
check "Cancel takes the question away" eventually is_answered
check "without an answer nothing is sent" test "$(wc -l <server/requests)" = "$paid"
press "Make Again"
sees label "Have good make this picture again?" >/dev/null && press "Have It Made"
check "with one it draws" counted 2 'a-fox-*.png'
check "for money again" test "$(wc -l <server/requests)" -gt "$paid"
leave

# Whoever wants this machine's has it.
paid=$(wc -l <server/requests)
ask --user --folder . --prompt "a hare"
focus
xdotool key alt+o
check "this machine can be chosen" choose "This machine" Down
press Make
check "what is drawn on this machine is" sees "status bar" "The picture is ready: a-hare-"
check "whatever routes there are" test "$(wc -l <server/requests)" = "$paid"
leave
exit "${failed:-0}"
