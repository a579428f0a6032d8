#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# imagine describe and imagine consent, with a server that answers, on a session bus of their own.
set -u
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build} PREFIX=${PREFIX:-/usr/local} SAN=${SAN:-}
command -v dbus-run-session python3 >/dev/null || { echo "no dbus-run-session on this machine"; exit 77; }

if [ "${1:-}" != inside ]; then
        work=$(mktemp -d) || exit 1
        trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
        python3 tests/net/fake-server "$work" >/dev/null 2>&1 &
        server=$!
        for _ in $(seq 600); do [ -e "$work/port" ] && break; sleep 0.1; done
        export WORK=$work XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work MODEL=tests/fixtures/tiny-model LC_ALL=C.UTF-8 LANGUAGE=
        mkdir -p "$work/state"
        tests/with-service bash "$0" inside
        exit
fi

check() { # WHAT COMMAND…
        local what=$1
        shift
        if "$@"; then echo "ok - $what"; else echo "not ok - $what"; fi
}
silent() { [ ! -s "$WORK/connections" ]; }
url=http://127.0.0.1:$(cat "$WORK/port")
cat >>"$IMAGINED_ROOT/imagined.conf" <<END
servers = ( { name = "eye"; url = "$url/ok/v1"; vision = true; }, { name = "echo"; url = "$url/messages/v1"; vision = true; },
            { name = "blind"; url = "$url/ok/v1"; }, { name = "away"; url = "${url/127.0.0.1/127.1}/ok/v1"; vision = true; } );
END
export IMAGINED_ENGINE=$IMAGINED_ROOT${PREFIX}/libexec/imagined/imagined-engine
picture=$WORK/fox.png
imagine --steps 1 --seed 7 -q -o "$picture" '(a red fox:1.2) in [snow]' >/dev/null || exit 1
cp tests/fixtures/pictures/baseline.jpg "$WORK/photo.jpg"

check "four servers are listed" test "$(imagine consent --quiet | tr '\n' ' ')" = "eye echo blind away "
check "none has consent" test "$(imagine consent | grep -c 'not given')" = 4
check "our own picture tells by its settings" test "$(imagine describe "$picture")" = "a red fox in snow"
check "a photograph does not" test "$(imagine describe "$WORK/photo.jpg" 2>&1 | grep -c 'does not say')" = 1
check "a server without consent is not asked" grep -q 'imagine consent grant eye' <(imagine describe --server eye "$picture" 2>&1)
imagine describe --server eye --dry-run "$picture" >"$WORK/dry"
check "a dry run shows the request" grep -q '^POST /ok/v1/chat/completions HTTP/1.1' "$WORK/dry"
check "and the picture in it" grep -q 'data:image/jpeg;base64,/9j/' "$WORK/dry"
check "nothing has been sent so far" silent
check "consent is given" imagine consent grant eye --quiet
check "and shown" grep -qE '^eye +given' <(imagine consent)
check "then the server is asked" test "$(imagine describe "$WORK/photo.jpg")" = "A red fox at dawn, golden light, watercolour"
check "it says so in JSON" grep -q '"source": *"server"' <(imagine describe --json "$WORK/photo.jpg")
# Only the picture: neither the file's name nor the text in it.
python3 - "$WORK/received" <<'END' >"$WORK/sent"
import json, sys
body = open(sys.argv[1], "rb").read().split(b"\r\n\r\n")[1]
message = json.loads(body[:body.rindex(b"}") + 1])["messages"][1]["content"]
import base64
print(base64.b64decode(message[1]["image_url"]["url"].split(",")[1])[:3] == b"\xff\xd8\xff")
END
check "what was sent is a JPEG" grep -q True "$WORK/sent"
check "a broken picture is sent nowhere" test "$(printf 'no picture' >"$WORK/none.png"; imagine describe --server eye "$WORK/none.png" 2>&1 | grep -c 'no picture that can be read')" = 1
imagine --seed 7 --steps 1 -q -o "$WORK/secret.png" 'the words of this prompt are private' >/dev/null
: >"$WORK/received"
imagine describe --server eye "$WORK/secret.png" >/dev/null
check "the settings in a picture stay here" test "$(grep -ac private "$WORK/received")" = 0
if python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.imagined.private", b"")' "$WORK/photo.jpg" 2>/dev/null; then
        imagine consent grant away --quiet
        : >"$WORK/connections"
        check "a file that is marked as private is not described elsewhere" \
                grep -q 'It is private: nothing was sent to away' <(imagine describe --server away "$WORK/photo.jpg" 2>&1)
        check "nothing was sent" silent
        check "but on this machine" test "$(imagine describe --server eye "$WORK/photo.jpg")" = "A red fox at dawn, golden light, watercolour"
else
        echo "ok - files marked as private # skip no extended attributes here"
fi
check "consent is taken back" imagine consent revoke eye --quiet
check "and then holds no more" test "$(imagine describe --server eye "$picture" 2>&1 | grep -c 'imagine consent grant')" = 1
check "wrong words are refused" test "$(imagine consent give eye >/dev/null 2>&1; echo $?)" = 2
