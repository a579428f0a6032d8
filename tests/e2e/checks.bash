# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the scripts here share. They run in $IMAGINED_ROOT's service (tests/with-service) and print TAP.

failed=

check() { # WHAT COMMAND…
        local what=$1
        shift
        if "$@" >"$IMAGINED_ROOT/said" 2>&1; then
                echo "ok - $what"
        else
                failed=1
                echo "not ok - $what"
                sed 's/^/    /' "$IMAGINED_ROOT/said"
        fi
}
fails() { # CODE COMMAND…
        local code=$1 status
        shift
        "$@"
        status=$?
        echo "status $status"
        [ $status -eq "$code" ]
}
says() { # TEXT COMMAND…: wrong options or values, and says that
        local text=$1 output status
        shift
        output=$("$@" 2>&1)
        status=$?
        echo "status $status: $output"
        [ $status -eq 2 ] && [[ $output == *"$text"* ]]
}
tells() { # TEXT COMMAND…: it works, and says that
        local text=$1 output
        shift
        output=$("$@" 2>&1) || return 1
        echo "$output"
        [[ $output == *"$text"* ]]
}
png() { # WHAT FILE
        "$top/tests/e2e/png.py" "$@"
}
field() { # JSON-EXPRESSION: of the object on standard input, as Python sees it
        python3 -c "import json, sys; o = json.load(sys.stdin); print($1)"
}
contains() { # FILE TEXT: the settings written in the picture
        png text "$1" | grep -qF -e "$2"
}
