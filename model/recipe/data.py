# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the model is shown: sprites, the table of concepts, and scenes composed from them with their captions.

    python3 data.py --sprites ../../../shared/data/sprites --sheet scenes.png     # look at what is trained

A scene is (kind, objects, colour, background, place); `render` draws it at 128x128, `caption` words it anew
each time. The set is narrow on purpose: one sprite a concept, one look, plain backgrounds, small shifts.
With --wide there are twice as many things, mirrored and shifted further, pairs, counts, hats.
"""
import argparse
import io
import json
import os
import random

import numpy as np
from PIL import Image, ImageDraw

from concepts import *

SIZE = 128
SOURCE = "fluent-3d"  # Microsoft's Fluent Emoji, 3D style, MIT

def dropped(name):
    """Pictures not to be learned from: a company's logo, a games controller's marks."""
    return "technologist" in name or name == "video game"


class Concept:
    def __init__(self, line):
        noun, sprite, colours, others = (part.strip() for part in line.split("|"))
        self.noun, self.sprite = noun, sprite
        self.colours = [c.strip() for c in colours.split(",") if c.strip()]
        self.others = [o.strip() for o in others.split(",") if o.strip()]


CONCEPTS = {c.noun: c for c in map(Concept, TABLE.splitlines())}
WIDE = False


def widen():
    """Go over to the wide stage."""
    global WIDE
    WIDE = True
    CONCEPTS.update({c.noun: c for c in map(Concept, MORE.splitlines())})
    RIDERS.update(MORE_RIDERS)


PLURAL = {"grapes", "cherries", "french fries", "fries", "sunglasses", "scissors", "swords", "jeans", "gloves",
          "socks", "headphones"}
BARE = {"corn", "broccoli", "bread", "cheese", "pizza", "fire", "beer", "coffee", "ice cream", "saturn", "earth",
        "santa claus", "santa", "french fries", "fries", "popcorn", "sushi", "wine"}
UNIQUE = {"sun", "moon"}


def premultiplied(image):
    a = np.asarray(image, dtype=np.float32) / 255
    a[..., :3] *= a[..., 3:]
    return a


RESIZED = {}


def resized(sprite, w, h):
    """Premultiplied float RGBA -> the same at w x h (kept, as few sizes are used)."""
    key = id(sprite), w, h
    if key not in RESIZED:
        RESIZED[key] = sprite, resize(sprite, w, h)  # the sprite too, so that its id stays its own
    return RESIZED[key][1]


def resize(sprite, w, h):
    planes = [np.asarray(Image.fromarray(sprite[..., k]).resize((w, h), Image.LANCZOS if w < sprite.shape[1]
                                                                 else Image.BICUBIC)) for k in range(4)]
    return np.clip(np.stack(planes, -1), 0, 1)


def turned_hue(sprite, target):
    """Turn the hue of the pixels near the sprite's main hue to `target` degrees."""
    alpha = sprite[..., 3:]
    plain = np.clip(sprite[..., :3] / np.maximum(alpha, 1e-3), 0, 1)
    hsv = np.asarray(Image.fromarray((plain * 255).astype(np.uint8)).convert("HSV")).astype(np.float32) / 255
    hue, weight = hsv[..., 0] * 360, hsv[..., 1] * alpha[..., 0]
    main = np.degrees(np.angle((weight * np.exp(1j * np.radians(hue))).sum()))
    off = (hue - main + 180) % 360 - 180
    near = (np.abs(off) < 50) & (hsv[..., 1] > 0.2)
    lift = {HUES["yellow"]: 1.25, HUES["orange"]: 1.1}.get(target, 1)
    pale = 0.65 if target == HUES["pink"] else 1
    hsv[..., 0] = np.where(near, (target + off * 0.5) % 360 / 360, hsv[..., 0])
    hsv[..., 1] = np.where(near, hsv[..., 1] * pale, hsv[..., 1])
    hsv[..., 2] = np.where(near, np.clip(hsv[..., 2] * lift, 0, 1), hsv[..., 2])
    rgb = Image.fromarray((hsv * 255).astype(np.uint8), "HSV").convert("RGB")
    return np.concatenate([np.asarray(rgb).astype(np.float32) / 255 * alpha, alpha], -1)


class Sprites:
    """The pack: decoded sprites by concept (cropped to what is visible)."""

    def __init__(self, folder):
        with open(os.path.join(folder, "index.jsonl")) as f:
            self.rows = [json.loads(line) for line in f]
        self.art = open(os.path.join(folder, "art.bin"), "rb")
        by_name = {r["name"]: r for r in self.rows if r["src"] == SOURCE and not r["skin"]}
        self.by_noun, self.cache = {}, {}
        for noun, concept in CONCEPTS.items():
            image = self.image(by_name[concept.sprite])
            if noun == "skateboard":  # stands on its tip in the source: laid flat
                image = image.rotate(-45, Image.BICUBIC, expand=True)
                image = image.crop(image.getbbox())
                image = image.resize((image.width, round(image.height * 0.8)), Image.BICUBIC)
            self.by_noun[noun] = premultiplied(image.crop(image.getbbox()))

    def image(self, row):
        self.art.seek(row["off"])
        return Image.open(io.BytesIO(self.art.read(row["len"]))).convert("RGBA")

    def get(self, noun, colour=None, mirrored=False):
        if colour in CONCEPTS[noun].colours:
            colour = None
        if (noun, colour, mirrored) not in self.cache:
            sprite = self.by_noun[noun] if colour is None else turned_hue(self.by_noun[noun], HUES[colour])
            self.cache[noun, colour, mirrored] = np.ascontiguousarray(sprite[:, ::-1]) if mirrored else sprite
        return self.cache[noun, colour, mirrored]


def over(canvas, sprite, cx, cy, longest=None, width=None):
    """Draw a sprite centred at (cx, cy), its longest side or its width so many pixels."""
    h, w = sprite.shape[:2]
    scale = width / w if width else longest / max(w, h)
    nw, nh = max(1, round(w * scale)), max(1, round(h * scale))
    s = resized(sprite, nw, nh)
    x, y = round(cx - nw / 2), round(cy - nh / 2)
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + nw, SIZE), min(y + nh, SIZE)
    s = s[y0 - y:y1 - y, x0 - x:x1 - x]
    part = canvas[y0:y1, x0:x1]
    part *= 1 - s[..., 3:]
    part += s[..., :3]
    return x, y, nw, nh


def random_scene(rng, kind=None, noun=None, background=None):
    """(kind, noun, colour, background, (dx, dy, scale, mirrored, extra)): extra is the hat, the number of things,
    or (relation, other noun)."""
    if kind is None:
        u, kind = rng.random(), "single"
        for name, share in (WIDE_SHARE if WIDE else SHARE).items():
            if u < share:
                kind = name
                break
            u -= share
    colour = extra = None
    if kind in ("single", "pair", "count"):
        noun = noun or rng.choice(list(CONCEPTS))
    elif kind == "recolour":
        noun = noun or rng.choice(RECOLOUR)
        colour = rng.choice([c for c in HUES if c not in CONCEPTS[noun].colours])
    else:
        noun = noun or ("fox" if rng.random() < 0.2 else rng.choice(list(RIDERS)))
    if kind == "hat":
        extra = rng.choice(list(HATS))
    elif kind == "count":
        while noun in PLURAL or noun in BARE or noun in UNIQUE:
            noun = rng.choice(list(CONCEPTS))
        extra = rng.choice(list(NUMBERS))
    elif kind == "pair":
        extra = rng.choice(RELATIONS), rng.choice([n for n in CONCEPTS if n != noun])
    if background is None:
        own = CONCEPTS[noun].colours if colour is None else [colour]
        choice = [b for b in BACKGROUNDS if b not in own] or list(BACKGROUNDS)
        background = "white" if rng.random() < DEFAULT_BACKGROUND else rng.choice(choice)
    shift = WIDE_SHIFT if WIDE else 2
    mirrored = WIDE and noun not in ONE_WAY and rng.random() < 0.4
    return kind, noun, colour, background, (rng.randint(-shift, shift), rng.randint(-shift, shift),
                                            rng.choice(WIDE_SCALES if WIDE else SCALES), mirrored, extra)


PLACES = {  # centres of two things, in pixels from the middle
    "and": ((-30, 0), (30, 0)), "next to": ((-30, 0), (30, 0)), "left of": ((-30, 0), (30, 0)),
    "right of": ((30, 0), (-30, 0)), "above": ((0, -30), (0, 30)), "below": ((0, 30), (0, -30)),
    2: ((-30, 0), (30, 0)), 3: ((-30, 28), (30, 28), (0, -29)), 4: ((-30, -29), (30, -29), (-30, 29), (30, 29)),
}


def render(sprites, scene):
    """uint8 [128, 128, 3]."""
    kind, noun, colour, background, (dx, dy, scale, mirrored, extra) = scene
    canvas = np.empty((SIZE, SIZE, 3), np.float32)
    canvas[:] = np.array(BACKGROUNDS[background], np.float32) / 255
    sprite = sprites.get(noun, colour, mirrored)
    cx, cy = SIZE / 2 + dx, SIZE / 2 + dy
    if kind in ("single", "recolour"):
        over(canvas, sprite, cx, cy, longest=106 * scale)
    elif kind in ("pair", "count"):
        relation, other = extra if kind == "pair" else (extra, noun)
        for i, (x, y) in enumerate(PLACES[relation]):
            over(canvas, sprites.get(other, None, mirrored) if i else sprite, cx + x, cy + y,
                 longest=(60 if kind == "pair" else 54) * scale)
    else:
        worn(canvas, sprites, sprite, scene, cx, cy)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def worn(canvas, sprites, sprite, scene, cx, cy):
    """Someone with sunglasses or a hat, or on a skateboard."""
    kind, noun, _, _, (_, dy, scale, mirrored, hat) = scene
    scale = min(scale, 1)
    size = (90 if kind == "hat" else 106) * scale
    if kind in ("ride", "both"):
        size = 76 * scale
        cy = 58 + dy - size / 8
        board = sprites.get("skateboard")
        bw = 112 * scale
        h, w = sprite.shape[:2]
        over(canvas, board, cx, cy + size * h / max(w, h) / 2 - 8 + bw * board.shape[0] / board.shape[1] / 2, width=bw)
    x, y, w, h = over(canvas, sprite, cx, cy + (14 if kind == "hat" else 0), longest=size)
    ex, ey, gw = RIDERS[noun]
    ex = 1 - ex if mirrored else ex
    if kind in ("glasses", "both"):
        over(canvas, sprites.get("sunglasses"), x + ex * w, y + ey * h, width=gw * w)
    if kind == "hat":
        bottom, width = HATS[hat]
        sprite = sprites.get(hat)
        width *= w
        over(canvas, sprite, x + ex * w, y + bottom * h + 4 - width * sprite.shape[0] / sprite.shape[1] / 2, width=width)


def with_article(words, noun):
    if noun in PLURAL or noun in BARE:
        return words
    if noun in UNIQUE:
        return "the " + words
    return ("an " if words[0] in "aeiou" and not words.startswith("uni") else "a ") + words


def named(rng, noun, colour=None):
    """With or without its article and a colour that it has."""
    concept = CONCEPTS[noun]
    name = rng.choice(concept.others) if concept.others and rng.random() < 0.25 else noun
    if colour is None and concept.colours and rng.random() < 0.4:
        colour = rng.choice(concept.colours)
    words = f"{colour} {name}" if colour else name
    return words if rng.random() < 0.15 else with_article(words, name)


def caption(rng, scene):
    """One of the many wordings of a scene."""
    kind, noun, colour, background, place = scene
    extra = place[4] if len(place) > 4 else None
    if kind == "count":
        text = f"{NUMBERS[extra]} {PLURALS.get(noun, noun + 's')}"
    else:
        text = named(rng, noun, colour)
    if kind in ("glasses", "both"):
        text += " wearing sunglasses" if rng.random() < 0.8 else " with sunglasses"
    if kind in ("ride", "both"):
        text += rng.choice([" on a skateboard"] * 3 + [" riding a skateboard"])
    if kind == "hat":
        text += f" wearing a {extra}"
    if kind == "pair":
        between = {"left of": rng.choice([" to the left of ", " left of "]),
                   "right of": rng.choice([" to the right of ", " right of "])}
        text += between.get(extra[0], f" {extra[0]} ") + named(rng, extra[1])
    if background != "white" or rng.random() < 0.15:
        where = f"{background} background"
        text += " on " + ("an " if background[0] == "o" else "a ") + where if rng.random() < 0.85 else ", " + where
    return text


def sheet(sprites, scenes, path, columns=16):
    rows = (len(scenes) + columns - 1) // columns
    out = Image.new("RGB", (columns * SIZE, rows * (SIZE + 12)), "white")
    draw = ImageDraw.Draw(out)
    rng = random.Random(1)
    for i, scene in enumerate(scenes):
        x, y = i % columns * SIZE, i // columns * (SIZE + 12)
        out.paste(Image.fromarray(render(sprites, scene)), (x, y))
        draw.text((x + 2, y + SIZE), caption(rng, scene)[:24], fill="black")
    out.save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites")
    parser.add_argument("--sheet", default="scenes.png")
    parser.add_argument("--wide", action="store_true")
    args = parser.parse_args()
    if args.wide:
        widen()
    pack, rng = Sprites(args.sprites), random.Random(0)
    scenes = [random_scene(rng, "single", noun) for noun in CONCEPTS]
    scenes += [random_scene(rng, kind, noun) for kind in ("glasses", "ride", "both", "hat") for noun in RIDERS]
    scenes += [random_scene(rng, kind) for kind in ("recolour", "pair", "count") for _ in range(32)]
    sheet(pack, scenes, args.sheet)
    print(len(CONCEPTS), "concepts")


if __name__ == "__main__":
    main()
