#!/bin/sh
# SPDX-License-Identifier: CC0-1.0
#
# How a shell script asks for a picture by the bus alone, and fetches it later:    ./example.sh "a red fox" fox.png
#
# busctl leaves after its call, so the job has to go on by itself (detach); it cannot take a descriptor, so imagine fetches the
# picture, waiting for it if need be.
set -eu
if [ $# -ne 2 ]; then
        echo "usage: $0 PROMPT FILE" >&2
        exit 2
fi
answer=$(busctl --user call org.imagined.Imagine1 /org/imagined/Imagine1 org.imagined.Imagine1.Manager \
        Generate 'sa{sv}' "$1" 2 detach b true seed t 42)
id=${answer#uo } # uo 7 "/org/imagined/Imagine1/job/1000_7"
exec imagine --user --quiet get "${id%% *}" --output "$2"
