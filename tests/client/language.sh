#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# German is complete, imagine speaks it, and what programs read stays as it is.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
catalogue=$B/locale/de/LC_MESSAGES/imagine.mo
if [ ! -e "$catalogue" ] || ! command -v xgettext >/dev/null; then
        echo "needs gettext"
        exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
check() { # WHAT COMMAND…
        local what=$1
        shift
        if "$@" >"$work/said" 2>&1; then
                echo "ok - $what"
        else
                failed=1
                echo "not ok - $what"
                sed 's/^/    /' "$work/said"
        fi
}
german() { LC_ALL=C.UTF-8 LANGUAGE=de TEXTDOMAINDIR=$B/locale "$B/imagine" "$@"; }
english() { LC_ALL=C.UTF-8 LANGUAGE='' TEXTDOMAINDIR=$B/locale "$B/imagine" "$@"; }

check "texts can be extracted" client/po/extract
client/po/extract >"$work/imagine.pot" 2>/dev/null
check "many of them" test "$(grep -c '^msgid' "$work/imagine.pot")" -gt 100
check "each is in German" msgcmp client/po/de.po "$work/imagine.pot"
check "and nobody has to look again" test -z "$(msgattrib --only-fuzzy client/po/de.po)"
# What is said, or set as an error, is marked: no sentence stands there as it is. What is for programs is English.
# shellcheck disable=SC2046 # names without spaces
unmarked() {
        xgettext --language=C --from-code=UTF-8 --no-location -o - -k -kclient_fail:3 -kclient_fail_named:4 \
                -kclient_fail_named:5 -kclient_say:2 -kclient_warn:2 -kerror_set:3 \
                $(find client -name '*.c' ! -path 'client/mcp/*' ! -path 'client/http/*' ! -name 'option-json.c' | sort) |
                sed -n '/^msgid ""$/,/^msgstr/d; s/%[a-z]*//g; s/^msgid "\(.*[A-Za-z][a-z].*\)"$/\1/p'
}
check "no sentence is left out" test -z "$(unmarked)"
german --help >"$work/help"
check "--help is German" grep -q 'macht Bilder' "$work/help"
check "and fits on a screen" test "$(LC_ALL=C.UTF-8 wc -L <"$work/help")" -le 80 -a "$(wc -l <"$work/help")" -le 23
check "English stays" grep -q 'make pictures' <(english --help)
check "errors are German" grep -q 'Eingabefenster' <(mkdir "$work/lone"; cp "$B/imagine" "$work/lone/"
        LC_ALL=C.UTF-8 LANGUAGE=de TEXTDOMAINDIR=$B/locale "$work/lone/imagine" ask 2>&1)
check "wrong options, too" grep -q 'Option --nothing gibt es nicht' <(german --nothing 2>&1)
check "and the pieces of the desktop" grep -q 'Aktionsmenüs' <(HOME=$work XDG_DATA_DIRS=$work german desktop)
check "in columns that stand below each other" test "$(HOME=$work german desktop | grep -c '^.\{18\}aus  *[^ ]')" -ge 8
check "errors in JSON stay English" grep -q 'there is no option' <(german --json --nothing 2>&1)

# Launchers: KRunner shows what it is told. A bus of its own starts no service.
if command -v busctl dbus-run-session >/dev/null; then
        cat >"$work/ask" <<'END'
"$1/imagine-launcher" &
launcher=$!
until busctl --user call org.freedesktop.DBus / org.freedesktop.DBus NameHasOwner s org.imagined.Imagine.Launcher | grep -q true; do
        kill -0 $launcher || exit 1
        sleep 0.1
done
busctl --user call org.imagined.Imagine.Launcher /org/imagined/Imagine/Launcher org.kde.krunner1 Match s "imagine $2"
kill $launcher
END
        krunner() { # LANGUAGE PROMPT
                LC_ALL=C.UTF-8 LANGUAGE=$1 TEXTDOMAINDIR=$B/locale dbus-run-session -- bash "$work/ask" "$B" "$2" 2>/dev/null
        }
        check "KRunner's line is German" grep -qF 'Ein Bild machen: \342\200\236Fuchs' <(krunner de Fuchs)
        check "and English" grep -qF 'Make a picture of \342\200\234fox' <(krunner '' fox)
        # 399 bytes, then a letter of two.
        check "a long prompt is cut between letters" grep -qF 'a\342\200\235' <(krunner '' "$(printf 'a%.0s' {1..399})äöü")
fi
check "JSON is the same in both" cmp <(german --help --json) <(english --help --json)
exit $failed
