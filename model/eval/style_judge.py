# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tells the style of a picture of one thing on white, whatever the thing is.

    judge = StyleJudge(*composed(pack, nouns, 60, seed))      # learns from compositions
    numbers = judge.names(pictures)                           # of STYLES

By how even its areas are, how dark its edge, how strong its colours: a linear function of a dozen such measures and
their products.
"""
import random

import concepts  # also makes the recipe importable

import numpy as np

import pixels
from render import render
from scenes import Stage, held
from sprites import CORE
from words import with_article

STYLES = {"3d": "", "flat": ", flat", "outlined": ", outlined cartoon", "render": ", realistic 3d render",
          "silhouette": ", silhouette icon", "clip art": ", clip art"}
EACH = 10  # things asked for in each style
RIDGE = 0.02  # of the least squares


def shrunk(mask, by):
    """The mask without its outermost `by` pixels."""
    for _ in range(by):
        edge = np.pad(mask, 1)
        mask = mask & edge[:-2, 1:-1] & edge[2:, 1:-1] & edge[1:-1, :-2] & edge[1:-1, 2:]
    return mask


def measures(picture):
    """float [12]: how what is in front is drawn. Pictures without anything in front get zeros."""
    p, front = picture.astype(np.float32) / 255, pixels.foreground(picture)
    if front is None:
        return np.zeros(12, np.float32)
    inner = shrunk(front, 4)
    if inner.sum() < 50:
        return np.zeros(12, np.float32)
    rim, inside = front & ~shrunk(front, 3), p[inner]
    grey, strength = p.mean(-1), p.max(-1) - p.min(-1)
    steep = np.hypot(*np.gradient(grey))[inner]
    return np.array([strength[inner].mean(), strength[inner].std(), inside.mean(), grey[inner].std(), (grey[inner] < 0.2).mean(),
                     (grey[rim] < 0.3).mean(), grey[rim].mean() - inside.mean(), (strength[rim] < 0.12).mean(),
                     (steep < 0.006).mean(), ((steep > 0.006) & (steep < 0.03)).mean(), (steep > 0.08).mean(),
                     np.abs(np.diff(grey, axis=0)[inner[1:]]).mean()], np.float32)


def widened(rows):
    """Measures, their products, and one."""
    products = np.einsum("ni,nj->nij", rows, rows)[:, *np.triu_indices(rows.shape[1])]
    return np.concatenate([np.ones((len(rows), 1)), rows, products], 1)


class StyleJudge:
    def __init__(self, pictures, labels):
        rows = np.stack([measures(p) for p in pictures])
        self.mean, self.std = rows.mean(0), rows.std(0) + 1e-6
        x, y = widened((rows - self.mean) / self.std), np.eye(len(STYLES))[labels]
        self.weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y)

    def names(self, pictures):
        rows = np.stack([measures(p) for p in pictures])
        return (widened((rows - self.mean) / self.std) @ self.weights).argmax(1)


class White(Stage):
    """Single things on white, in the first sprite of each look, held out or not."""

    def background(self, rng, kind, avoid=(), key=None, plain=False):
        return "solid", "white"

    def sprite(self, rng, thing, look):
        return thing.looks[look][0]


def composed(pack, nouns, each, seed):
    """Pictures and numbers of their styles."""
    stage, rng, out, labels = White(pack), random.Random(seed), [], []
    for number, look in enumerate(STYLES):
        able = [pack.things[noun] for noun in nouns if look in pack.things[noun].looks]
        while labels.count(number) < each:
            scene = stage.make_single(rng, look, thing=rng.choice(able))
            if scene:
                out.append(render(pack, scene))
                labels.append(number)
    return np.stack(out), np.array(labels)


def asked(pack):
    """[(style, text)]: EACH things for each style that no training picture showed in it."""
    common = sorted(t.noun for t in pack.things.values() if t.weight == CORE and "3d" in t.looks)
    out = []
    for look, words in STYLES.items():
        nouns = [noun for noun in common if look == "3d" or held("style", noun, look)]
        out += [(look, with_article(noun) + words) for noun in random.Random(3).sample(nouns, min(EACH, len(nouns)))]
    return out
