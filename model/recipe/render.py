# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws scenes at 128x128 on the CPU, and sheets of them to look at.

    python3 render.py --sprites SPRITES --sheet scenes.png [--kind pair]
"""
import argparse
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import backgrounds
import things
from backgrounds import SIZE
from captions import Captions
from scenes import KINDS, LOOKS, Stage
from sprites import Sprites
from words import WordNet

SHADOW = None


def shadow(w, h):
    """A soft dark ellipse, premultiplied."""
    global SHADOW
    if SHADOW is None:
        image = Image.new("L", (96, 32), 0)
        ImageDraw.Draw(image).ellipse((12, 6, 84, 26), fill=90)
        SHADOW = Image.new("RGBa", (96, 32), (0, 0, 0, 0))
        SHADOW = Image.merge("RGBa", (*SHADOW.split()[:3], image.filter(ImageFilter.GaussianBlur(4))))
    return SHADOW.resize((w, h), Image.BILINEAR)


def over(canvas, sprite, x, y):
    """Draws a premultiplied sprite with its corner at (x, y)."""
    (w, h), (height, width) = sprite.size, canvas.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if x0 >= x1 or y0 >= y1:
        return
    s = np.asarray(sprite)[y0 - y:y1 - y, x0 - x:x1 - x].astype(np.float32) / 255
    part = canvas[y0:y1, x0:x1]
    part *= 1 - s[..., 3:]
    part += s[..., :3]


def render(pack, scene):
    """uint8 [height, width, 3]."""
    canvas = backgrounds.paint(scene.background, *scene.shape)
    for layer in scene.layers:
        if layer.sprite < 0:
            sprite = shadow(max(layer.w, 4), layer.h)
        else:
            sprite = pack.get(layer.sprite, layer.colour, layer.mirrored)
            if sprite.size != (layer.w, layer.h):
                sprite = sprite.resize((layer.w, layer.h), Image.LANCZOS if layer.w < sprite.width else Image.BICUBIC)
        over(canvas, sprite, layer.x, layer.y)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def sheet(pack, captions, scenes, path, columns=12):
    rows = (len(scenes) + columns - 1) // columns
    out = Image.new("RGB", (columns * SIZE, rows * (SIZE + 24)), "white")
    draw, rng = ImageDraw.Draw(out), random.Random(1)
    for i, scene in enumerate(scenes):
        x, y = i % columns * SIZE, i // columns * (SIZE + 24)
        out.paste(Image.fromarray(render(pack, scene)), (x, y))
        text = captions.caption(rng, scene)
        draw.text((x + 2, y + SIZE), text[:22], fill="black")
        draw.text((x + 2, y + SIZE + 11), text[22:44], fill="black")
    out.save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites")
    parser.add_argument("--sheet", default="scenes.png")
    parser.add_argument("--kind")
    parser.add_argument("--look")
    args = parser.parse_args()
    pack, rng = Sprites(args.sprites), random.Random(0)
    stage = Stage(pack)
    captions = Captions(pack, WordNet(), things.UNSEEN)
    if args.kind or args.look:
        scenes = [stage.scene(rng, args.kind, args.look) for _ in range(96)]
    else:
        scenes = [stage.scene(rng, kind, "3d") for kind in KINDS for _ in range(12)]
        scenes += [stage.scene(rng, None, look) for look in LOOKS for _ in range(12)]
    sheet(pack, captions, scenes, args.sheet)


if __name__ == "__main__":
    main()
