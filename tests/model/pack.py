# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pack of sprites for tests: one plain shape for every thing of the recipe's table, and a few in each other style.

    write(folder)
"""
import io
import json
import os
import random

from PIL import Image, ImageDraw

import things
from sprites import PORTRAITS, STYLES, table


def shape(rng):
    """WebP of a shape of one hue, with soft edges."""
    w, h = rng.randint(40, 128), rng.randint(40, 128)
    image = Image.new("RGBA", (w, h), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    colour = things.SOLID[rng.choice(list(things.SOLID))]
    draw.ellipse((0, 0, w - 1, h - 1), fill=(*colour, 255))
    draw.rectangle((w // 3, 0, w // 2, h - 1), fill=(*colour, 160))
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True)
    return out.getvalue(), w, h


def write(folder):
    rng, at = random.Random(1), 0
    names = table()[1]  # sprite name -> noun
    rows = [(STYLES["3d"], name) for name in names]
    for look, source in STYLES.items():
        if look != "3d":
            rows += [(source, name) for name in list(names)[:8]]
    rows += [(source, f"person {i} with red hair") for source in PORTRAITS for i in range(2)]
    rows += [("noto", name) for name in list(names)[:4]]  # a source that no scene shows
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "art.bin"), "wb") as art, open(os.path.join(folder, "index.jsonl"), "w") as index:
        for source, name in rows:
            data, w, h = shape(rng)
            art.write(data)
            index.write(json.dumps({"src": source, "lic": "CC0-1.0", "style": source, "name": name, "tags": [], "off": at,
                                    "group": "objects", "sub": "", "len": len(data), "w": w, "h": h}) + "\n")
            at += len(data)
