#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What 'imagine desktop' puts into a home directory, and that after enable and disable of all every byte of it is as before,
# whatever was there.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
B=${B:-build}
IMAGINED_ROOT=$(mktemp -d)
trap 'rm -rf "$IMAGINED_ROOT"' EXIT
make -s B="$B" ${PREFIX:+PREFIX="$PREFIX"} SAN="${SAN:-}" DESTDIR="$IMAGINED_ROOT" install
path_of() { # VARIABLE
        make -s B="$B" ${PREFIX:+PREFIX="$PREFIX"} "print-$1"
}
data=$IMAGINED_ROOT$(path_of DATADIR)
PATH=$IMAGINED_ROOT$(path_of BINDIR):$PATH
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

# Only what is for one user, as if nothing were installed for all.
mkdir "$IMAGINED_ROOT/data" "$IMAGINED_ROOT/data/imagined" "$IMAGINED_ROOT/home" "$IMAGINED_ROOT/xdg"
cp -r "$data/imagined/desktop" "$IMAGINED_ROOT/data/imagined/"
export HOME=$IMAGINED_ROOT/home XDG_DATA_DIRS=$IMAGINED_ROOT/data XDG_CONFIG_DIRS=$IMAGINED_ROOT/xdg XDG_CURRENT_DESKTOP=KDE
unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME
cd "$IMAGINED_ROOT" || exit 1

list() { # every path with its kind, mode and content
        (cd "$HOME" && find . -printf '%P %y %m %l\n' -type f -exec sha256sum {} + | LC_ALL=C sort)
}
state() { # NAME
        imagine --json desktop | field "o['pieces']['$1']"
}
around() { # WHAT: enable, disable, and compare
        list >before
        check "$1: enable" imagine desktop enable --all
        list >between
        check "$1: something is there" fails 1 cmp before between
        check "$1: once more changes nothing" imagine desktop enable --all
        check "$1: as it was" test "$(list)" = "$(cat between)"
        check "$1: disable" imagine desktop disable --all
        list >after
        check "$1: every byte as before" diff before after
        check "$1: nothing is on" test "$(imagine --json desktop | field "set(o['pieces'].values()) == {'off'}")" = True
}

around "an empty home"
for name in Thunar nemo/actions "with space"; do mkdir -p "$HOME/.local/share/$name" "$HOME/.config/$name"; done
around "empty folders stay"

# Other people's things.
mkdir -p "$HOME/.config/Thunar" "$HOME/.local/share/nautilus/scripts"
cat >"$HOME/.config/Thunar/uca.xml" <<END
<?xml version='1.0'   encoding='UTF-8'?>
<actions>
<!-- an <action> in a comment -->
<action>
	<name>Open Terminal &amp; more</name><unique-id>1-1</unique-id><command>echo %f</command>
</action>  <action><name>imagine</name><unique-id>2-2</unique-id></action>
   </actions>

END
chmod 600 "$HOME/.config/Thunar/uca.xml"
echo 'echo mine' >"$HOME/.local/share/nautilus/scripts/mine"
around "other people's actions"
imagine desktop enable thunar
check "the file of actions is XML still" python3 -c "import xml.dom.minidom, sys; xml.dom.minidom.parse(sys.argv[1])" \
        "$HOME/.config/Thunar/uca.xml"
check "with ours and the others" test "$(grep -o '<unique-id>[^<]*' "$HOME/.config/Thunar/uca.xml" | tr -d '\n')" = \
        "<unique-id>1-1<unique-id>2-2<unique-id>imagine-here<unique-id>imagine-vary<unique-id>imagine-enlarge<unique-id>imagine-show<unique-id>imagine-illustrate"
check "status says that it is on" test "$(state thunar)" = on
# As Thunar writes it again when the user adds an action of his own.
python3 - "$HOME/.config/Thunar/uca.xml" <<'END'
import re, sys
text = open(sys.argv[1]).read()
actions = re.findall(r"<action>.*?</action>", re.sub(r"<!--.*?-->", "", text), re.S)
actions.insert(4, "<action>\n<name>new</name>\n<unique-id>3-3</unique-id>\n</action>")
open(sys.argv[1], "w").write('<?xml version="1.0" encoding="UTF-8"?>\n<actions>\n' + "\n".join(actions) + "\n</actions>\n")
END
imagine desktop disable thunar
check "ours go, wherever they are" test "$(grep -o '<unique-id>[^<]*' "$HOME/.config/Thunar/uca.xml" | tr -d '\n')" = \
        "<unique-id>1-1<unique-id>2-2<unique-id>3-3"
echo broken >"$HOME/.config/Thunar/uca.xml"
list >before
check "a broken file is refused" fails 1 imagine desktop enable thunar
list >after
check "and stays as it is" diff before after
rm "$HOME/.config/Thunar/uca.xml"
mkdir "$IMAGINED_ROOT/xdg/Thunar"
printf '<actions>\n<action><unique-id>0</unique-id></action>\n</actions>\n' >"$IMAGINED_ROOT/xdg/Thunar/uca.xml"
imagine desktop enable thunar
check "the system's actions are not lost" grep -q '<unique-id>0<' "$HOME/.config/Thunar/uca.xml"
imagine desktop disable thunar
check "and the copy goes" test ! -e "$HOME/.config/Thunar/uca.xml"
ln -s ../../dotfiles.xml "$HOME/.config/Thunar/uca.xml"
printf '<actions></actions>' >"$HOME/dotfiles.xml"
around "a link to a file elsewhere"

mkdir -p "$HOME/.local/share/nemo/actions"
echo foreign >"$HOME/.local/share/nemo/actions/imagine-show.nemo_action"
list >before
check "a foreign file of the same name is not replaced" fails 1 imagine desktop enable nemo
list >after
check "and nothing else comes" diff before after
rm "$HOME/.local/share/nemo/actions/imagine-show.nemo_action"

# The same as ours, put there by somebody else, is not ours to remove.
mkdir -p "$HOME/.local/share/kio/servicemenus" "$HOME/.local/share/kglobalaccel" "$HOME/.config/Thunar"
cp "$XDG_DATA_DIRS/imagined/desktop/dolphin/imagine-here.desktop" "$HOME/.local/share/kio/servicemenus/"
cp "$XDG_DATA_DIRS/imagined/desktop/kglobalaccel/org.imagined.Imagine.desktop" "$HOME/.local/share/kglobalaccel/"
around "what is there already, and the same"
echo foreign >"$HOME/.local/share/kglobalaccel/org.imagined.Imagine.desktop"
rm "$HOME/.config/Thunar/uca.xml"
printf '<actions>\n<action><unique-id>imagine-vary</unique-id></action>\n</actions>\n' >"$HOME/.config/Thunar/uca.xml"
list >before
check "a foreign key is not replaced" fails 1 imagine desktop enable shortcut
check "nor are foreign actions of Thunar" fails 1 imagine desktop enable thunar
imagine -q desktop disable --all
list >after
check "both stay" diff before after
rm -r "$HOME/.local/share/kio" "$HOME/.local/share/kglobalaccel" "$HOME/.config/Thunar/uca.xml"

# File names are bytes.
mkdir "$IMAGINED_ROOT/"$'h\xf6me "\n%2f'
HOME=$IMAGINED_ROOT/$'h\xf6me "\n%2f'
around "a home whose name is no UTF-8"
HOME=$IMAGINED_ROOT/home

check "no such piece" fails 2 imagine desktop enable nothing
check "no such word" fails 2 imagine desktop remove --all
check "enable needs a name" fails 2 imagine desktop enable
check "one piece" imagine desktop enable dolphin
check "brings its files" test -x "$HOME/.local/share/kio/servicemenus/imagine-pictures.desktop"
check "and no other piece" test ! -e "$HOME/.local/share/nemo/actions/imagine-vary.nemo_action"
check "disable takes one back" imagine desktop disable dolphin
XDG_DATA_DIRS=$data
check "what is there for all users is not doubled" tells "is there for all users" imagine desktop enable nemo
check "status tells" test "$(state nemo)" = "for all users"
check "an unknown desktop is told what to do" fails 1 env XDG_CURRENT_DESKTOP=sway "$(command -v imagine)" desktop enable shortcut

# GNOME's keys are in a database; its plain form is compared.
if command -v gsettings >/dev/null && XDG_DATA_DIRS=/usr/share gsettings list-schemas 2>/dev/null |
        grep -qx org.gnome.settings-daemon.plugins.media-keys; then
        export XDG_CURRENT_DESKTOP=GNOME GSETTINGS_BACKEND=keyfile XDG_DATA_DIRS=$IMAGINED_ROOT/data:/usr/share
        keys() {
                gsettings "$@"
        }
        media=org.gnome.settings-daemon.plugins.media-keys
        keys set $media custom-keybindings "['/a/', '/it is/']"
        list >before
        check "GNOME: a key" imagine desktop enable shortcut
        check "GNOME: in the list" test "$(keys get $media custom-keybindings)" = \
                "['/a/', '/it is/', '/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/imagine/']"
        check "GNOME: for the prompt window" test "$(keys get \
                $media.custom-keybinding:/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/imagine/ command)" = "'imagine ask'"
        check "GNOME: no key" imagine desktop disable shortcut
        list >after
        check "GNOME: every byte as before" diff before after
        rm -r "$HOME/.config"
        list >before
        imagine -q desktop enable shortcut
        imagine -q desktop disable shortcut
        list >after
        check "GNOME: no file was there before" diff before after
        check "GNOME: nor any key" test "$(keys get $media custom-keybindings)" = "@as []"
        check "GNOME: once more" imagine -q desktop enable shortcut
        keys set $media screensaver "['F12']"
        check "GNOME: then the user sets something, too" imagine -q desktop disable shortcut
        check "GNOME: which stays" test "$(keys get $media screensaver)" = "['F12']"
        keys set $media custom-keybindings "['/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/imagine/']"
        list >before
        check "GNOME: a key of that name that is not ours is refused" fails 1 imagine desktop enable shortcut
        check "GNOME: and not taken away" imagine desktop disable shortcut
        list >after
        check "GNOME: it is as it was" diff before after
        rm -r "$HOME/.config"

        # As GNOME itself keeps them.
        if [ -e "$(find /usr/lib -name libdconfsettings.so -print -quit)" ] && command -v dbus-run-session >/dev/null; then
                in_session() { # COMMAND…: with the database's service
                        env GSETTINGS_BACKEND=dconf XDG_RUNTIME_DIR="$IMAGINED_ROOT" dbus-run-session -- "$@" 2>/dev/null
                }
                in_session gsettings set $media screensaver "['F12']"
                list >before
                # shellcheck disable=SC2016
                check "GNOME: in dconf" in_session bash -c 'imagine -q desktop enable shortcut && gsettings get "$1" custom-keybindings |
                        grep -q /imagine/ && imagine -q desktop disable shortcut' - $media
                list >after
                check "GNOME: every byte of it as before" diff before after
                rm -r "$HOME/.config"
                list >before
                check "GNOME: in dconf, which was empty" in_session bash -c 'imagine -q desktop enable shortcut && imagine -q desktop disable shortcut'
                list >after
                check "GNOME: no database was there before" diff before after
        else
                echo "ok - GNOME: in dconf # skip there is no dconf"
        fi
else
        echo "ok - GNOME's keys # skip gsettings or the schema is missing"
fi
