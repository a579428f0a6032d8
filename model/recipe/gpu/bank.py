# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything that scenes are made of, drawn once by all cores and kept as plain numbers.

    bank = Bank(folder, device)      # folder: written by `fill`
    bank.sprites                     # uint8 [N, 4, 128, 128], premultiplied, each in the upper left corner
    bank.sizes                       # int32 [N, 2]: width, height
    bank.places                      # uint8 [P, 3, 128, 128], backgrounds with a place

Sprite 0 is the soft shadow. A place of a scene is one of VARIANTS paintings of each (place, time).
"""
import json
import multiprocessing
import os

import numpy as np
import torch

import backgrounds
import render
from backgrounds import SIZE

VARIANTS = 96
PLACES = [(place, time) for place, (_, timed) in backgrounds.PLACES.items() for time in (backgrounds.TIMES if timed else ("day",))]

shared = None  # what the forked processes work on


def settled(scene, variants=VARIANTS):
    """The scene with one of the paintings that the bank has."""
    if scene.background[0] != "place":
        return scene
    kind, place, time, seed = scene.background
    return scene._replace(background=(kind, place, time, seed % variants))


def place_row(background, variants=VARIANTS):
    _, place, time, seed = background
    return PLACES.index((place, time)) * variants + seed


def draw_sprites(rows):
    pack, keys, sprites, sizes, _, _ = shared
    for row in rows:
        image = render.shadow(96, 32) if row == 0 else pack.get(keys[row][0], keys[row][1])
        pixels = np.asarray(image)
        h, w = pixels.shape[:2]
        sprites[row, :, :h, :w] = pixels.transpose(2, 0, 1)
        sizes[row] = w, h
        pack.cache.clear()


def paint_places(rows):
    places, variants = shared[4:]
    for row in map(int, rows):
        place, time = PLACES[row // variants]
        picture = backgrounds.paint(("place", place, time, row % variants))
        places[row] = (picture * 255 + 0.5).astype(np.uint8).transpose(2, 0, 1)


def fill(folder, pack, keys, processes, variants=VARIANTS):
    """`keys`: the sprites as (number, colour or None), but for number 0, which is the shadow."""
    global shared
    os.makedirs(folder, exist_ok=True)

    def array(name, dtype, shape):
        return np.lib.format.open_memmap(os.path.join(folder, name + ".npy"), "w+", dtype, shape)

    sprites, sizes = array("sprites", np.uint8, (len(keys), 4, SIZE, SIZE)), array("sizes", np.int32, (len(keys), 2))
    places = array("places", np.uint8, (len(PLACES) * variants, 3, SIZE, SIZE))
    shared = pack, keys, sprites, sizes, places, variants
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        drawn = pool.map_async(draw_sprites, np.array_split(np.arange(len(keys)), 8 * processes))
        painted = pool.map_async(paint_places, np.array_split(np.arange(len(places)), 8 * processes))
        drawn.get(), painted.get()
    for values in (sprites, sizes, places):
        values.flush()
    with open(os.path.join(folder, "bank.json"), "w") as f:
        json.dump({"sprites": len(keys), "variants": variants}, f)
    shared = None


class Bank:
    def __init__(self, folder, device):
        def tensor(name):
            return torch.from_numpy(np.load(os.path.join(folder, name + ".npy"))).to(device)

        self.sprites, self.sizes, self.places = tensor("sprites"), tensor("sizes"), tensor("places")
