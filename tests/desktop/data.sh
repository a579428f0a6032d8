#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What desktops read is valid, by the tools that are there, and says the same everywhere.
# shellcheck disable=SC2016,SC1111 # names and prompts that look like commands
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
IMAGINED_ROOT=$(mktemp -d)
trap 'rm -rf "$IMAGINED_ROOT"' EXIT
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"
B=$(realpath "${B:-build}")
imagine=$B/imagine

with() { # PROGRAM WHAT COMMAND…
        local program=$1
        shift
        if command -v "$program" >/dev/null; then
                check "$@"
        else
                echo "ok - $1 # skip there is no $program"
        fi
}
# A service menu is of a type that the validator knows without actions; as an application it must be right.
as_application() {
        sed 's/^Type=Service$/Type=Application\nExec=imagine/' "$1" >"$IMAGINED_ROOT/$(basename "$1")"
        desktop-file-validate --no-hints "$IMAGINED_ROOT/$(basename "$1")"
}

with desktop-file-validate "the menu's entry" desktop-file-validate desktop/org.imagined.Imagine.desktop
with desktop-file-validate "KDE's key" desktop-file-validate desktop/kglobalaccel/*.desktop
with desktop-file-validate "KRunner's plug-in" desktop-file-validate desktop/krunner/*.desktop
for menu in desktop/dolphin/*.desktop; do
        with desktop-file-validate "Dolphin's menu ${menu##*/}" as_application "$menu"
done
with appstreamcli "the metainfo" appstreamcli validate --no-net --pedantic desktop/org.imagined.Imagine.metainfo.xml
check "XML" python3 -c 'import sys, xml.dom.minidom
for path in sys.argv[1:]: xml.dom.minidom.parse(path)' desktop/icons/*.svg desktop/*.xml
check "Thunar's actions" python3 -c 'import sys, xml.dom.minidom
xml.dom.minidom.parseString(b"<actions>" + open(sys.argv[1], "rb").read() + b"</actions>")' desktop/thunar/actions.xml
check "Python" python3 -c 'import sys
compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' desktop/nautilus/imagine.py

# Each sentence of a menu is there in German, too.
untranslated() {
        local file
        for file in desktop/*.desktop desktop/dolphin/*.desktop desktop/nemo/*.nemo_action desktop/krunner/*.desktop; do
                awk -v file="$file" -F = '
                        function tell() { for (key in plain) if (!(key in german) && plain[key] != "Imagine") print file ": " key "=" plain[key] }
                        /^\[/ { tell(); delete plain; delete german }
                        /^(Name|Comment|GenericName|Keywords)=/ { plain[$1] = $2 }
                        /^[A-Za-z]*\[de\]=/ { sub(/\[de\]/, "", $1); german[$1] = $2 }
                        END { tell() }' "$file"
        done
}
check "menus are in German, too" test -z "$(untranslated | tee /dev/stderr)"

# Everything that is called exists, with these options, and takes file names behind --.
calls() {
        grep -rhE '^(Exec|	<command>)' desktop | sed -E 's/^(Exec=|	<command>)//; s,</command>,,' | grep '^imagine ' | sort -u
        grep -rhE '^exec imagine' desktop/nautilus/scripts | sed 's/^exec //; s/\${NAUTILUS_SCRIPT_SELECTED_URIS:-}/%F/'
}
check "there are calls" test "$(calls | wc -l)" -ge 10
while read -r _ verb rest; do
        check "imagine $verb is a verb" grep -q "^        X(VERB_[A-Z]*, $verb," client/verbs.h
        for word in $rest; do
                case $word in
                --) ;;
                --*) check "$word is an option" grep -qE "\"${word#--}\"" client/options.h ;;
                esac
        done
        case $rest in
        "--folder %F") ;; # one
        *%F*) check "files of $verb stand behind --" grep -q -e '-- %F$' <<<"$rest" ;;
        esac
done < <(calls)

# Completions: what fish and zsh offer is what bash does, whose words are compared with the program's own.
offered_by_bash() { # WORDS
        bash -c '. client/completions/imagine.bash; COMP_WORDS=(imagine $1 --); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _imagine
                printf "%s\n" "${COMPREPLY[@]}"' - "$1" | sort
}
offered_by_fish() {
        fish --no-config -c "source client/completions/imagine.fish; complete -C 'imagine $1 --'" 2>/dev/null |
                cut -f 1 | grep '^--' | sort -u
}
offered_by_zsh() {
        zsh -f -c '_arguments() { for s; do s=${s#\*}; [[ $s == --* ]] && print -r -- ${${s%%\[*}%=}; done }
                words=(imagine ${=1} --); CURRENT=$#words; source client/completions/_imagine' - "$1" | sort -u
}
PATH=$B:$PATH
mapfile -t verbs < <("$imagine" --json help | field "'\n'.join(o['verbs'])")
mapfile -t with_value < <(sed -nE 's/^(\\fB\\-[a-z]\\fR, )?\\fB(\\-\\-.*)\\fR \\fI.*/\2/; T; s/\\-/-/gp' docs/imagine.1)
for shell in fish zsh; do
        if ! command -v $shell >/dev/null; then
                echo "ok - completions of $shell # skip there is no $shell"
                continue
        fi
        for verb in "${verbs[@]}"; do
                check "$shell completes $verb as bash" diff <(offered_by_bash "$verb") <(offered_by_$shell "$verb")
        done
        check "$shell takes no word of a prompt for the verb" diff <(offered_by_bash generate) <(offered_by_$shell "a load")
        for option in "${with_value[@]}"; do
                check "$shell does not take the value of $option for the verb" \
                        diff <(offered_by_bash watch) <(offered_by_$shell "$option load watch")
        done
done
