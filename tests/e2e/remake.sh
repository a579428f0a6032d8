#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A picture of the default model, made again: after its model was loaded anew, by another process, with another number of threads.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
# shellcheck source=tests/e2e/checks.bash
. tests/e2e/checks.bash

if [ -z "${IMAGINED_ROOT:-}" ]; then
        [ -e model/default/model_index.json ] || { echo "the default model is not here"; exit 77; }
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        export WORK=$work LC_ALL=C.UTF-8 LANGUAGE=''
        B=$B tests/with-service bash "$PWD/tests/e2e/remake.sh"
        exit $?
fi
export XDG_DATA_HOME=$IMAGINED_ROOT/data # where the service has them, too
cd "$WORK" || exit 1

again() { # WHICH OPTIONS…
        imagine remake --verify --quiet -f -o again.png "$@"
}
end_service() { # the next call starts one that reads its configuration
        local pid
        pid=$(busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetConnectionUnixProcessID s \
                org.imagined.Imagine1)
        kill "${pid#u }"
        while kill -0 "${pid#u }" 2>/dev/null; do sleep 0.02; done
}

imagine --quiet --seed 7 --steps 8 -o fox.png "a red fox" >/dev/null
id=$(imagine history --quiet)
check "the same pixels at once" again "$id"
imagine unload --quiet
check "and when the model was loaded anew" again fox.png
for threads in 1 2 3; do
        end_service
        sed -i '/^threads/d' "$IMAGINED_ROOT/imagined.conf"
        echo "threads = $threads;" >>"$IMAGINED_ROOT/imagined.conf"
        check "and with $threads threads" again "$id"
done
check "not in another precision" fails 1 again "$id" --precision f32 --sampler euler
check "which is said" grep -q '^sampler was' <(imagine remake --verify -f -o other.png --sampler euler "$id" 2>&1)
[ -z "$failed" ]
