# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenes thought up ahead by all cores, as plain numbers that a GPU can draw (compose.py) and a text encoder read.

    lot, keys = think_up(stage, captions, tok, count, seed, processes)
    lot["backgrounds"]  int16 [N, 4]   place or -1, first colour, second colour, way of the gradient
    lot["layers"]       int32 [M, 6]   sprite of the bank, mirrored, x, y, w, h
    lot["first"], lot["count"]  int32, int16 [N]   a scene's layers
    lot["ids"]          int16 [N, WORDINGS, CONTEXT]

`keys`: the bank's sprites, (number, colour), in the order that the layers count them.
"""
import multiprocessing
import random

import numpy as np
import torch

import bank
import things
from compose import WAYS

WORDINGS = 6  # captions of each scene
PART = 1000  # scenes a task
PLAIN = 0.3  # share of single things, whatever they are, in lots for the autoencoder

COLOURS = list(things.SOLID)
shared = None  # what the forked processes work on


def background_row(background, variants):
    if background[0] == "place":
        return bank.place_row(background, variants), 0, 0, 0
    if background[0] == "solid":
        colour = COLOURS.index(background[1])
        return -1, colour, colour, 0
    return -1, COLOURS.index(background[1]), COLOURS.index(background[2]), WAYS.index(background[3])


def layer_row(layer, numbers):
    if layer.sprite < 0:
        return 0, 0, layer.x, layer.y, max(layer.w, 4), layer.h
    number = numbers.setdefault((layer.sprite, layer.colour), len(numbers) + 1)
    return number, int(layer.mirrored), layer.x, layer.y, layer.w, layer.h


def thought(stage, rng, plain):
    """A scene; now and then, for the autoencoder, any thing at all by itself."""
    if plain and rng.random() < PLAIN:
        look = rng.choice([name for name, found in stage.by_look.items() if found[0]])
        scene = stage.make_single(rng, look, thing=rng.choice(stage.by_look[look][0]))
        if scene:
            return scene
    return stage.scene(rng)


def as_numbers(scenes, captions, tok, rng, variants):
    """A part of a lot; its layers count the part's own `keys`."""
    numbers, layers, counts, ids = {}, [], [], []
    for scene in scenes:
        counts.append(len(scene.layers))
        layers += [layer_row(layer, numbers) for layer in scene.layers]
        if captions:
            ids.append([tok(captions.caption(rng, scene)) for _ in range(WORDINGS)])
    return {"backgrounds": np.array([background_row(s.background, variants) for s in scenes], np.int16),
            "layers": np.array(layers, np.int32).reshape(-1, 6), "count": np.array(counts, np.int16),
            "ids": np.array(ids, np.int16), "keys": list(numbers)}


def part(task):
    stage, captions, tok, seed, variants = shared
    number, count = task
    rng = random.Random(seed * 10**7 + number)
    scenes = [bank.settled(thought(stage, rng, plain=not captions), variants) for _ in range(count)]
    return as_numbers(scenes, captions, tok, rng, variants)


def joined(parts):
    numbers = {}
    for found in parts:
        own = np.array([0] + [numbers.setdefault(key, len(numbers) + 1) for key in found["keys"]], np.int32)
        found["layers"][:, 0] = own[found["layers"][:, 0]]
    lot = {name: torch.from_numpy(np.concatenate([found[name] for found in parts]))
           for name in ("backgrounds", "layers", "count", "ids")}
    lot["first"] = (lot["count"].long().cumsum(0) - lot["count"]).int()
    return lot, [(-1, None), *numbers]


def think_up(stage, captions, tok, count, seed, processes, variants=bank.VARIANTS):
    """`captions` None: a lot for the autoencoder, without words."""
    global shared
    shared = stage, captions, tok, seed, variants
    tasks = [(number, min(PART, count - at)) for number, at in enumerate(range(0, count, PART))]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        parts = pool.map(part, tasks, chunksize=1)
    shared = None
    return joined(parts)


def renumbered(lot, keys, numbers):
    """The lot with its layers counting `numbers`, key -> row of the bank; new keys are added to it."""
    own = torch.tensor([numbers.setdefault(key, len(numbers)) for key in keys], dtype=torch.int32)
    lot["layers"][:, 0] = own[lot["layers"][:, 0].long()]
    return lot
