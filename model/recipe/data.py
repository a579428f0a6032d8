# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the model is shown: sprites, the table of concepts, and scenes composed from them with their captions.

    python3 data.py --sprites ../../../shared/data/sprites --sheet scenes.png     # look at what is trained

A scene is (kind, objects, colour, background, place); `render` draws it at 128x128, `caption` words it anew
each time. The set is narrow on purpose: one sprite a concept, one look, plain backgrounds, small shifts.
"""
import argparse
import io
import json
import os
import random

import numpy as np
from PIL import Image, ImageDraw

SIZE = 128
SOURCE = "fluent-3d"  # Microsoft's Fluent Emoji, 3D style, MIT

# noun | sprite | natural colours (may be left out of the caption) | other words for it
TABLE = """
fox | fox | red, orange |
dog | dog face | brown | puppy
cat | cat face | orange, yellow | kitten
panda | panda | black and white |
bear | bear | brown |
koala | koala | gray |
lion | lion | |
tiger | tiger face | orange |
rabbit | rabbit face | white | bunny
monkey | monkey face | brown |
pig | pig face | pink |
cow | cow face | black and white |
wolf | wolf | gray |
frog | frog | green |
penguin | penguin | |
owl | owl | brown |
mouse | mouse face | gray |
unicorn | unicorn | |
horse | horse | brown |
elephant | elephant | gray |
giraffe | giraffe | |
zebra | zebra | black and white |
turtle | turtle | green |
snake | snake | green |
dinosaur | T-Rex | green | t-rex
whale | spouting whale | blue |
octopus | octopus | |
fish | fish | blue |
crab | crab | red |
shark | shark | gray |
bee | honeybee | |
ladybug | lady beetle | red |
butterfly | butterfly | orange |
spider | spider | black |
duck | duck | |
chick | baby chick | yellow |
flamingo | flamingo | pink |
apple | red apple | red |
banana | banana | yellow |
strawberry | strawberry | red |
watermelon | watermelon | |
pineapple | pineapple | |
grapes | grapes | purple |
lemon | lemon | yellow |
cherries | cherries | red |
orange | tangerine | |
carrot | carrot | orange |
corn | ear of corn | |
avocado | avocado | green |
mushroom | mushroom | red |
cheese | cheese wedge | yellow |
hamburger | hamburger | | burger
pizza | pizza | | slice of pizza
french fries | french fries | | fries
hot dog | hot dog | |
donut | doughnut | | doughnut
ice cream | soft ice cream | | ice cream cone
birthday cake | birthday cake | | cake
cupcake | cupcake | |
cup of coffee | hot beverage | | coffee
teapot | teapot | red |
car | automobile | red |
bus | bus | |
fire truck | fire engine | red | fire engine
tractor | tractor | green |
steam train | locomotive | | locomotive, train
bicycle | bicycle | red | bike
skateboard | skateboard | purple |
airplane | airplane | | plane
helicopter | helicopter | orange |
rocket | rocket | | spaceship
sailboat | sailboat | | boat
truck | delivery truck | | lorry
house | house | | home
castle | castle | |
volcano | volcano | |
palm tree | palm tree | | palm
tree | deciduous tree | green |
cactus | cactus | green |
sunflower | sunflower | yellow |
rose | rose | red |
christmas tree | Christmas tree | |
snowman | snowman | |
rainbow | rainbow | |
sun | sun | |
moon | crescent moon | | crescent moon
cloud | cloud | white |
star | star | yellow |
fire | fire | | flame
umbrella | umbrella | purple |
planet | ringed planet | orange | saturn
soccer ball | soccer ball | | football
basketball | basketball | orange |
trophy | trophy | gold | cup
guitar | guitar | red | electric guitar
balloon | balloon | red |
gift | wrapped gift | yellow | present, gift box
teddy bear | teddy bear | brown |
crown | crown | gold |
top hat | top hat | black | hat
sunglasses | sunglasses | dark |
t-shirt | t-shirt | green | shirt
dress | dress | blue |
backpack | backpack | red |
diamond | gem stone | blue | gem
key | key | gold, yellow |
light bulb | light bulb | yellow | bulb
camera | camera | gray |
television | television | | tv
laptop | laptop | | computer
book | closed book | red |
pencil | pencil | orange |
bomb | bomb | black |
chair | chair | brown |
globe | globe showing Americas | blue | earth
heart | red heart | red |
robot | robot | |
ghost | ghost | white |
alien | alien | green |
skull | skull | white |
pumpkin | jack-o-lantern | orange | halloween pumpkin
smiley face | grinning face | yellow | smiley
astronaut | astronaut | |
santa claus | Santa Claus | | santa
man | man | |
woman | woman | |
""".strip()

# Single-coloured things that are also shown in other colours, by turning their main hue.
RECOLOUR = ["car", "balloon", "heart", "t-shirt", "dress", "backpack", "teapot"]
HUES = {"red": 0, "orange": 27, "yellow": 48, "green": 138, "blue": 212, "purple": 272, "pink": 330}

BACKGROUNDS = {
    "white": (255, 255, 255), "red": (214, 48, 49), "orange": (250, 152, 58), "yellow": (255, 221, 89),
    "green": (88, 184, 108), "blue": (66, 134, 244), "purple": (146, 93, 214), "pink": (255, 168, 203),
    "black": (24, 24, 28), "gray": (150, 154, 160),
}

# Animals that wear sunglasses and ride a skateboard: centre of the eyes (x, y) and width of the glasses, in parts
# of the sprite's width and height.
RIDERS = {
    "fox": (0.50, 0.585, 0.74), "dog": (0.50, 0.40, 0.66), "cat": (0.50, 0.52, 0.70), "panda": (0.50, 0.57, 0.70),
    "bear": (0.50, 0.47, 0.66), "koala": (0.50, 0.50, 0.62), "lion": (0.50, 0.47, 0.52), "tiger": (0.50, 0.45, 0.66),
    "rabbit": (0.50, 0.60, 0.76), "monkey": (0.50, 0.42, 0.60), "pig": (0.50, 0.47, 0.66), "wolf": (0.50, 0.55, 0.64),
}

SCALES = [0.94, 0.96, 0.98, 1.0]

# Shares of the kinds of scenes (the rest are single things).
SHARE = {"recolour": 0.07, "glasses": 0.06, "ride": 0.06, "both": 0.06}
DEFAULT_BACKGROUND = 0.5  # share of scenes on white, whose captions mostly do not say so


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
PLURAL = {"grapes", "cherries", "french fries", "fries", "sunglasses", "scissors", "swords"}
BARE = {"corn", "broccoli", "bread", "cheese", "pizza", "fire", "beer", "coffee", "ice cream", "saturn", "earth",
        "santa claus", "santa", "french fries", "fries"}
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

    def get(self, noun, colour=None):
        if colour is None or colour in CONCEPTS[noun].colours:
            return self.by_noun[noun]
        if (noun, colour) not in self.cache:
            self.cache[noun, colour] = turned_hue(self.by_noun[noun], HUES[colour])
        return self.cache[noun, colour]


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
    """(kind, noun, colour, background, (dx, dy, scale))."""
    if kind is None:
        u, kind = rng.random(), "single"
        for name, share in SHARE.items():
            if u < share:
                kind = name
                break
            u -= share
    colour = None
    if kind == "single":
        noun = noun or rng.choice(list(CONCEPTS))
    elif kind == "recolour":
        noun = noun or rng.choice([n for n in RECOLOUR if n in CONCEPTS])
        colour = rng.choice([c for c in HUES if c not in CONCEPTS[noun].colours])
    else:
        noun = noun or ("fox" if rng.random() < 0.25 else rng.choice(list(RIDERS)))
    if background is None:
        own = CONCEPTS[noun].colours if colour is None else [colour]
        choice = [b for b in BACKGROUNDS if b not in own] or list(BACKGROUNDS)
        background = "white" if rng.random() < DEFAULT_BACKGROUND else rng.choice(choice)
    return kind, noun, colour, background, (rng.randint(-2, 2), rng.randint(-2, 2), rng.choice(SCALES))


def render(sprites, scene):
    """uint8 [128, 128, 3]."""
    kind, noun, colour, background, (dx, dy, scale) = scene
    canvas = np.empty((SIZE, SIZE, 3), np.float32)
    canvas[:] = np.array(BACKGROUNDS[background], np.float32) / 255
    sprite = sprites.get(noun, colour)
    cx, cy = SIZE / 2 + dx, SIZE / 2 + dy
    if kind in ("single", "recolour"):
        over(canvas, sprite, cx, cy, longest=106 * scale)
    else:
        size = 106 * scale
        if kind in ("ride", "both"):
            size = 76 * scale
            cy = 58 + dy - size / 8
            board = sprites.get("skateboard")
            bw = 112 * scale
            bh = bw * board.shape[0] / board.shape[1]
            h, w = sprite.shape[:2]
            bottom = cy + size * h / max(w, h) / 2
            over(canvas, board, cx, bottom - 8 + bh / 2, width=bw)
        x, y, w, h = over(canvas, sprite, cx, cy, longest=size)
        if kind in ("glasses", "both"):
            ex, ey, gw = RIDERS[noun]
            over(canvas, sprites.get("sunglasses"), x + ex * w, y + ey * h, width=gw * w)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def with_article(words, noun):
    if noun in PLURAL or noun in BARE:
        return words
    if noun in UNIQUE:
        return "the " + words
    return ("an " if words[0] in "aeiou" and not words.startswith("uni") else "a ") + words


def caption(rng, scene):
    """One of the many wordings of a scene."""
    kind, noun, colour, background, _ = scene
    concept = CONCEPTS[noun]
    name = rng.choice(concept.others) if concept.others and rng.random() < 0.25 else noun
    if colour is None and concept.colours and rng.random() < 0.4:
        colour = rng.choice(concept.colours)
    words = f"{colour} {name}" if colour else name
    u = rng.random()
    text = words if u < 0.15 else with_article(words, name)
    if kind in ("glasses", "both"):
        text += " wearing sunglasses" if rng.random() < 0.8 else " with sunglasses"
    if kind in ("ride", "both"):
        text += rng.choice([" on a skateboard"] * 3 + [" riding a skateboard"])
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites")
    parser.add_argument("--sheet", default="scenes.png")
    args = parser.parse_args()
    pack, rng = Sprites(args.sprites), random.Random(0)
    scenes = [random_scene(rng, "single", noun) for noun in CONCEPTS]
    scenes += [random_scene(rng, kind, noun) for kind in ("glasses", "ride", "both") for noun in RIDERS]
    scenes += [random_scene(rng, "recolour") for _ in range(24)]
    sheet(pack, scenes, args.sheet)
    print(len(CONCEPTS), "concepts")
