#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine --notify with python-dbusmock's notification server: progress, preview, what its actions do, servers that can do
# little, and no server.
# shellcheck disable=SC2317 # functions are called by check
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if ! /usr/bin/python3 -c 'import dbusmock' 2>/dev/null; then
        echo "needs python3-dbusmock"
        exit 77
fi
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir -p "work/a folder" && cd "work/a folder" || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
# shellcheck source=tests/desktop/desktop.bash
. "$top/tests/desktop/desktop.bash"
trap stop_all EXIT

# What is started for an action, instead of the desktop's own.
program xdg-open
export PATH=$IMAGINED_ROOT/programs:$PATH

# Long enough to be cancelled, however fast the machine is.
long=(--size 64x64 --steps 500 --count 64)

server "actions body body-markup"
# Which calls come, also those that the mock takes with another signature.
dbus-monitor --session "interface='org.freedesktop.Notifications',member='CloseNotification'" >closed 2>/dev/null &
pids+=($!)

imagine --user --notify --seed 7 "a <fox> & \$(touch pwned) \`touch pwned\`" >paths 2>said
check "a picture is made" test -s "$(cat paths)"
check "progress was shown first" logged 'Notify "imagine" 0 "org.imagined.Imagine" "Making a picture"'
# shellcheck disable=SC2016
check "with the prompt as text, not as markup" logged 'a &lt;fox&gt; &amp; $(touch pwned)'
check "with a way to cancel" logged '["cancel", "Cancel"]'
check "then the picture" logged '"The picture is ready"'
check "with what can be done" logged '["default", "Open", "open", "Open", "show", "Show in Folder"'
check "the progress went" eventually grep -q "uint32 1$" closed
check "no prompt became a command" test ! -e pwned
file=$(realpath "$(cat paths)")
check "its image is the file" logged "file://$(dirname "$file" | sed 's/ /%20/g')/"

invoke "$(newest)" show
check "without a file manager Show in Folder opens the folder" opened xdg-open "$(dirname "$file")"
# It was acted on: that process has gone, a new notification has its own.
imagine --user --notify --seed 8 "a fox" >paths 2>said
check "a second picture is shown" logged_times 2 '"The picture is ready"'
invoke "$(newest)" open
check "Open opens the file" opened xdg-open "$(realpath "$(cat paths)")"

imagine --user --notify --seed 9 "a hen" >paths 2>said
check "a third one is shown" logged_times 3 '"The picture is ready"'
invoke "$(newest)" vary
check "Vary makes another one beside it" eventually test -s a-hen-9-varied-9.png
check "and shows that" logged '"a-hen-9-varied-9.png"'

imagine --user --notify "${long[@]}" "--a fox" >paths 2>said
check "a prompt is no option" test -s said -a ! -s paths
imagine --user --notify "${long[@]}" -- "-- a fox" >paths 2>said &
job=$!
check "the preview is shown" logged '"image-data": dbus.Struct((dbus.Int32(64), dbus.Int32(64), dbus.Int32(192), dbus.Boolean(False), dbus.Int32(8), dbus.Int32(3), '
check "and how far it is" logged '"value": '
invoke "$(newest)" cancel
wait $job
check "Cancel in the notification ends it" test $? -eq 4
check "and the job" is_idle

# One that went before the end: the user does not want to see the progress.
number=$(($(newest) + 1))
imagine --user --notify "${long[@]}" "a fox" >paths 2>said &
job=$!
check "another one" logged "Notify \"imagine\" $number "
emit NotificationClosed uu 2 u "$number" u 2
kill -INT $job
wait $job
check "Ctrl-C cancels with a notification, too" test $? -eq 4

# Several files: one notification, and Cancel is for all of them.
imagine --user --size 64x64 --steps 50 --seed 1 -o "one & only.png" "a fox" 2>said
cp "one & only.png" two.png
imagine --user vary --notify --count 64 "one & only.png" two.png >paths 2>said &
job=$!
check "several files are counted" logged 'Notify "imagine" 0 "org.imagined.Imagine" "Making picture 1 of 2" "one &amp; only.png'
invoke "$(newest)" cancel
wait $job
check "Cancel ends the first" test $? -eq 4
check "and stops the rest" fails 2 ls ./two-varied*

# The second one is to be cancelled: its settings ask for more than any machine does meanwhile.
mkdir batch
cp two.png batch/first.png
"$top/tests/desktop/settings.py" two.png batch/second.png 'Steps: 50,' 'Steps: 500,' 'Size: 64x64' 'Size: 1024x1024'
cp two.png batch/third.png
number=$(newest)
logged_from() { # LINE TEXT: from that line of the log on
        found() { tail -n "+$1" "$IMAGINED_ROOT/notifications" | grep -qF -e "$2"; }
        eventually found "$@"
}
before=$(wc -l <"$IMAGINED_ROOT/notifications")
imagine --user vary --notify batch/*.png >paths 2>said &
job=$!
check "a second file is worked at" logged_from "$before" '"Making picture 2 of 3" "second.png'
check "in the notification of the first" test "$(newest)" -eq $((number + 1))
invoke "$(newest)" cancel
wait $job
check "Cancel ends that" test $? -eq 4
check "and the job" is_idle
check "the first picture stays" test -s "$(cat paths)" -a "$(cat paths)" = batch/first-varied-1.png
check "the others are not made" fails 2 ls batch/second-* batch/third-*
check "what is there is shown" logged_from "$before" '"The picture is ready" "first-varied-1.png'
invoke "$(newest)" default
check "and can be opened" opened xdg-open "$(realpath batch/first-varied-1.png)"


# What makes no pictures tells of all files, and of what went wrong with one.
printf 'no picture' >none.png
imagine show --notify two.png none.png "one & only.png" >/dev/null 2>&1
check "show: one notification" logged 'Notify "imagine" 0 "org.imagined.Imagine" "two.png" "a fox'
shown() { # TEXT: below the one of two.png
        grep -A 20 -F '"two.png" "a fox' "$IMAGINED_ROOT/notifications" | grep -qF -e "$1"
}
check "show: has the other file, too" shown 'one &amp; only.png'
check "show: and what went wrong" shown 'none.png does not say how it was made'
german() { LC_ALL=C.UTF-8 LANGUAGE=de TEXTDOMAINDIR=$XDG_DATA_DIRS/locale "$@"; }
imagine show --notify none.png >/dev/null 2>&1
check "show: where that is all, it says what failed" logged '"Cannot show how it was made" "none.png does not say how it was made'
german imagine show --notify none.png >/dev/null 2>&1
check "show: in German" logged '"Kann nicht zeigen, wie es entstand" "none.png sagt nicht, wie es entstand'
imagine folder --notify --open >/dev/null 2>&1
check "folder: a desktop without a file manager is told of" logged '"Cannot open the folder of pictures" "no file manager opens '
german imagine folder --notify --open >/dev/null 2>&1
check "folder: in German" logged '"Kann den Ordner der Bilder nicht öffnen" "keine Dateiverwaltung öffnet '

server "body"
imagine --user --notify --seed 9 "a fox" >paths 2>said
check "a server without actions" test -s "$(cat paths)"
check "is not asked for any" logged '"The picture is ready"'
check "at all" not_logged '"cancel"'
check "nor for markup" logged 'a fox'
check "a failure is shown" fails 3 imagine --user --notify --model missing "a fox"
check "in words" logged '"No picture"'
check "with what can be done" logged 'lists what is installed'

# Xfce's has its ways: words and actions go where a number is shown, and the default action is one more button.
server "actions body body-markup"
busctl --user call org.freedesktop.Notifications /org/freedesktop/Notifications org.freedesktop.DBus.Mock AddMethod sssss \
        org.freedesktop.Notifications GetServerInformation "" ssss 'ret = ("Xfce Notify Daemon", "Xfce", "0.7", "1.2")' >/dev/null
imagine --user --notify "${long[@]}" "a fox" >paths 2>said &
job=$!
check "Xfce: the progress is in words" logged 'Picture 1/64, step '
check "Xfce: not as a number" not_logged '"value": '
invoke "$(newest)" cancel
wait $job
imagine --user --notify --seed 9 "a fox" >paths 2>said
check "Xfce: the picture can be opened" logged '["open", "Open", "show", "Show in Folder"'

end_server
imagine --user --notify --seed 10 "a fox" >paths 2>said
check "without a server the picture is made" test -s "$(cat paths)"
check "and it is said that there was none" grep -q 'no notifications' said
check "--notify does not go with --detach" says "do not go together" imagine --user --notify --detach "a fox"
exit "${failed:-0}"
