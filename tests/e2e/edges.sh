#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Requests at the edges of what can be asked for, with the real service, engine and default model: each gives a sensible
# picture or a clear error, and the next request works.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=${SAN:+tests/fixtures/tiny-model} exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

draw() { imagine --user --seed 1 --steps 2 "$@"; }
clean() { # FILE: nearly all of its border has one colour
        [ "$(png border "$1")" -ge 90 ]
}

check "a picture" draw -o first.png "a fox"

# Sizes.
sizes=(16x16 17x23 64x64)
[ -n "${SAN:-}" ] || sizes+=(517x301 1024x512 512x1024 2048x16)
for size in "${sizes[@]}"; do
        check "a picture of $size" draw --size "$size" -o "$size.png" "a fox"
        check "has that size" test "$(png size "$size.png")" = "$size"
done
for size in 15x64 64x2049 0x0 99999999999x1; do
        check "$size is refused" fails 2 draw --size "$size" -o none.png "a fox"
done
if [ -z "${SAN:-}" ]; then # the tiny model draws noise
        for size in 512x256 256x512; do
                check "a heart of $size" imagine --user --seed 1 --size "$size" -o heart.png --force "a red heart"
                check "is whole" png extent heart.png
        done
        check "no words" imagine --user --seed 3 -o empty.png ""
        check "give something clean" clean empty.png
        check "words without meaning" imagine --user --seed 3 -o nonsense.png "xqzv blorpt wubble"
        check "do too" clean nonsense.png
fi

# Steps, guidance, seeds.
check "one step" imagine --user --steps 1 --seed 1 -o one.png "a fox"
check "a hundred" imagine --user --steps 100 --size 64x64 --seed 1 -o hundred.png "a fox"
check "are what the picture says" contains hundred.png "Steps: 100"
check "too many are refused" says steps imagine --user --steps 501 -o none.png "a fox"
check "none are" says steps imagine --user --steps 0 -o none.png "a fox"
for guidance in 0 1 30; do
        check "guidance $guidance" draw --guidance $guidance -o "guidance-$guidance.png" "a fox"
        check "gives no plain area" test "$(png colours "guidance-$guidance.png")" -gt 50
done
check "guidance beyond reason is refused" says guidance draw --guidance 1000 -o none.png "a fox"
check "guidance that is no number is" says guidance draw --guidance nan -o none.png "a fox"
check "the largest seed" imagine --user --steps 2 --seed 18446744073709551615 -o largest.png "a fox"
check "is what the picture says" contains largest.png "Seed: 18446744073709551615"
check "a larger one is refused" says seed imagine --user --seed 18446744073709551616 -o none.png "a fox"
check "two pictures from the largest seed" draw --seed 18446744073709551615 --count 2 -o both.png "a fox"

# Prompts.
for prompt in "рыжая лиса на скейтборде" "滑板上的狐狸" "ثعلب أحمر على لوح تزلج" "🦊🛹" $'a\u0301\u0301\u0301 fox' "((((" "a (fox:1e9)"; do
        check "the prompt $prompt" draw -o script.png --force "$prompt"
        check "stands in the picture" contains script.png "$prompt"
done
[ -n "${SAN:-}" ] || # the tiny model takes any length
        check "what of a long prompt is not used is told" tells "were not used" draw -o long.png "$(printf 'a red fox and %.0s' {1..100})"
check "the next request works" draw -o last.png "a fox"
check "and gives the first one's picture" cmp first.png last.png
[ -z "$failed" ] || cat "$IMAGINED_ROOT/log"
