# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be said of a picture by its pixels alone: background, foreground, colour, how many blobs.

Pictures are uint8 [128, 128, 3]; masks are bool [128, 128].
"""
import random

import concepts  # also makes the recipe importable

import numpy as np
from PIL import Image

import backgrounds
import things

EDGE, CELLS = 6, 16  # pixels of the border, pieces along each side
EACH = 14  # pictures of a place that a border is compared with, for each time of day
APART = 30  # difference to the background (the largest of the channels) from which a pixel is foreground
SPECK = 0.25  # blobs smaller than this share of the largest are no things
HUES = {"red": (346, 13), "orange": (13, 40), "yellow": (40, 70), "green": (75, 172), "blue": (180, 243), "purple": (243, 300),
        "pink": (300, 346), "brown": (8, 45)}  # degrees, from and to
MAIN = 0.38  # share of what is coloured that must have the hue
DARK = 0.72  # orange is brown below this
GREYS = ("black", "gray", "white")


# ---------------------------------------------------------------- background


def border(picture):
    """The four edges as 4 x 16 mean colours, 0..1."""
    p = picture.astype(np.float32) / 255
    width = p.shape[0] // CELLS
    strips = [p[:EDGE].mean(0), p[-EDGE:].mean(0), p[:, :EDGE].mean(1), p[:, -EDGE:].mean(1)]
    return np.concatenate([strip.reshape(CELLS, width, 3).mean(1) for strip in strips])


class Backgrounds:
    """Names what is behind: ("solid", "blue") or ("place", "beach"), by the nearest border of painted ones.

    A thing may cover a part of the border: the worst fifth of it is not counted.
    """

    def __init__(self, seed=11):
        rng, self.names, borders = random.Random(seed), [], []
        wanted = [("solid", name) for name in things.SOLID]
        for place, (_, timed) in backgrounds.PLACES.items():
            wanted += [("place", place, time, rng.randrange(1 << 30)) for time in (backgrounds.TIMES if timed else ("day",))
                       for _ in range(EACH)]
        for background in wanted:
            self.names.append(background[:2])
            borders.append(border((backgrounds.paint(background) * 255).astype(np.uint8)))
        self.borders = np.stack(borders)

    def name(self, picture):
        off = np.abs(self.borders - border(picture)).mean(2)
        keep = off.shape[1] * 4 // 5
        return self.names[np.sort(off, 1)[:, :keep].mean(1).argmin()]


# ---------------------------------------------------------------- foreground


def foreground(picture):
    """Where a picture differs from the plain colour behind it; None if its border is of no one colour."""
    p = picture.astype(np.int16)
    edge = np.concatenate([p[:3].reshape(-1, 3), p[-3:].reshape(-1, 3), p[:, :3].reshape(-1, 3), p[:, -3:].reshape(-1, 3)])
    colour = np.median(edge, 0)
    if (np.abs(edge - colour).max(1) < APART).mean() < 0.75:
        return None
    return np.abs(p - colour).max(2) > APART


def blobs(mask):
    """Sizes in pixels of the connected parts of a mask, the largest first, specks left out; edges are eroded first."""
    m = mask[::2, ::2] & mask[1::2, ::2] & mask[::2, 1::2] & mask[1::2, 1::2]
    left, sizes = set(zip(*(axis.tolist() for axis in np.nonzero(m)))), []
    while left:
        heap, size = [left.pop()], 0
        while heap:
            y, x = heap.pop()
            size += 1
            for at in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if at in left:
                    left.remove(at)
                    heap.append(at)
        sizes.append(4 * size)
    sizes.sort(reverse=True)
    return [size for size in sizes if size >= SPECK * sizes[0]]


# ---------------------------------------------------------------- colour


def has_colour(picture, mask, colour):
    """Whether what the mask covers is mainly of this colour: by hues, weighted by saturation, or by lightness."""
    hsv = np.asarray(Image.fromarray(picture).convert("HSV")).astype(np.float32) / 255
    h, s, v = (hsv[..., k][mask] for k in range(3))
    if not len(h):
        return False
    if colour in GREYS:
        chroma, light = np.median(s * v), np.median(v)
        return bool(chroma < 0.13 and {"black": light < 0.42, "gray": 0.3 < light < 0.85, "white": light > 0.72}[colour])
    weight = s * v * (s > 0.2)
    if weight.sum() < 0.08 * len(h):
        return False
    low, high = HUES[colour]
    within = (h * 360 - low) % 360 < (high - low) % 360
    if (weight * within).sum() < MAIN * weight.sum():
        return False
    light = np.average(v[within], weights=weight[within])
    return colour not in ("brown", "orange") or bool((light < DARK) == (colour == "brown"))
