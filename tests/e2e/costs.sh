#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What was spent, and what pictures may be used for: drawn by servers that are played here, and on this machine.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

if [ -z "${IMAGINED_ROOT:-}" ]; then
        work=$(mktemp -d)
        python3 tests/net/fake-server "$work" &
        server=$!
        trap 'kill "$server"; rm -rf "$work"' EXIT
        export WORK=$work XDG_STATE_HOME=$work/state IMAGINED_NET_TEST_WAIT_MS=1 MODEL=tests/fixtures/tiny-model LC_ALL=C.UTF-8 LANGUAGE='' TZ=UTC
        tests/with-service "$top/tests/e2e/costs.sh"
        exit $?
fi
export XDG_DATA_HOME=$IMAGINED_ROOT/data # where the service has them, too
cd "$WORK" || exit 1
for _ in $(seq 600); do
        [ ! -s port ] || break
        sleep 0.05
done
url="http://127.1:$(cat port)"
cat >prices.conf <<'END'
services = ( { name = "foxes"; terms = "https://example.org/terms"; dated = "2026-05-20"; licence = "as the terms have it";
               owner = "the customer"; attribution = "Drawn by Foxes Ltd"; commercial = true; currency = "EUR";
               prices_dated = "2026-05-01"; prices_from = "https://example.org/prices"; prices = ( { picture = 0.015; } ); } );
END
cat >>"$IMAGINED_ROOT/imagined.conf" <<END
provider_tables = [ "$WORK/prices.conf" ];
remote = { budget = { currency = "USD"; day = 5; month = 20; unknown_prices = true; }; };
servers = ( { name = "dalle"; dialect = "openai-images"; url = "$url/ok/v1"; model = "gpt-image-1"; price = 0.04; },
            { name = "foxes"; dialect = "openai-images"; url = "$url/ok/v1"; model = "gpt-image-1"; service = "foxes"; },
            { name = "broken"; dialect = "openai-images"; url = "$url/401/v1"; model = "gpt-image-1"; price = 0.5; },
            { name = "silent"; dialect = "openai-images"; url = "$url/silent/v1"; model = "gpt-image-1"; price = 0.02; },
            { name = "priceless"; dialect = "openai-images"; url = "$url/ok/v1"; model = "gpt-image-1"; } );
END
draw() { imagine --user --quiet "$@" >/dev/null; }
costs() { # EXPRESSION OPTIONS…: of each row of the sums
        local expression=$1
        shift
        imagine costs --json "$@" | field "[$expression for r in o['costs']]"
}
licence() { # EXPRESSION FILE|ID
        imagine licence --json "$2" | field "(lambda p: $1)(o['pictures'][0])"
}
said_of() { # LABEL FILE|ID
        imagine licence "$2" | sed -n "s/^$1  *//p"
}

check "when and where a price was read is told" tells "foxes: price as of 2026-05-01, read at https://example.org/prices" imagine providers
check "but not of the user's own" test "$(imagine providers 2>&1 | grep -c "dalle: price")" = 0
check "nothing was spent" tells "Nothing was spent" imagine costs
check "and programs are told so" test "$(imagine costs --json | field "(o['costs'], o['totals'])")" = "([], [])"
check "and what is left" test "$(imagine costs --json | field "o['budget']")" = \
        "{'currency': 'USD', 'day': 5000000, 'month': 20000000, 'day-spent': 0, 'month-spent': 0}"
draw --seed 7 --steps 2 -o here.png "a red fox"
check "a picture of this machine costs nothing" test "$(imagine costs --json | field "o['costs']")" = "[]"
for server in dalle foxes broken silent priceless; do
        imagine consent grant $server >/dev/null 2>&1 || echo "# no consent to $server"
done
draw --provider dalle -o dalle.png "a fox" && draw --provider dalle -o dalle2.png "a fox"
draw --provider foxes -o foxes.png "a fox"
draw --provider broken -o broken.png "a fox" 2>/dev/null
draw --provider priceless -o priceless.png "a fox"
check "each provider's sum" test "$(costs "(r['provider'], r['settled'], r['pictures'], r['currency'])" --by provider)" = \
        "[('broken', 0, 0, 'USD'), ('dalle', 80000, 2, 'USD'), ('foxes', 15000, 1, 'EUR'), ('priceless', 0, 1, 'USD')]"
check "what is not known is no 0" grep -qE '^priceless +1 +\? +\? +1$' <(imagine costs --by provider)
check "nor in programs" test "$(costs "r['unpriced']" --by provider)" = "[0, 0, 0, 1]"
check "currencies are not added up" test "$(imagine costs --json | field "[(t['currency'], t['settled']) for t in o['totals']]")" = \
        "[('EUR', 15000), ('USD', 80000)]"
check "people are told so" grep -qx 'In all 0.08 USD, and 0.00 USD reserved' <(imagine costs)

imagine --user --quiet --detach --provider silent "a fox" >/dev/null
for _ in $(seq 600); do # it is on its way
        [ "$(costs "r['reserved']" --by provider)" != "[0, 0, 0, 0, 20000]" ] || break
        sleep 0.05
done
check "what is under way is reserved" test "$(costs "(r['provider'], r['settled'], r['reserved'])" --by provider | grep -c "('silent', 0, 20000)")" = 1

left() { # WHAT: is what the budget has not, by what costs says was spent and reserved on this day, in its currency
        imagine costs --json --by day | field "o['budget']['$1-spent'] == sum(r['settled'] + r['reserved'] for r in o['costs'] if r['currency'] == 'USD')"
}
check "both are not left of the day's budget" test "$(left day)" = True
check "nor of the month's" test "$(left month)" = True
check "people are told what is" grep -qx 'Left today: 4.90 USD of 5.00 USD' <(imagine costs)
check "also of the month" grep -qx 'Left this month: 19.90 USD of 20.00 USD' <(imagine costs)
check "without anybody to ask there is what was spent" grep -q '^In all' <(DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent imagine --user costs)

# An older one, asked for by an app: the first, in the service's own ledger.
python3 - "$XDG_STATE_HOME/imagined/ledger.sqlite" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
with db:
    db.execute("UPDATE spending SET day = '2026-01-02', at = 1767355200000000, app = 'org.example.Shop' WHERE id = (SELECT MIN(id) FROM spending)")
END
check "by day, the newest first" test "$(costs "(r['day'], r['settled'])" --by day | grep -o "('2026-01-02', 40000)]$")" = "('2026-01-02', 40000)]"
check "by app" test "$(costs "(r['app'], r['settled'], r['currency'])" --by app)" = "[('', 15000, 'EUR'), ('', 40000, 'USD'), ('org.example.Shop', 40000, 'USD')]"
check "by all of them" test "$(costs "'day' in r and 'provider' in r and 'app' in r" | grep -c False)" = 0
check "since then" test "$(costs "r['settled']" --by provider --since 2026-01-03)" = "[0, 40000, 15000, 0, 0]"
check "until then" test "$(costs "(r['provider'], r['settled'])" --by provider --until 2026-01-03)" = "[('dalle', 40000)]"
mkdir -p broken/imagined
echo "no database, but longer than the name of one" >broken/imagined/ledger.sqlite
check "a broken ledger is told of" fails 1 env XDG_STATE_HOME="$WORK/broken" imagine costs
mkdir -p newer/imagined
python3 -c 'import sqlite3; sqlite3.connect("newer/imagined/ledger.sqlite").execute("PRAGMA user_version = 2")'
check "a newer program's, too" grep -q "of a newer version of this program" <(XDG_STATE_HOME=$WORK/newer imagine costs 2>&1)
check "by something else is refused" says "none of day, provider, app" imagine costs --by model
imagine cancel 7 >/dev/null 2>&1

# A stranger's record, which says that it was drawn here.
imagine log export --quiet own.jsonl
python3 - <<'END'
import json
record = next(r for r in map(json.loads, open('own.jsonl')) if 'provider' not in r)
record.update(id='3' * 10, time=record['time'] + 1, files=[], pixels='0' * 64)
record['settings'].update(provider='dalle', count=4, detach=True, purpose='icon')
open('stranger.jsonl', 'w').write(json.dumps(record))
END
imagine log import --quiet stranger.jsonl
before=$(costs "r['settled']" --by provider)
check "a setting of a record does not choose who draws" tells "the setting provider is left out" imagine remake --user -o stranger.png 3333333333
check "nor what is spent" test "$(costs "r['settled']" --by provider)" = "$before"
check "nor how many there are" test "$(echo stranger*.png)" = stranger.png

# What others draw is marked as what is drawn here is (marks.sh), whatever its format.
if command -v exiftool >/dev/null; then
        for format in png jpeg webp; do
                draw --provider foxes --format $format -o marked.$format "a red fox"
                check "$format: exiftool reads the marks of what another generator drew, and finds nothing wrong" test \
                        "$(exiftool -s3 -XMP-iptcExt:DigitalSourceType -XMP-iptcExt:AISystemUsed -XMP-iptcExt:AIPromptInformation \
                                -XMP-iptcCore:AltTextAccessibility -XMP-xmpRights:WebStatement -XMP-photoshop:Credit \
                                -XMP-plus:ImageSupplierName -Error -Warning marked.$format)" = \
                        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia
gpt-image-1
a red fox
a red fox
https://example.org/terms
Drawn by Foxes Ltd
foxes"
                check "$format: none is missing" test "$(imagine check --json marked.$format | field "o['pictures'][0]['missing'], o['pictures'][0]['marks']['provider']")" = "[] foxes"
        done
fi

check "the terms of who drew it" test "$(licence "[p[k] for k in ('source', 'provider', 'licence', 'address', 'date', 'owner', 'attribution', 'commercial')]" foxes.png)" = \
        "['record', 'foxes', 'as the terms have it', 'https://example.org/terms', '2026-05-20', 'the customer', 'Drawn by Foxes Ltd', True]"
check "when it was made is told in one form" test "$(licence "len(p['made'])" foxes.png) $(XDG_DATA_HOME=$WORK/none licence "len(p['made'])" foxes.png)" = "20 20"
check "in words" test "$(said_of 'to be named' foxes.png), $(said_of 'commercial use' foxes.png)" = "Drawn by Foxes Ltd, permitted"
check "without terms nothing is permitted" test "$(licence "[p[k] for k in ('licence', 'address', 'commercial')]" dalle.png)" = "[None, None, False]"
check "the licence of the model, and where it stands" test "$(licence "[p[k] for k in ('source', 'licence', 'address', 'commercial', 'owner')]" here.png)" = \
        "['record', 'CC0-1.0', 'https://creativecommons.org/publicdomain/zero/1.0/', True, None]"
id=$(licence "p['id']" here.png)
check "by the beginning of its id" test "$(licence "p['licence']" "${id:0:6}")" = CC0-1.0
check "it is no legal advice" tells "no legal advice" imagine licence "$id"
check "nor for programs" test "$(imagine licence --json "$id" | field "'no legal advice' in o['note']")" = True
check "an unknown id" fails 3 imagine licence 2222222222
without_records() { XDG_DATA_HOME=$WORK/none "$@"; }
check "without a record its file says it" test "$(without_records licence "[p[k] for k in ('source', 'id', 'provider', 'licence', 'address', 'commercial')]" here.png)" = \
        "['file', None, 'imagined', 'CC0-1.0', 'https://creativecommons.org/publicdomain/zero/1.0/', True]"
check "also that of a provider" test "$(without_records licence "[p[k] for k in ('source', 'provider', 'address', 'attribution')]" foxes.png)" = \
        "['file', 'foxes', 'https://example.org/terms', 'Drawn by Foxes Ltd']"
cp "$top/tests/fixtures/pictures/rgb.png" other.png
check "or says nothing" fails 1 imagine licence other.png
cp other.png here.png
check "another picture in its place is told of" tells "here.png is not the picture that was recorded" imagine licence here.png
[ -z "$failed" ]
