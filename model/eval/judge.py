# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a picture shows what its prompt asks, by the recogniser's maps and the pixels.

    judge = Judge()
    marks = judge.marks(row, picture, maps)     # {"single": True, "background": False}, {"count": True}, ...

The names are those of the table's lines: single, background, colour, pair, relation, carried, count, unseen.
"""
import concepts

import numpy as np

from pixels import Backgrounds, blobs, foreground, has_colour

THERE = 0.35  # probability that a cell must reach for a thing to be there
ASIDE = 10  # pixels by which one centre must lie beyond the other
OVER = 26  # pixels by which something worn or ridden may lie beside its wearer
NUMBER = {name: 1 + i for i, name in enumerate(concepts.CONCEPTS)}


def place(maps, name):
    """Centre (x, y) in pixels of where a concept is seen, or None."""
    m = maps[NUMBER[name]]
    if m.max() < THERE:
        return None
    weight = np.where(m > THERE / 2, m, 0)
    y, x = np.mgrid[0:m.shape[0], 0:m.shape[1]] + 0.5
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() * 128 / m.shape[0]


def all_there(row, maps):
    return [place(maps, name) for name in row["things"]]


def first(maps):
    return concepts.CONCEPTS[maps[1:].sum((1, 2)).argmax()]


def stands(relation, a, b):
    """Whether a is where the relation says, seen from b."""
    dx, dy = a - b
    return {"left of": dx < -ASIDE, "right of": dx > ASIDE, "above": dy < -ASIDE, "below": dy > ASIDE,
            "wearing": abs(dx) < OVER and dy > -8, "riding": abs(dx) < OVER and dy < -4, "on": abs(dx) < OVER and dy < -ASIDE,
            "in": abs(dx) < OVER and dy < -4}[relation]


class Judge:
    def __init__(self):
        self.backgrounds = Backgrounds()

    def marks(self, row, picture, maps):
        group = row["group"]
        if group == "single":
            marks = {"single": first(maps) == row["things"][0]}
            if "background" in row:
                marks["background"] = self.backgrounds.name(picture) == tuple(row["background"])
            return marks
        if group == "unseen":
            return {"unseen": first(maps) == row["things"][0]}
        if group == "colour":
            return {"colour": first(maps) == row["things"][0] and has_colour(picture, self.object(picture, maps), row["colour"])}
        if group == "count":
            mask = foreground(picture)
            count = len(blobs(mask)) if mask is not None else 0
            return {"count": first(maps) == row["things"][0] and count == row["count"]}
        places = all_there(row, maps)
        there = all(p is not None for p in places)
        if group == "pair":
            return {"pair": there}
        if group == "relation":
            return {"relation": there and stands(row["relation"], *places)}
        return {"carried": there and self.carried(row["relation"], places)}

    @staticmethod
    def carried(relation, places):
        if relation == "wearing and riding":
            return stands("wearing", *places[:2]) and stands("riding", places[0], places[2])
        return stands(relation, *places[:2])

    @staticmethod
    def object(picture, maps):
        """Where the thing is: what differs from a plain background, or else the cells that name it."""
        mask = foreground(picture)
        if mask is not None and mask.mean() > 0.04:
            return mask
        cells = maps[0] < 0.5
        return np.kron(cells, np.ones((128 // len(cells),) * 2, bool))
