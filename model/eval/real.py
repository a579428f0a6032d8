# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real compositions: what the recogniser is measured on.

    pictures, labels = singles(art, sources, each)     # uint8 [N, 128, 128, 3], the concept's number for each
    share = top1(scorer, pictures, labels)
    pictures = prompted(pack, rows, seeds)             # the evaluation's prompts, composed
"""
import os
import random

import concepts

import numpy as np
from PIL import Image

import backgrounds
import scenes
import things
from render import over, render
from scenes import Stage

SPRITES = os.path.join(concepts.HERE, "..", "..", "..", "shared", "data", "sprites")
SEED = 7


def background(rng):
    """As the recipe mixes them: white, a colour, a gradient or a place."""
    u = rng.random()
    if u < 0.36:
        return "solid", "white"
    if u < 0.66:
        return "solid", rng.choice(list(things.SOLID))
    if u < 0.73:
        return "gradient", *rng.sample(list(things.SOLID), 2), rng.choice(("down", "across", "slanting"))
    place = rng.choice(list(backgrounds.PLACES))
    return "place", place, rng.choice(backgrounds.TIMES) if backgrounds.PLACES[place][1] else "day", rng.randrange(1 << 30)


def singles(art, sources, each):
    """Every sprite of the concepts in these sources `each` times over backgrounds, of a single thing's size and place."""
    rng, pictures, labels = random.Random(SEED), [], []
    for label, concept in enumerate(concepts.CONCEPTS):
        for number in art.of(concept, sources):
            image = art.picture(number)
            for _ in range(each):
                canvas, scale = backgrounds.paint(background(rng)), rng.randint(84, 112) / max(image.size)
                w, h = (max(1, round(side * scale)) for side in image.size)
                sprite = image.convert("RGBa").resize((w, h), Image.LANCZOS)
                if rng.random() < 0.4:
                    sprite = sprite.transpose(Image.FLIP_LEFT_RIGHT)
                middle = backgrounds.SIZE / 2
                over(canvas, sprite, round(middle - w / 2 + rng.randint(-8, 8)), round(middle - h / 2 + rng.randint(-8, 8)))
                pictures.append((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
                labels.append(label)
    return np.stack(pictures), np.array(labels)


def found(scorer, pictures):
    return scorer.read(pictures)[0][:, 1:].sum((2, 3)).argmax(1)


def top1(scorer, pictures, labels):
    return (found(scorer, pictures) == labels).mean()


# ---------------------------------------------------------------- what the prompts ask, composed as the recipe composes


class Exact(Stage):
    """Composes what a row of prompts.jsonl asks for, held out or not."""

    def compose(self, rng, row):
        self.row, self.queue = row, []
        names, group, relation = row["things"], row["group"], row.get("relation", "and")
        things_of = [self.things[name] for name in names]
        if group in ("single", "unseen", "colour"):
            return self.make_single(rng, "3d", row.get("colour"), things_of[0])
        if group in ("pair", "relation"):
            self.queue = things_of
            return self.with_tables(rng, self.make_pair, {"RELATIONS": {relation: 1}})
        if group == "count":
            self.queue = things_of
            return self.with_tables(rng, self.make_count, {"COUNTS": {row["count"]: 1}})
        if relation in ("in", "on"):
            self.queue, self.containers, self.supports = things_of, [names[1]], [names[1]]
            return self.with_tables(rng, self.make_in if relation == "in" else self.make_on, {})
        self.riders = [names[0]]
        worn, vehicle = names[1] if relation.startswith("wearing") else None, names[-1] if "riding" in relation else None
        while True:  # a fox comes unasked
            scene = self.with_tables(rng, lambda rng, _: self.dressed(rng, worn, vehicle), {})
            if scene.words["noun"] == names[0]:
                return scene

    def with_tables(self, rng, make, tables):
        """Nothing is held back, and only what was asked can be picked."""
        tables = {"held": lambda *key: False, **tables}
        before = {name: getattr(scenes, name) for name in tables}
        try:
            for name, value in tables.items():
                setattr(scenes, name, value)
            return make(rng, "3d")
        finally:
            for name, value in before.items():
                setattr(scenes, name, value)

    def thing(self, rng, look):
        return self.queue.pop(0)

    def some_colour(self, rng, thing, look):
        return None

    def background(self, rng, kind, avoid=(), key=None, plain=False):
        kind, *rest = self.row.get("background", ("solid", "white"))
        if kind == "solid":
            return kind, rest[0]
        time = rng.choice(("day", "day", "day", "sunset", "night")) if backgrounds.PLACES[rest[0]][1] else "day"
        return kind, rest[0], time, rng.randrange(1 << 30)


def prompted(pack, rows, seeds):
    """uint8 [rows * seeds, 128, 128, 3]: the prompts' pictures as the recipe would compose them."""
    stage, out = Exact(pack), []
    for i, row in enumerate(rows):
        for seed in seeds:
            out.append(render(pack, stage.compose(random.Random(seed * 1000 + i), row)))
    return np.stack(out)
