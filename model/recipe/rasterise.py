# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws the fetched vectors and pictures into a pack of sprites.

    python3 rasterise.py PACKAGES OUT                  # 128 pixels, what the model is trained on
    python3 rasterise.py PACKAGES OUT --size 512       # for the enlarger: without loss, no pictures smaller than that
    python3 rasterise.py PACKAGES OUT --sheet a.png    # and some of each source to look at

OUT/art.bin is WebP pictures one after another, OUT/index.jsonl a row for each: src, lic, style, name, tags, group,
sub; skin 1 for people with a skin tone, head for clip art's main word; off and len into art.bin, w and h in pixels;
mask 1 where the grey picture is the alpha of a one-coloured one. Sources that are done (OUT/parts) are not done again.
Needs Debian's python3-pil, python3-gi-cairo, python3-cairo, gir1.2-rsvg-2.0, and nodejs for the portraits.
"""
import argparse
import io
import json
import os

import cairo
import gi
import numpy as np
from PIL import Image, ImageDraw

gi.require_version("Rsvg", "2.0")
from gi.repository import GLib, Rsvg

from sources import SOURCES, Shelf

QUALITY = 90  # of WebP, at 128 pixels
FAINT = 10  # alpha below that does not count when the picture's edges are looked for
SMALLEST, EMPTIEST = 12, 0.02  # pixels at 128; opaque share of the picture's frame
GREY = 0.06  # mean colourfulness below which clip art is called black and white
CONTEXT = cairo.ImageSurface(cairo.FORMAT_ARGB32, 1, 1)


def draw_svg(svg, size):
    """RGBA (not premultiplied), the longest side `size`; None where librsvg cannot."""
    try:
        handle = Rsvg.Handle.new_from_data(svg)
        known, w, h = handle.get_intrinsic_size_in_pixels()
        if not known:
            box = handle.get_intrinsic_dimensions().out_viewbox
            w, h = (box.width, box.height) if box and box.width > 0 else (1, 1)
        if not 0 < w < 1e5 or not 0 < h < 1e5:
            return None
        scale = size / max(w, h)
        w, h = max(1, round(w * scale)), max(1, round(h * scale))
        surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, w, h)
        frame = Rsvg.Rectangle()
        frame.x, frame.y, frame.width, frame.height = 0, 0, w, h
        handle.render_document(cairo.Context(surface), frame)
    except GLib.Error:
        return None
    surface.flush()
    bgra = np.ndarray((h, w, 4), np.uint8, surface.get_data(), strides=(surface.get_stride(), 4, 1)).astype(np.float32)
    alpha = np.maximum(bgra[..., 3:], 1)
    rgb = np.minimum(bgra[..., 2::-1] * 255 / alpha + 0.5, 255)
    return Image.fromarray(np.concatenate([rgb, bgra[..., 3:]], -1).astype(np.uint8), "RGBA")


def trimmed(image):
    box = image.getchannel("A").point(lambda a: 255 if a > FAINT else 0).getbbox()
    return image.crop(box) if box else None


def smaller(image, longest):
    """Scaled down, with the colours weighted by alpha."""
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    return image.convert("RGBa").resize([max(1, round(s * scale)) for s in image.size], Image.LANCZOS).convert("RGBA")


def picture(kind, content, share, size, exact):
    """The drawn, trimmed picture; with `exact` None where the source has fewer pixels than asked for."""
    longest = round(size * share)
    if kind == "solid":
        image = content[0].draw(*content[1], longest)
    elif kind == "file":
        image = Image.open(content).convert("RGBA")
    else:
        image = draw_svg(content, longest)
    image = trimmed(image) if image else None
    if image is None or (exact and kind == "file" and max(image.size) < longest / 3):
        return None
    if kind == "page" and max(image.size) < longest * 0.6:  # much empty paper around it
        again = draw_svg(content, min(4 * longest, round(longest * longest / max(image.size))))
        image = trimmed(again) or image
    return smaller(image, longest)


def worth_keeping(image, size):
    alpha = np.asarray(image.getchannel("A"))
    return max(image.size) * 128 >= SMALLEST * size and (alpha > 127).mean() > EMPTIEST


def colourfulness(image):
    a = np.asarray(image).astype(np.float32) / 255
    return ((a[..., :3].max(-1) - a[..., :3].min(-1)) * a[..., 3]).sum() / max(1, a[..., 3].sum())


def encoded(image, mask, lossless):
    out = io.BytesIO()
    image = image.getchannel("A") if mask else image
    if lossless:
        image.save(out, "WEBP", lossless=True, quality=0, method=0)
    else:
        image.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


def draw_source(source, shelf, args, part):
    """Writes PART.bin and PART.jsonl."""
    lossless, at, count = args.size > 256, 0, 0
    with open(part + ".bin.new", "wb") as art, open(part + ".jsonl.new", "w") as index:
        for row, (kind, content, share) in SOURCES[source](shelf):
            image = picture(kind, content, 1 if lossless else share, args.size, lossless)
            if image is None or not worth_keeping(image, args.size):
                continue
            if lossless and row.get("skin"):
                continue  # shapes as the others'
            if source == "openclipart" and colourfulness(image) < GREY:
                row["style"] = "black and white clip art"
            blob = encoded(image, row.get("mask"), lossless)
            row.update(off=at, len=len(blob), w=image.width, h=image.height)
            art.write(blob)
            index.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            at, count = at + len(blob), count + 1
    for end in (".bin", ".jsonl"):
        os.replace(part + end + ".new", part + end)
    return count


def join(parts, out):
    """One art.bin and one index.jsonl from those of the sources."""
    at = 0
    with open(os.path.join(out, "art.bin.new"), "wb") as art, open(os.path.join(out, "index.jsonl.new"), "w") as index:
        for part in parts:
            with open(part + ".jsonl") as f:
                for line in f:
                    row = json.loads(line)
                    row["off"] += at
                    index.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            with open(part + ".bin", "rb") as f:
                at += art.write(f.read())
    for name in ("art.bin", "index.jsonl"):
        os.replace(os.path.join(out, name + ".new"), os.path.join(out, name))


def opened(art, row):
    """A row's picture as RGBA; masks in dark grey."""
    art.seek(row["off"])
    image = Image.open(io.BytesIO(art.read(row["len"])))
    if row.get("mask"):
        solid = Image.new("RGBA", image.size, (40, 40, 40, 255))
        solid.putalpha(image.convert("L"))
        return solid
    return image.convert("RGBA")


def sheet(folder, path, each=14, side=100):
    """Some pictures of each source, a line a source."""
    with open(os.path.join(folder, "index.jsonl")) as f:
        rows = [json.loads(line) for line in f]
    names = list(dict.fromkeys(r["src"] for r in rows))
    out = Image.new("RGB", (each * side, len(names) * (side + 12)), (200, 210, 220))
    pen = ImageDraw.Draw(out)
    with open(os.path.join(folder, "art.bin"), "rb") as art:
        for y, name in enumerate(names):
            mine = [r for r in rows if r["src"] == name]
            for x, row in enumerate(mine[len(mine) // (2 * each)::max(1, len(mine) // each)][:each]):
                image = smaller(opened(art, row), side)
                out.paste(image, (x * side, y * (side + 12)), image)
                pen.text((x * side, y * (side + 12) + side), row["name"][:16], fill="black")
    out.save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packages")
    parser.add_argument("out")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--only", nargs="*", help="these sources alone")
    parser.add_argument("--sheet")
    args = parser.parse_args()
    shelf, parts = Shelf(args.packages), []
    os.makedirs(os.path.join(args.out, "parts"), exist_ok=True)
    for source in args.only or SOURCES:
        part = os.path.join(args.out, "parts", source)
        parts.append(part)
        if not os.path.exists(part + ".jsonl"):
            print(source, draw_source(source, shelf, args, part), flush=True)
    join(parts, args.out)
    if args.sheet:
        sheet(args.out, args.sheet)


if __name__ == "__main__":
    main()
