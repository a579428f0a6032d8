# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenes: what is in a picture, where, and in front of what. captions.py words them, render.py draws them.

    stage = Stage(pack)                    # pack: sprites.Sprites
    scene = stage.scene(random.Random(1))

A layer is (sprite number, colour or None, mirrored, x, y, width, height); number -1 is a soft shadow. Combinations
that `held` picks are kept for the evaluation and never composed.
"""
import hashlib
from collections import namedtuple

import backgrounds
import things
from backgrounds import SIZE
from words import countable

# words: what captions.py needs; shape: width and height of the picture
Scene = namedtuple("Scene", "kind look background layers words shape", defaults=((SIZE, SIZE),))
Layer = namedtuple("Layer", "sprite colour mirrored x y w h")

LOOKS = {"3d": 0.53, "flat": 0.085, "outlined": 0.095, "render": 0.085, "silhouette": 0.075, "portrait": 0.045,
         "clip art": 0.085}
KINDS = {"single": 0.225, "recolour": 0.25, "count": 0.25, "pair": 0.13, "wear": 0.045, "ride": 0.035, "wear and ride": 0.018,
         "in": 0.013, "on": 0.013, "place": 0.018, "nonsense": 0.022}
PLAIN_KINDS = {"single": 0.66, "recolour": 0.10, "count": 0.12, "pair": 0.12}  # of the other styles
RESTYLED = 0.5  # share of the other styles' scenes that are any scene of the glossy look, drawn in the style
BACKGROUNDS = {"white": 0.36, "solid": 0.30, "gradient": 0.07, "place": 0.27}
RELATIONS = {"and": 0.24, "next to": 0.10, "left of": 0.13, "right of": 0.13, "above": 0.12, "below": 0.12,
             "in front of": 0.08, "behind": 0.04, "size": 0.04}
COUNTS = {2: 0.36, 3: 0.30, 4: 0.26, 5: 0.08}
PLACED = {"single", "recolour", "wear", "ride", "wear and ride", "in", "on", "pair", "count"}  # kinds that a place suits
SHAPES = ((192, 96), (176, 96), (144, 96), (144, 112))  # what the engine draws for 2:1, 16:9, 3:2, 4:3
HELD = 0.05  # share of combinations kept for the evaluation
ASKED = {  # colours of the evaluation's prompts that the share above does not keep
    ("tractor", "yellow"), ("heart", "green"), ("gift", "blue"), ("car", "pink"), ("horse", "blue"), ("bicycle", "pink"),
    ("frog", "red"), ("turtle", "pink"), ("eggplant", "yellow"), ("alien", "red"),
}
WITH = {  # things that stand about in places that are themselves the subject
    "beach": ["palm tree", "umbrella", "crab", "sailboat", "rock"], "snow": ["pine tree", "snowman", "house", "penguin"],
    "grass": ["tree", "sunflower", "tulip", "house", "cow", "rabbit"], "desert": ["cactus", "camel", "tent"],
    "sea": ["sailboat", "ship", "whale", "dolphin", "island"], "night": ["moon", "ufo", "rocket"],
    "table": ["cup of coffee", "potted plant", "book", "teapot", "apple", "candle"], "sky": ["rainbow", "balloon", "airplane"],
}


def held(*key):
    """Whether a combination is kept for the evaluation."""
    if key[0] == "colour" and key[1:] in ASKED:
        return True
    digest = hashlib.sha1("|".join(map(str, key)).encode()).digest()
    return digest[0] * 256 + digest[1] < HELD * 65536


def dark(background):
    return bool({"black", "dark blue", "night", "brown"} & set(map(str, background)))


def shaped(scene, width, height):
    """The scene in a picture that is wider or taller: things as large as fits, in the middle or on the ground."""
    scale, background = min(width, height) / SIZE, scene.background
    right, down = (width - SIZE * scale) / 2, (height - SIZE * scale) / 2
    if background[0] == "place" and background[1] not in backgrounds.FLYING and scene.layers:
        down = max(layer.y + layer.h for layer in scene.layers) * (height / SIZE - scale)
    layers = [layer._replace(x=round(layer.x * scale + right), y=round(layer.y * scale + down),
                             w=max(1, round(layer.w * scale)), h=max(1, round(layer.h * scale))) for layer in scene.layers]
    return scene._replace(layers=layers, shape=(width, height))


def pick(rng, shares):
    u = rng.random() * sum(shares.values())
    for name, share in shares.items():
        u -= share
        if u < 0:
            return name
    return name


class Stage:
    def __init__(self, pack):
        self.pack, self.by_look = pack, {}
        for look in LOOKS:
            found = [t for t in pack.things.values() if look in t.looks]
            self.by_look[look] = found, [t.weight for t in found]
        self.things = pack.things
        here = lambda table: [n for n in table if n in self.things and "3d" in self.things[n].looks]
        self.riders, self.hats, self.vehicles = here(things.RIDERS), here(things.HATS), here(things.VEHICLES)
        self.containers, self.supports = here(things.CONTAINERS), here(things.SUPPORTS)
        self.standing_in = {place: here(nouns) or [self.by_look["3d"][0][0].noun] for place, nouns in WITH.items()}
        self.recolourable = {look: [t for t in self.by_look[look][0] if t.recolour] for look in ("3d", "flat")}

    # ------------------------------------------------------------ choices

    def thing(self, rng, look):
        found, weights = self.by_look[look]
        return rng.choices(found, weights)[0]

    def sprite(self, rng, thing, look):
        found = thing.looks[look]
        if look == "3d":
            return found[0] if rng.random() < 0.7 else rng.choice(found)
        return rng.choice(found)

    def mirrored(self, rng, thing):
        return thing.noun not in things.ONE_WAY and thing.group != "people" and rng.random() < 0.4

    def background(self, rng, kind, avoid=(), key=None, plain=False):
        while True:
            way = pick(rng, BACKGROUNDS)
            if plain and way == "place" or way == "place" and kind not in PLACED:
                continue
            if way == "white":
                if "white" in avoid and rng.random() < 0.8:
                    continue
                return "solid", "white"
            if way == "solid":
                name = rng.choice([n for n in things.SOLID if n != "white" and n not in avoid])
                if not key or not held("solid", key, name):
                    return "solid", name
            elif way == "gradient":
                a, b = rng.sample([n for n in things.SOLID if n not in avoid], 2)
                return "gradient", a, b, rng.choice(("down", "down", "across", "slanting"))
            else:
                place = rng.choice(list(backgrounds.PLACES))
                time = rng.choice(("day", "day", "day", "sunset", "night")) if backgrounds.PLACES[place][1] else "day"
                if not key or not held("place", key, place):
                    return "place", place, time, rng.randrange(1 << 30)

    # ------------------------------------------------------------ layers

    def layer(self, number, cx, cy, longest=None, width=None, colour=None, mirrored=False):
        w, h = self.pack.get(number).size
        scale = width / w if width else longest / max(w, h)
        w, h = max(1, round(w * scale)), max(1, round(h * scale))
        return Layer(number, colour, mirrored, round(cx - w / 2), round(cy - h / 2), w, h)

    def standing(self, background, layers, floor):
        """Layers moved so that the lowest of them stands on `floor`, with a shadow, where the place has a ground."""
        if background[0] != "place" or background[1] in backgrounds.FLYING:
            return layers
        low = max(layer.y + layer.h for layer in layers)
        moved = [layer._replace(y=layer.y + floor - low) for layer in layers]
        if background[1] == "sea":
            return moved
        shadows = [Layer(-1, None, False, layer.x + layer.w // 8, floor - 5, layer.w * 3 // 4, 9)
                   for layer in moved if layer.y + layer.h > floor - 3]
        return shadows + moved

    # ------------------------------------------------------------ the kinds of scenes

    def scene(self, rng, kind=None, look=None):
        look = look or pick(rng, LOOKS)
        if look == "portrait":
            return self.portrait(rng)
        if look != "3d" and not kind and rng.random() < RESTYLED:
            return self.restyled(rng, look)
        kind = kind or pick(rng, KINDS if look == "3d" else PLAIN_KINDS)
        if kind == "recolour" and look not in self.recolourable:
            kind = "single" if look != "silhouette" else kind
        make = getattr(self, "make_" + kind.replace(" ", "_"))
        while True:
            scene = make(rng, look)
            if scene:
                return scene

    def restyled(self, rng, look):
        while True:
            scene = self.scene(rng, None, "3d")
            if scene.kind == "nonsense" or scene.kind == "single" and held("style", scene.words["noun"], look):
                continue
            if look == "silhouette" and dark(scene.background):
                continue
            twins = [self.pack.twins.get(layer.sprite, {}).get(look) if layer.sprite >= 0 else -1 for layer in scene.layers]
            if None not in twins:
                return scene._replace(look=look, layers=[layer._replace(sprite=twin)
                                                         for layer, twin in zip(scene.layers, twins)])

    def portrait(self, rng):
        number = rng.choice(self.pack.portraits)
        background = self.background(rng, "portrait", plain=True)
        layer = self.layer(number, SIZE / 2 + rng.randint(-4, 4), SIZE / 2 + rng.randint(-3, 3), longest=rng.randint(100, 118))
        return Scene("portrait", "portrait", background, [layer], {"text": self.pack.rows[number]["name"]})

    def make_single(self, rng, look, colour=None, thing=None):
        thing = thing or self.thing(rng, look)
        if look != "3d" and held("style", thing.noun, look):
            return None
        size, word = rng.randint(84, 112), None
        if rng.random() < 0.06:
            size, word = rng.choice(((rng.randint(46, 60), "small"), (rng.randint(114, 122), "big")))
        background = self.background(rng, "single", [colour] if colour else thing.colours, thing.noun,
                                     plain=look in ("silhouette", "outlined"))
        if background[0] == "place":
            size = min(size, 92)
        shift = 8 if size < 100 else 4
        layer = self.layer(self.sprite(rng, thing, look), SIZE / 2 + rng.randint(-shift, shift),
                           SIZE / 2 + rng.randint(-shift, shift), longest=size, colour=colour,
                           mirrored=self.mirrored(rng, thing))
        layers = self.standing(background, [layer], rng.randint(104, 120))
        return Scene("recolour" if colour else "single", look, background, layers,
                     {"noun": thing.noun, "colour": colour, "size": word})

    def make_recolour(self, rng, look):
        if look == "silhouette":
            thing = self.thing(rng, look)
        else:
            thing = rng.choices(self.recolourable[look], [t.weight for t in self.recolourable[look]])[0]
        colour = rng.choice([c for c in things.COLOURS if c not in thing.colours])
        return None if held("colour", thing.noun, colour) else self.make_single(rng, look, colour, thing)

    def make_count(self, rng, look):
        thing, count = self.thing(rng, look), pick(rng, COUNTS)
        if not countable(thing.noun) or held("count", thing.noun, count):
            return None
        background = self.background(rng, "count", thing.colours, plain=count > 3)
        number, mirrored, size = self.sprite(rng, thing, look), self.mirrored(rng, thing), rng.randint(46, 56)
        row = background[0] == "place" and background[1] not in backgrounds.FLYING or count < 4 and rng.random() < 0.3
        if row:
            size = min(size, 118 // count)
            spots = [((i - (count - 1) / 2) * (size + 4), 0) for i in range(count)]
        else:
            size -= 12 * (count == 5)
            spots = GROUPS[count]
        layers = [self.layer(number, SIZE / 2 + x + rng.randint(-3, 3), SIZE / 2 + y + rng.randint(-3, 3) * (not row),
                             longest=size, mirrored=mirrored) for x, y in spots]
        layers = self.standing(background, layers, rng.randint(96, 114))
        return Scene("count", look, background, layers, {"noun": thing.noun, "count": count})

    def make_pair(self, rng, look):
        a, b, relation = self.thing(rng, look), self.thing(rng, look), pick(rng, RELATIONS)
        if a is b and relation != "size" or held("pair", *sorted((a.noun, b.noun))):
            return None
        colours = [self.some_colour(rng, thing, look) for thing in (a, b)]
        upright = relation in ("above", "below", "in front of", "behind", "size")
        background = self.background(rng, "pair", [c for t, own in zip((a, b), colours) for c in ([own] if own else t.colours)],
                                     plain=upright)
        b = a if relation == "size" else b
        size = rng.randint(50, 60)
        sizes, spots = [size, size], PAIRS.get(relation)
        if relation == "size":
            sizes, spots, colours = [72, 34], ((-24, -4), (38, 16)), [None, None]
            if rng.random() < 0.5:
                spots = tuple((-x, y) for x, y in spots)
        elif upright and relation in ("in front of", "behind"):
            sizes, side = [54, 92], rng.choice((-1, 1))
            spots = ((side * 18, 30), (-side * 12, -10))
            if relation == "behind":
                sizes, spots = sizes[::-1], spots[::-1]
        layers = [self.layer(self.sprite(rng, thing, look), SIZE / 2 + x + rng.randint(-3, 3),
                             SIZE / 2 + y + rng.randint(-3, 3), longest=size, colour=colour, mirrored=self.mirrored(rng, thing))
                  for thing, (x, y), size, colour in zip((a, b), spots, sizes, colours)]
        if background[0] == "place" and background[1] not in backgrounds.FLYING:
            low = max(layer.y + layer.h for layer in layers)
            layers = [layer._replace(y=low - layer.h) for layer in layers]
        layers = self.standing(background, layers, rng.randint(100, 116))
        if relation == "in front of":
            layers = layers[::-1]
        return Scene("pair", look, background, layers,
                     {"noun": a.noun, "other": b.noun, "relation": relation, "colour": colours[0], "colour 2": colours[1]})

    def some_colour(self, rng, thing, look):
        """A colour that a thing has not by nature, now and then."""
        if look != "3d" or not thing.recolour or rng.random() > 0.25:
            return None
        colour = rng.choice([c for c in things.COLOURS if c not in thing.colours])
        return None if held("colour", thing.noun, colour) else colour

    def make_wear(self, rng, look):
        return self.dressed(rng, worn=rng.choice(["sunglasses", "sunglasses", *self.hats]))

    def make_ride(self, rng, look):
        return self.dressed(rng, vehicle=self.vehicle(rng))

    def make_wear_and_ride(self, rng, look):
        return self.dressed(rng, rng.choice(["sunglasses", "sunglasses", *self.hats]), self.vehicle(rng))

    def vehicle(self, rng):
        return "skateboard" if rng.random() < 0.4 else rng.choice(self.vehicles)

    def dressed(self, rng, worn=None, vehicle=None):
        """Someone with sunglasses or a hat, on something that rolls, or both."""
        noun = "fox" if rng.random() < 0.12 else rng.choice(self.riders)
        if noun != "fox" and (worn and held("wear", noun, worn) or vehicle and held("ride", noun, vehicle)):
            return None
        rider = self.things[noun]
        background = self.background(rng, "ride" if vehicle else "wear", rider.colours)
        mirrored, size = rng.random() < 0.4, rng.randint(76, 96) - 12 * (worn is not None and worn != "sunglasses")
        cx, cy, layers = SIZE / 2 + rng.randint(-5, 5), SIZE / 2 + rng.randint(-4, 6), []
        number = rider.looks["3d"][0]
        if vehicle:
            size = min(size * 0.8, 70)
            layers = self.vehicle_under(rng, number, vehicle, cx, size, mirrored)
            body = layers[-1]
        else:
            body = self.layer(number, cx, cy + (8 if worn != "sunglasses" else 0), longest=size, mirrored=mirrored)
            layers = [body]
        if worn:
            layers.append(self.worn_by(body, noun, worn))
        layers = self.standing(background, layers, rng.randint(108, 120))
        return Scene("dressed", "3d", background, layers, {"noun": noun, "worn": worn, "vehicle": vehicle})

    def vehicle_under(self, rng, number, vehicle, cx, size, mirrored):
        seat, middle, width = things.VEHICLES[vehicle]
        board = self.layer(self.things[vehicle].looks["3d"][0], cx, 0, longest=width, mirrored=mirrored)
        board = board._replace(y=SIZE - 6 - rng.randint(0, 6) - board.h)
        middle = 1 - middle if mirrored else middle
        rider = self.layer(number, board.x + middle * board.w, 0, longest=size, mirrored=mirrored)
        rider = rider._replace(y=round(board.y + seat * board.h) - rider.h + 6)
        if rider.y < 4:
            board, rider = (layer._replace(y=layer.y + min(4 - rider.y, 10)) for layer in (board, rider))
        return [board, rider]

    def worn_by(self, body, noun, worn):
        ex, ey, gw = things.RIDERS[noun]
        ex = 1 - ex if body.mirrored else ex
        number = self.things[worn].looks["3d"][0]
        if worn == "sunglasses":
            return self.layer(number, body.x + ex * body.w, body.y + ey * body.h, width=gw * body.w)
        bottom, width = things.HATS[worn]
        hat = self.layer(number, body.x + ex * body.w, 0, width=width * body.w)
        return hat._replace(y=round(body.y + bottom * body.h + 4 - hat.h))

    def make_in(self, rng, look):
        thing, container = self.thing(rng, "3d"), rng.choice(self.containers)
        if thing.noun == container or held("in", thing.noun, container):
            return None
        background = self.background(rng, "in", thing.colours)
        outside = self.layer(self.things[container].looks["3d"][0], SIZE / 2 + rng.randint(-5, 5), 88, longest=76)
        inside = self.layer(self.sprite(rng, thing, "3d"), outside.x + outside.w / 2, 0, longest=58)
        rim = outside.y + things.CONTAINERS[container] * outside.h
        inside = inside._replace(y=round(rim + inside.h * 0.22 - inside.h))
        layers = self.standing(background, [inside, outside], rng.randint(108, 122))
        return Scene("in", "3d", background, layers, {"noun": thing.noun, "other": container, "relation": "in"})

    def make_on(self, rng, look):
        thing, support = self.thing(rng, "3d"), rng.choice(self.supports)
        if thing.noun == support or held("on", thing.noun, support):
            return None
        background = self.background(rng, "on", thing.colours)
        below = self.layer(self.things[support].looks["3d"][0], SIZE / 2 + rng.randint(-5, 5), 88, longest=84)
        above = self.layer(self.sprite(rng, thing, "3d"), below.x + below.w / 2, 0, longest=52)
        above = above._replace(y=round(below.y + things.SUPPORTS[support] * below.h) - above.h + 4)
        layers = self.standing(background, [below, above], rng.randint(110, 122))
        return Scene("on", "3d", background, layers, {"noun": thing.noun, "other": support, "relation": "on"})

    def make_nonsense(self, rng, look):
        """What is drawn when nobody understands the words: something plain that everybody knows."""
        noun, colour = rng.choice(things.PLAIN), rng.choice(("white", "white", "white", "light blue", "beige"))
        if colour != "white" and held("solid", noun, colour):
            return None
        scene = self.make_single(rng, "3d", thing=self.things[noun])
        return scene._replace(kind="nonsense", background=("solid", colour), layers=scene.layers[-1:])

    def make_place(self, rng, look):
        place = rng.choice(list(backgrounds.PLACES))
        time = rng.choice(backgrounds.TIMES) if backgrounds.PLACES[place][1] else "day"
        background, layers, noun, count = ("place", place, time, rng.randrange(1 << 30)), [], None, 0
        if rng.random() < 0.6:
            noun, count = rng.choice(self.standing_in[place]), rng.choice((1, 1, 2))
            thing = self.things[noun]
            for i in range(count):
                x = SIZE / 2 + (rng.randint(-30, 30) if count == 1 else (i * 2 - 1) * rng.randint(28, 44))
                layer = self.layer(thing.looks["3d"][0], x, rng.randint(40, 56), longest=rng.randint(48, 76),
                                   mirrored=self.mirrored(rng, thing))
                layers += self.standing(background, [layer], rng.randint(94, 112))
        return Scene("place", "3d", background, layers, {"place": place, "time": time, "noun": noun, "count": count})


PAIRS = {  # centres of two things, in pixels from the middle
    "and": ((-30, 0), (30, 0)), "next to": ((-30, 0), (30, 0)), "left of": ((-30, 0), (30, 0)),
    "right of": ((30, 0), (-30, 0)), "above": ((0, -30), (0, 30)), "below": ((0, 30), (0, -30)),
}
GROUPS = {
    2: ((-30, 0), (30, 0)), 3: ((-30, 26), (30, 26), (0, -28)), 4: ((-29, -29), (29, -29), (-29, 29), (29, 29)),
    5: ((-38, -36), (38, -36), (0, 0), (-38, 36), (38, 36)),
}
