#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pictures from pictures, from the command line to the file, with the real engine and small models: an ordinary one, and one
# that was made for painting in.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi

models=$(dirname "$(find "$IMAGINED_ROOT" -path '*/models/default')")
cp -RL "$top/tests/fixtures/tiny-inpaint" "$models/inpaint"
cd "$IMAGINED_ROOT" || exit 1
mkdir work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

draw() { imagine --user -q --steps 4 --seed 42 "$@" fox; }
python3 - <<'END'
import struct, zlib

def png(path, width, height, mode, pixel):
    rows = b''.join(b'\0' + b''.join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, mode, 0, 0, 0)) +
                chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))

png('photo.png', 48, 32, 2, lambda x, y: (x * 5, y * 7, 255 - x * 3))
png('mask.png', 48, 32, 0, lambda x, y: (255 if x >= 24 else 0,))
data = open('photo.png', 'rb').read()
open('huge.png', 'wb').write(data[:16] + struct.pack('>II', 100000, 100000) + data[24:29] +
                             struct.pack('>I', zlib.crc32(data[12:16] + struct.pack('>II', 100000, 100000) + data[24:29])) + data[33:])
open('cut.png', 'wb').write(data[:len(data) // 2])
open('photo.txt', 'w').write('not a picture at all\n')
END
outside() { # FILE: the left half is the photo's, byte for byte, and the right one is not
        [ "$(png left "$1")" = "$(png left photo.png)" ] && [ "$(png right "$1")" != "$(png right photo.png)" ]
}

for model in default inpaint; do
        check "$model: image to image" draw --model $model --from photo.png --strength 0.5 --size 48x32 -o $model.png
        check "$model: inpainting" draw --model $model --from photo.png --mask mask.png --size 48x32 -o $model-in.png
        check "$model: around the mask nothing changes, and in it something does" outside $model-in.png
        check "$model: again the same bytes" draw --model $model --from photo.png --mask mask.png --size 48x32 -o $model-again.png
        check "$model: they are" cmp $model-in.png $model-again.png
done
for model in default inpaint; do
        check "$model: outpainting" draw --model $model --from photo.png --outpaint right:48 -o $model-out.png
        check "$model: the canvas has grown" test "$(png size $model-out.png)" = 96x32
        check "$model: the picture is where it was, byte for byte" test "$(png left $model-out.png)" = "$(png all photo.png)"
done
check "the settings have the sides" grep -qF "Denoising strength: 1, Outpaint: \"right:48\"" default-out.png
check "the settings have the strength" grep -qF "Denoising strength: 0.5" default.png
check "without a size the picture has its own shape" draw --from photo.png -o shape.png
check "in the model's area" test "$(png size shape.png)" = 20x16
for file in "$top"/tests/fixtures/pictures/{progressive.jpg,lossy.webp}; do
        check "from ${file##*.}" draw --from "$file" -o "from-${file##*.}.png"
done
imagine --user -q --steps 4 --seed 42 --model default --from - --size 48x32 --strength 0.5 -o stdin.png fox <photo.png
check "from stdin" cmp stdin.png default.png

check "a truncated file" says "init-image: a broken PNG" draw --from cut.png -o x.png
check "an enormous one" says "init-image: 100000 x 100000 pixels" draw --from huge.png -o x.png
check "what is no picture" says "init-image: neither PNG nor JPEG nor WebP" draw --from photo.txt -o x.png
check "a broken mask" says "mask: a broken PNG" draw --from photo.png --mask cut.png -o x.png
check "animation" says "init-image: an animated WebP" draw --from "$top/tests/fixtures/pictures/animated.webp" -o x.png
check "none of which left a file" test ! -e x.png
check "a mask alone" fails 2 draw --mask mask.png -o x.png
check "a file that is not there" fails 1 draw --from none.png -o x.png
check "the next job works" draw --model default --from photo.png --strength 0.5 --size 48x32 -o next.png
check "and draws the same" cmp next.png default.png

steps() { # OPTION…: how many a job tells, of which it can count no more
        draw --steps 10 --size 48x32 --json --force -o steps.png "$@" | field "o['steps'] if o['step'] <= o['steps'] else o"
}
check "all steps are told" test "$(steps)" = 10
check "with a strength those that are made" test "$(steps --from photo.png --strength 0.5)" = 5
check "of two passes those of both" test "$(steps --hires 2)" = 17
check "two passes of more steps than one may have" draw --steps 400 --hires 2 --hires-strength 0.5 --size 32x32 -o long.png

check "as JPEG, by the name" draw -o out.jpg
check "it is one" test "$(head -c 3 out.jpg | od -An -tx1)" = " ff d8 ff"
check "as WebP, by option, named by us" test "$(draw --format webp)" = ./fox-42.webp
check "it is one" test "$(head -c 4 fox-42.webp)$(tail -c +9 fox-42.webp | head -c 4)" = RIFFWEBP
check "its loss can be none" draw --quality 100 -o full.webp
check "both can be started from" draw --from full.webp --strength 0.5 -o back.png
check "a quality is smaller" draw --quality 10 -o small.jpg
check "than another" test "$(stat -c %s small.jpg)" -lt "$(stat -c %s out.jpg)"
check "nothing was said that a sanitizer says" fails 1 grep -E 'Sanitizer|runtime error:' "$IMAGINED_ROOT/log"
[ -z "$failed" ]
