# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2317
#
# What the scripts of the gallery share; after window.bash. Records are where the service has them.

export XDG_DATA_HOME=$IMAGINED_ROOT/data
export IMAGINED_ENGINE=$IMAGINED_ROOT${PREFIX:-/usr/local}/libexec/imagined/imagined-engine

draw() { imagine --user -q --steps 2 --size 64x64 "$@" >/dev/null; }
open_gallery() {
        ask --user --folder . && focus && press Gallery && sees_focus entry Search
}
counted_thumbnails() { # N: there are so many in the end
        thumbnails_are() { [ "$(find "$HOME/.cache/thumbnails/large" -type f | wc -l)" -eq "$1" ]; }
        eventually thumbnails_are "$1"
}
# So many records of long ago, the oldest of them number 0, of one picture under as many names.
many() { # N PICTURE
        mkdir -p many
        python3 - "$1" "$2" "$PWD/many" <<'END' | imagine log import -q -
import json, os, sys

for i in range(int(sys.argv[1])):
    path = f"{sys.argv[3]}/{i}.png"
    os.link(sys.argv[2], path)
    id = "m" + "".join("23456789ab"[int(digit)] for digit in f"{i:09}")
    print(json.dumps({"id": id, "time": 10**15 + i, "prompt": f"number {i} of many", "state": "draft", "width": 64, "height": 64, "files": [path]}))
END
}
