#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What pictures' files say of them, drawn by the service in each format, as exiftool, exiv2 and Pillow read it.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IMAGINED_ROOT:-}" ]; then
        if ! command -v exiftool >/dev/null; then
                echo "needs exiftool"
                exit 77
        fi
        MODEL=tests/fixtures/tiny-model exec tests/with-service "$0"
fi
cd "$IMAGINED_ROOT" || exit 1
mkdir work && cd work || exit 1
# shellcheck source=tests/e2e/checks.bash
. "$top/tests/e2e/checks.bash"

prompt='a (red:1.5) <fox> & "Ü", 日本 🦊'
python=python3
"$python" -c 'import PIL' 2>/dev/null || python=/usr/bin/python3
draw() { imagine --user -q --seed 7 --steps 2 --size 64x64 "$@"; }
mark() { # FILE TAG VALUE: what exiftool reads
        local read
        read=$(exiftool -s3 -d %s "-$2" "$1")
        echo "$2: '$read', not '$3'"
        [ "$read" = "$3" ]
}
parameters() { # FILE: as web UIs look for them
        case $1 in
        *.png) exiftool -b -PNG:Parameters "$1" ;;
        *) exiftool -b -EXIF:UserComment "$1" ;;
        esac
}
says() { # FILE TEXT
        parameters "$1" | grep -qF -e "$2"
}
pillow() { # FILE, with the Python that has it
        "$python" - "$1" "$prompt" <<'END'
import sys
from PIL import Image
picture = Image.open(sys.argv[1])
packet = picture.info.get("XML:com.adobe.xmp") or picture.info.get("xmp") or next(
    s[1][29:] for s in picture.applist if s[1].startswith(b"http://ns.adobe.com/xap/1.0/\0"))
packet = packet if isinstance(packet, str) else packet.decode()
assert "trainedAlgorithmicMedia" in packet and "日本 🦊" in packet, packet
text = picture.info.get("parameters")
if not text:
    comment = picture.getexif().get_ifd(0x8769)[0x9286]
    assert comment[:8] == b"UNICODE\0"
    text = comment[8:].decode("utf-16-be")
assert text.startswith(sys.argv[2] + "\nNegative prompt: blur\nSteps: 2, "), text
END
}

for format in png jpeg webp; do
        file=fox.$format
        check "$format: a picture" draw --format $format --negative blur --creator "Jo Müller" -o "$file" "$prompt"
        check "$format: its settings" says "$file" "$prompt"
        check "$format: the seed" says "$file" "Seed: 7,"
        check "$format: made by a model" mark "$file" XMP-iptcExt:DigitalSourceType \
                http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia
        check "$format: by which" mark "$file" XMP-iptcExt:AISystemUsed tiny
        check "$format: of these words" mark "$file" XMP-iptcExt:AIPromptInformation "$prompt.Negative prompt: blur"
        check "$format: whose" mark "$file" XMP-iptcExt:AIPromptWriterName "Jo Müller"
        check "$format: for those who cannot see it" mark "$file" XMP-iptcCore:AltTextAccessibility 'a red & "Ü", 日本 🦊'
        check "$format: by whom" mark "$file" XMP-dc:Creator "Jo Müller"
        check "$format: with what" mark "$file" XMP-xmp:CreatorTool "imagined $(imagine --version | cut -d ' ' -f 2)"
        check "$format: when" mark "$file" XMP-xmp:CreateDate "$SOURCE_DATE_EPOCH"
        check "$format: delivered by" mark "$file" XMP-plus:ImageSupplierName imagined
        check "$format: imagine misses nothing" test "$(imagine check --json "$file" |
                field "o['pictures'][0]['missing'], o['pictures'][0]['prompts'], o['pictures'][0]['program']")" = \
                "[] ['settings', 'xmp'] imagined"
        check "$format: exiftool finds nothing wrong" test -z "$(exiftool -s3 -Error -Warning "$file")"
        if command -v exiv2 >/dev/null; then
                check "$format: exiv2 reads the same" tells trainedAlgorithmicMedia exiv2 -g DigitalSourceType -pa "$file"
        fi
        if "$python" -c "import PIL" 2>/dev/null; then
                check "$format: and so does Pillow" pillow "$file"
        fi
done
draw --format webp --negative blur --creator "Jo Müller" -o again.webp "$prompt"
check "the bytes are the same again" cmp again.webp fox.webp

check "a picture of Latin-1" draw -o latin.png --alt-text "Ein Füchslein" "Füchse"
check "has it in the chunk that all read" grep -qaF "$(printf 'F\374chse')" latin.png
check "and what was said for those who cannot see it" mark latin.png XMP-iptcCore:AltTextAccessibility "Ein Füchslein"

check "made from another picture" draw --from latin.png --strength 0.5 -o from.png "a fox"
check "it says so" mark from.png XMP-iptcExt:DigitalSourceType \
        http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia
for format in png jpeg webp; do
        check "$format: prompts can be left out" draw --no-prompt-metadata --format $format --negative secret2 -o bare.$format secret1
        check "$format: no word of them is in the file" fails 1 grep -qaE 's.?e.?c.?r.?e.?t' bare.$format
        check "$format: it still says what it is" mark bare.$format XMP-iptcExt:DigitalSourceType \
                http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia
done
check "imagine tells whether a prompt is there" tells "not in the file" imagine check bare.webp

# What tests/client/test-metadata.c reads is where exiftool finds it, too.
fixtures=$top/tests/fixtures/metadata
read_as() { # FILE TAG TEXT
        exiftool -b "-$2" "$fixtures/$1" | grep -qF -e "$3"
}
for file in webui-latin1.png webui-compressed.png; do
        check "$file" read_as $file PNG:Parameters "a lighthouse at Größe"
done
check "webui-unicode.png" read_as webui-unicode.png PNG:Parameters "日本 🗼"
for file in webui.jpg webui.webp; do
        check "$file" read_as $file EXIF:UserComment "日本 🗼"
done
check "comfyui.png" read_as comfyui.png PNG:Prompt '"class_type": "KSampler"'
check "comfyui.webp" read_as comfyui.webp EXIF:Model 'prompt:{"3": {"class_type": "KSampler"'
check "invokeai.png" read_as invokeai.png PNG:Invokeai_metadata '"positive_prompt": "a lighthouse"'
check "invokeai-2.png" read_as invokeai-2.png PNG:Sd-metadata '"app_version": "2.3.5"'
check "nothing was said that a sanitizer says" fails 1 grep -E 'Sanitizer|runtime error:' "$IMAGINED_ROOT/log"
[ -z "$failed" ]
