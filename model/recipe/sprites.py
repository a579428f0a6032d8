# SPDX-License-Identifier: LGPL-2.1-or-later
"""The art: sprites by thing and style.

    pack = Sprites(folder)              # art.bin and index.jsonl, as rasterise.py writes them
    thing = pack.things["fox"]          # Thing: noun, looks, colours, other names
    sprite = pack.get(thing.looks["3d"][0], colour="blue", mirrored=True)    # PIL image, RGBa (premultiplied)

A look is a list of sprite numbers (rows of the index). "3d" is the look without any style word.
A thing's first glossy sprite is there in every other look (restyle.py): pack.twins[number]["outlined"] is its number.
"""
import io
import json
import os
import re

import numpy as np
from PIL import Image

import things
from backgrounds import SIZE
from restyle import FROM_GLOSSY, RESTYLES

STYLES = {  # look -> source
    "3d": "fluent-3d", "flat": "fluent-emoji-flat", "outlined": "streamline-emojis", "render": "sh3d",
    "silhouette": "game-icons", "clip art": "openclipart",
}
PORTRAITS = ("dicebear-personas", "dicebear-micah", "dicebear-bigSmile", "dicebear-openPeeps")
BACKS = {"back view", "rear view"}  # of rendered furniture: not shown
CORE, REST = 1.0, 0.12  # how often a thing of the table is drawn, and any other
ONE_HUE = 0.55  # share of the opaque area that a colour must cover before a thing has it by nature
SAME_SHAPE = 0.8  # overlap of two sprites' shapes that makes one stand for the other
TURNED, TINTED = 0.4, 0.55  # that one hue, or none, must cover before it may be turned to another, or tinted


class Thing:
    def __init__(self, noun, colours=(), others=(), weight=REST):
        self.noun, self.colours, self.others, self.weight = noun, list(colours), list(others), weight
        self.looks, self.group, self.recolour = {}, "", False

    def __repr__(self):
        return f"Thing({self.noun})"


def split(cell):
    return [part.strip() for part in cell.split(",") if part.strip()]


def table():
    """Noun -> Thing and sprite name -> noun of the things of the table."""
    found, names = {}, {}
    for line in things.TABLE.splitlines():
        noun, sprite, colours, others = (part.strip() for part in line.split("|"))
        others = [word for word in split(others) if not set(word.split()) & things.UNSEEN]
        found[noun] = Thing(noun, split(colours), others, CORE)
        names[sprite] = noun
    return found, names


def noun_of(name):
    """The index's name as words for a caption."""
    name = name.replace("Mrs. ", "mrs ").replace("’", "'")
    name = re.sub(r"^(woman|man|person): (.*)$", r"\1 with \2", name)
    name = name.replace("with bald", "without hair").replace("with beard", "with a beard")
    return name.lower()


def dropped(row):
    name = row["name"]
    return (bool(row.get("skin")) or name in things.DROPPED or row["group"] == "symbols" or "technologist" in name
            or name.startswith(("couple", "kiss", "family", "person ")) or " 1st" in name or "Japan" in name
            or bool(set(noun_of(name).replace("-", " ").split()) & things.UNSEEN))


class Sprites:
    def __init__(self, folder):
        with open(os.path.join(folder, "index.jsonl")) as f:
            self.rows = [json.loads(line) for line in f]
        self.art = os.open(os.path.join(folder, "art.bin"), os.O_RDONLY | os.O_CLOEXEC)
        self.things, self.at = table()
        self.cache, self.twins = {}, {}
        self.gather()
        self.portraits = [i for i, r in enumerate(self.rows) if r["src"] in PORTRAITS]

    # ------------------------------------------------------------ which sprites belong to which thing

    def gather(self):
        main = [(i, r) for i, r in enumerate(self.rows) if r["src"] == STYLES["3d"] and not r.get("skin")
                and (r["name"] in self.at or not dropped(r))]
        for i, row in main:
            noun = self.at.get(row["name"], noun_of(row["name"]))
            thing = self.things.setdefault(noun, Thing(noun))
            thing.looks.setdefault("3d", []).append(i)
            thing.group = thing.group or row["group"]
        table_nouns = {noun: name for name, noun in self.at.items()}
        for thing in self.things.values():
            own = table_nouns.get(thing.noun)
            thing.looks["3d"].sort(key=lambda i: self.rows[i]["name"] != own)
        self.other_styles()
        for thing in self.things.values():
            self.judge_colours(thing)
        self.of_sources = len(self.rows)  # from here on they are made
        for thing in list(self.things.values()):
            if "3d" in thing.looks:
                self.restyle(thing)

    def other_styles(self):
        """The same things in the other styles, by name; sources with their own things bring them along."""
        names = {name.lower(): noun for name, noun in self.at.items()}
        for look, source in STYLES.items():
            if look == "3d":
                continue
            for i, row in enumerate(self.rows):
                if row["src"] != source or dropped(row) or row.get("sub") in BACKS:
                    continue
                noun = noun_of(row.get("head", row["name"]))
                noun = names.get(noun, noun)
                if noun not in self.things and (look in ("flat", "outlined", "clip art") or len(noun.split()) > 2
                                                or (look == "silhouette" and " " in noun)):
                    continue
                thing = self.things.setdefault(noun, Thing(noun))
                thing.group = thing.group or row["group"]
                if len(thing.looks.get(look, ())) < 6:
                    thing.looks.setdefault(look, []).append(i)

    def restyle(self, thing):
        """Its first sprite in the other looks: the first of each, and kept as twins."""
        number, flat = thing.looks["3d"][0], thing.looks.get("flat", [None])[0]
        twins = self.twins[number] = {}
        if flat is not None and overlap(self.plain(number), self.plain(flat)) >= SAME_SHAPE:
            twins["flat"] = flat
        for look in RESTYLES:
            source = number if look in FROM_GLOSSY else twins.get("flat", number)
            twins[look] = len(self.rows)
            self.rows.append({**self.rows[source], "look": look, "made from": source, "mask": look == "silhouette"})
            thing.looks.setdefault(look, []).insert(0, twins[look])

    def judge_colours(self, thing):
        """Natural colours of things that the table has none for; whether they may be drawn in others."""
        if "3d" not in thing.looks:
            return
        image = self.plain(thing.looks["3d"][0])
        name, share = main_colour(np.asarray(image))
        people = thing.group in ("people", "smileys")
        if not thing.colours and share >= ONE_HUE and name and not people:
            thing.colours = [name]
        thing.recolour = (not people or thing.noun in things.FACELESS) and turnable(image)

    # ------------------------------------------------------------ pictures

    def plain(self, number):
        """RGBA, cropped to what is visible."""
        row = self.rows[number]
        if "made from" in row:
            image = RESTYLES[row["look"]](self.plain(row["made from"]))
            image.thumbnail((SIZE, SIZE), Image.LANCZOS)  # lines make it larger
            return image
        image = Image.open(io.BytesIO(os.pread(self.art, row["len"], row["off"])))  # processes share the file's place
        if row.get("mask"):
            mask = image.convert("L")
            image = Image.new("RGBA", image.size, (20, 20, 24, 0))
            image.putalpha(mask)
        image = image.convert("RGBA")
        if row["src"] == STYLES["3d"] and row["name"] == "skateboard":  # stands on its tip in the source: laid flat
            image = image.rotate(-45, Image.BICUBIC, expand=True)
            image = image.crop(image.getbbox())
            image = image.resize((image.width, round(image.height * 0.8)), Image.BICUBIC)
        return image.crop(image.getbbox() or (0, 0, *image.size))

    def get(self, number, colour=None, mirrored=False):
        key = number, colour, mirrored
        if key not in self.cache:
            image = self.plain(number)
            if colour:
                image = coloured(image, colour, self.rows[number].get("mask"))
            if mirrored:
                image = image.transpose(Image.FLIP_LEFT_RIGHT)
            self.cache[key] = image.convert("RGBa")
        return self.cache[key]


def overlap(one, other):
    """Of two shapes, each stretched to a square: what they share of what they cover together."""
    a, b = (np.asarray(image.getchannel("A").resize((32, 32), Image.BILINEAR)) > 128 for image in (one, other))
    return float((a & b).sum() / max((a | b).sum(), 1))


def hsv_of(pixels):
    return np.asarray(Image.fromarray(pixels[..., :3]).convert("HSV")).astype(np.float32) / 255


def colour_name(hue, saturation, value):
    """The name of a colour, for natural colours; None where people would argue."""
    if value < 0.22:
        return "black"
    if saturation < 0.14:
        return "white" if value > 0.9 else "gray" if value > 0.35 else "black"
    if hue < 12 or hue >= 346:
        return "red" if value > 0.62 and saturation > 0.55 else "brown" if hue < 30 and value < 0.6 else None
    if hue < 42:
        return "brown" if value < 0.7 else "orange" if saturation > 0.6 else None
    if hue < 62:
        return "yellow" if saturation > 0.45 else None
    if 85 <= hue < 165:
        return "green"
    if 190 <= hue < 240:
        return "blue"
    if 255 <= hue < 295:
        return "purple"
    return "pink" if 305 <= hue < 346 else None


def main_hue(hsv, opaque):
    """Degrees, and which of the opaque pixels lie within 25 degrees of it."""
    h, s = hsv[..., 0][opaque] * 360, hsv[..., 1][opaque]
    steps = np.bincount((h / 5).astype(int) % 72, s * (s > 0.2), 72)
    around = sum(np.roll(steps, k) for k in range(-5, 6))
    near = np.abs((h - (around.argmax() * 5 + 2.5) + 180) % 360 - 180) < 27.5  # the mean of the fullest stretch
    main = np.degrees(np.angle((s * (s > 0.2) * near * np.exp(1j * np.radians(h))).sum())) % 360
    return main, (np.abs((h - main + 180) % 360 - 180) < 25) & (s > 0.2)


def hue_share(near):
    return float(near.mean()) if len(near) else 0


def grey_share(hsv, opaque):
    """The share of the opaque area that has neither a hue nor the black of eyes and outlines."""
    return float(((hsv[..., 1] <= 0.2) & (hsv[..., 2] > 0.3))[opaque].mean()) if opaque.any() else 0


def main_colour(pixels):
    """Its name and the share of the opaque area that lies within 25 degrees of the main hue."""
    hsv, opaque = hsv_of(pixels), pixels[..., 3] > 128
    s, v = hsv[..., 1][opaque], hsv[..., 2][opaque]
    if not len(s):
        return None, 0
    main, near = main_hue(hsv, opaque)
    if near.mean() < 0.4:
        grey = s <= 0.2
        return (colour_name(0, 0, float(np.median(v[grey]))), float(grey.mean())) if grey.any() else (None, 0)
    return colour_name(main, float(np.median(s[near])), float(np.median(v[near]))), float(near.mean())


def turnable(image):
    """Whether most of a sprite has one hue, or none: then `coloured` gives what people would call by the colour."""
    pixels = np.asarray(image)
    hsv, opaque = hsv_of(pixels), pixels[..., 3] > 128
    return hue_share(main_hue(hsv, opaque)[1]) >= TURNED or grey_share(hsv, opaque) >= TINTED


def stronger(wanted, values):
    """The factor that lifts the median of dull colours to what is wanted, at most twofold."""
    return float(np.clip(wanted / max(np.median(values), 0.01), 1, 2)) if len(values) else 1


def coloured(image, colour, mask=False):
    """The sprite with its main hue turned to `colour` or drained of it; what is mainly grey is tinted."""
    pixels = np.array(image)
    if mask:
        pixels[..., :3] = things.SOLID[colour]
        return Image.fromarray(pixels)
    hsv, opaque = hsv_of(pixels), pixels[..., 3] > 128
    main, ours = main_hue(hsv, opaque)
    grey = hue_share(ours) < TURNED and grey_share(hsv, opaque) >= TINTED
    off = (hsv[..., 0] * 360 - main + 180) % 360 - 180
    if grey:
        near, off = (hsv[..., 1] <= 0.2) & (hsv[..., 2] > 0.3), off * 0
    else:
        near = (np.abs(off) < 50) & (hsv[..., 1] > 0.2)
    target, s, v = things.COLOURS[colour], hsv[..., 1], hsv[..., 2]
    if target is None:
        s2 = s * 0.08
        v2 = {"black": v * 0.28, "white": 1 - (1 - v) * 0.35, "gray": 0.25 + v * 0.4}[colour]
    else:
        hsv[..., 0] = np.where(near, (target + off * 0.5) % 360 / 360, hsv[..., 0])
        s = 0.75 * np.sqrt(np.clip(1.25 - v, 0, 1)) + 0.3 if grey else s * stronger(0.7, s[near & opaque])
        s2 = s * {"pink": 0.65, "brown": 0.8}.get(colour, 1)
        v2 = np.clip(v * stronger(0.8, v[near & opaque]) * {"yellow": 1.25, "orange": 1.1, "brown": 0.62}.get(colour, 1), 0, 1)
    hsv[..., 1], hsv[..., 2] = np.where(near, s2, hsv[..., 1]), np.where(near, v2, v)
    rgb = np.asarray(Image.fromarray((np.clip(hsv, 0, 1) * 255).astype(np.uint8), "HSV").convert("RGB"))
    return Image.fromarray(np.concatenate([rgb, pixels[..., 3:]], -1))
