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
german --help >"$work/help"
check "--help is German" grep -q 'macht Bilder' "$work/help"
check "and fits on a screen" test "$(LC_ALL=C.UTF-8 wc -L <"$work/help")" -le 80 -a "$(grep -c . "$work/help")" -le 23
check "English stays" grep -q 'make pictures' <(english --help)
check "errors are German" grep -q 'Eingabefenster' <(mkdir "$work/lone"; cp "$B/imagine" "$work/lone/"
        LC_ALL=C.UTF-8 LANGUAGE=de TEXTDOMAINDIR=$B/locale "$work/lone/imagine" ask 2>&1)
check "JSON is the same in both" cmp <(german --help --json) <(english --help --json)
exit $failed
