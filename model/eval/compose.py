# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures to learn from: sprites over backgrounds, each turned, stretched, tinted, shaded and blurred anew, in batches.

    composer = Composer(art, seed)
    pictures, cells = composer.batch(32)     # float [N, 3, 64, 64] in -1..1, int64 [N, 16, 16]

A cell holds 0 for nothing known, 1 + the concept's number in the middle of a thing, -1 where it does not matter.
"""
import math
import random

import concepts

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import backgrounds
import things
from scorer import GRID, SIDE

PLACES = 160  # pictures of places, made once
STRANGERS = 400  # sprites that show none of the concepts
MOST = 5  # things in a picture
LAYOUTS = {"one": 0.34, "two": 0.21, "several": 0.12, "worn": 0.13, "ridden": 0.10, "inside": 0.10}
OTHERS = 0.10  # share of things that are none of the concepts
TURN, STRETCH, BEND = 18, 0.20, 0.06  # degrees, share, how far a thing's parts are moved (in half widths)
INNER = 0.62  # how much of a thing's half width and height names it
THIN = 0.55  # things narrower than this share of their length are named as if they were so wide
WEARABLE, RIDEABLE = ("sunglasses", "top hat", "crown"), ("skateboard", "kick scooter", "bicycle", "motorcycle", "rocket",
                                                           "cloud", "box", "bathtub", "bucket", "car", "couch")
HOLLOW = ("box", "bathtub", "bucket")
LUMA = torch.tensor([0.299, 0.587, 0.114])


def fitted(image, side):
    """float [4, side, side], premultiplied, the sprite as large as fits, in the middle."""
    image = image.convert("RGBa")
    scale = side / max(image.size)
    w, h = (max(1, round(x * scale)) for x in image.size)
    out = Image.new("RGBa", (side, side), (0, 0, 0, 0))
    out.paste(image.resize((w, h), Image.LANCZOS), ((side - w) // 2, (side - h) // 2))
    return torch.from_numpy(np.asarray(out).astype(np.float32) / 255).permute(2, 0, 1)


def hue_matrix(turn, saturation):
    """3x3, turns hues about the axis of greys and scales their saturation (radians, factor)."""
    c, s, k = math.cos(turn), math.sin(turn), 1 / 3
    r = math.sqrt(k) * s
    turned = torch.tensor([[c + k * (1 - c), k * (1 - c) - r, k * (1 - c) + r],
                           [k * (1 - c) + r, c + k * (1 - c), k * (1 - c) - r],
                           [k * (1 - c) - r, k * (1 - c) + r, c + k * (1 - c)]])
    grey = LUMA.expand(3, 3)
    return grey + saturation * (turned - grey)


class Composer:
    def __init__(self, art, seed, sources=concepts.TRAINING):
        self.rng, self.noise = random.Random(seed), torch.Generator().manual_seed(seed)
        self.by_concept, sprites = {}, []
        for concept in concepts.CONCEPTS:
            numbers = art.of(concept, sources)
            self.by_concept[concept] = range(len(sprites), len(sprites) + len(numbers))
            sprites += numbers
        self.known = len(sprites)
        sprites += self.rng.sample(art.others(sources), STRANGERS)
        images = [art.picture(i) for i in sprites]
        self.shape = [(im.width / max(im.size), im.height / max(im.size)) for im in images]
        self.large = torch.stack([fitted(im, SIDE) for im in images]).half()
        self.small = torch.stack([fitted(im, SIDE // 2) for im in images]).half()
        rng = random.Random(seed + 1)
        places = [backgrounds.paint(("place", rng.choice(list(backgrounds.PLACES)), rng.choice(backgrounds.TIMES),
                                     rng.randrange(1 << 30))) for _ in range(PLACES)]
        places = torch.from_numpy(np.stack(places)).permute(0, 3, 1, 2)
        self.places = F.interpolate(places, (SIDE, SIDE), mode="area")

    def restart(self, seed):
        self.rng.seed(seed)
        self.noise.manual_seed(seed)

    # ------------------------------------------------------------ what is where

    def some(self, concept=None):
        """(sprite, label)"""
        if concept is None and self.rng.random() < OTHERS:
            return self.rng.randrange(self.known, len(self.shape)), 0
        concept = concept or self.rng.choice(concepts.CONCEPTS)
        return self.rng.choice(self.by_concept[concept]), 1 + concepts.CONCEPTS.index(concept)

    def layout(self):
        """Up to five of (sprite, label, x, y, half size), in -1..1, from back to front."""
        rng = self.rng
        u = rng.random()
        for way, share in LAYOUTS.items():
            u -= share
            if u < 0:
                break
        jitter = lambda d: rng.uniform(-d, d)
        if way == "one":
            s = rng.uniform(0.38, 0.96)
            room = max(0.08, 0.7 * (1 - s))
            return [(*self.some(), jitter(room), jitter(room), s)]
        if way == "two":
            angle, d = rng.choice((0, 0, 90, 180, 270)) + jitter(25), rng.uniform(0.34, 0.52)
            x, y = d * math.cos(math.radians(angle)), d * math.sin(math.radians(angle))
            return [(*self.some(), k * x + jitter(0.06), k * y + jitter(0.06), rng.uniform(0.34, 0.50)) for k in (1, -1)]
        if way == "several":
            n = rng.randint(2, MOST)
            if rng.random() < 0.3:
                spots, s = [((i - (n - 1) / 2) * 1.9 / n, 0) for i in range(n)], 0.9 / n
            else:
                spots = {2: ((-.47, 0), (.47, 0)), 3: ((-.47, .4), (.47, .4), (0, -.44)),
                         4: ((-.46, -.46), (.46, -.46), (-.46, .46), (.46, .46)),
                         5: ((-.6, -.57), (.6, -.57), (0, 0), (-.6, .57), (.6, .57))}[n]
                s = rng.uniform(0.36, 0.44) - 0.09 * (n == 5)
            all_same, same, drop = rng.random() < 0.6, self.some(), rng.uniform(-0.3, 0.4) if spots[0][1] == 0 else 0
            return [(*(same if all_same else self.some()), x + jitter(0.05), y + drop + jitter(0.05), s) for x, y in spots]
        if way == "worn":
            s, x, y = rng.uniform(0.55, 0.78), jitter(0.1), rng.uniform(0, 0.2)
            worn = self.some(rng.choice(WEARABLE) if rng.random() < 0.8 else None)
            high = rng.uniform(-0.25, 0.25) if worn[1] == 1 + concepts.CONCEPTS.index("sunglasses") else rng.uniform(-1.15, -0.7)
            return [(*self.some(), x, y, s), (*worn, x + jitter(0.08), y + high * s, s * rng.uniform(0.45, 0.8))]
        if way == "inside":
            outside, s, x = self.some(rng.choice(HOLLOW) if rng.random() < 0.8 else None), rng.uniform(0.5, 0.68), jitter(0.08)
            y, up = rng.uniform(0.2, 0.4), rng.uniform(0.4, 0.52)
            rim = y + s * self.shape[outside[0]][1] * rng.uniform(-0.7, 0.2)
            return [(*self.some(), x + jitter(0.1), rim - up * rng.uniform(0.2, 0.8), up), (*outside, x, y, s)]
        below = self.some(rng.choice(RIDEABLE) if rng.random() < 0.7 else None)
        s, x = rng.uniform(0.62, 0.9), jitter(0.06)
        low = 0.95 - s * self.shape[below[0]][1] - rng.uniform(0, 0.12)
        up = rng.uniform(0.36, 0.56)
        rider = (*self.some(), x + jitter(0.15), low - s * self.shape[below[0]][1] * rng.uniform(-0.2, 1.0) - up * 0.8, up)
        under = (*below, x, low, s)
        return [under, rider] if rng.random() < 0.7 else [rider, under]

    # ------------------------------------------------------------ pictures

    def backgrounds(self, n):
        rng, out = self.rng, torch.empty(n, 3, SIDE, SIDE)
        for i in range(n):
            u = rng.random()
            if u < 0.25:
                out[i] = 1
            elif u < 0.55:
                named = rng.random() < 0.6
                colour = things.SOLID[rng.choice(list(things.SOLID))] if named else [rng.randrange(256) for _ in "rgb"]
                out[i] = torch.tensor(colour)[:, None, None] / 255
            elif u < 0.70:
                a, b = (torch.tensor([rng.random() for _ in "rgb"])[:, None, None] for _ in "ab")
                t = torch.linspace(0, 1, SIDE)
                t = t[:, None] if rng.random() < 0.6 else t[None, :]
                out[i] = a + (b - a) * t
            else:
                place = self.places[rng.randrange(PLACES)]
                out[i] = place.flip(2) if rng.random() < 0.5 else place
        return out

    def affine(self, sprite, label, x, y, s):
        """2x3 from the picture's coordinates to the sprite's."""
        rng = self.rng
        angle = rng.gauss(0, TURN / 2)
        if label == 1 + concepts.CONCEPTS.index("skateboard"):
            angle += rng.choice((0, -45, 45))
        angle = math.radians(angle)
        sx, sy = s * (1 + rng.uniform(-STRETCH, STRETCH)), s * (1 + rng.uniform(-STRETCH, STRETCH))
        flip, shear = rng.choice((1, -1)), rng.uniform(-0.12, 0.12)
        m = np.array([[flip * sx, 0], [0, sy]]) @ np.array([[1, shear], [0, 1]])
        m = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) @ m
        inverse = np.linalg.inv(m)
        return np.concatenate([inverse, -inverse @ [[x], [y]]], 1).astype(np.float32)

    def bent(self, theta):
        """Smooth shifts, [N, side, side, 2], four bumps across a half."""
        rough = torch.randn(len(theta), 2, 8, 8, generator=self.noise) * BEND
        return F.interpolate(rough, (SIDE, SIDE), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)

    def tinted(self, rgb, alpha):
        """Colours turned and shaded; rgb is premultiplied."""
        n, rng = len(rgb), self.rng
        matrices = []
        for _ in range(n):
            u = rng.random()
            turn = rng.uniform(0, 2 * math.pi) if u < 0.3 else rng.gauss(0, 0.15)
            saturation = 0.1 if u > 0.95 else rng.uniform(0.6, 1.4)
            matrices.append(hue_matrix(turn, saturation) * rng.uniform(0.7, 1.25))
        rgb = torch.einsum("nij,njhw->nihw", torch.stack(matrices), rgb)
        coarse = torch.randn(n, 1, 4, 4, generator=self.noise) * 0.14 + torch.randn(n, 1, 1, 1, generator=self.noise) * 0.05
        shade = F.interpolate(coarse, (SIDE, SIDE), mode="bicubic", align_corners=True)
        rgb = rgb * (1 + shade.clamp(max=0)) + (alpha - rgb) * shade.clamp(0, 0.6)
        return torch.minimum(rgb.clamp(min=0), alpha)

    def batch(self, n):
        rng, out = self.rng, self.backgrounds(n)
        cells, layouts = torch.zeros(n, GRID, GRID, dtype=torch.int64), [self.layout() for _ in range(n)]
        middle = (torch.arange(GRID) * 2 + 1) / GRID - 1
        spots = torch.stack([middle.expand(GRID, GRID), middle[:, None].expand(GRID, GRID), torch.ones(GRID, GRID)])
        for k in range(MOST):
            here = [i for i in range(n) if len(layouts[i]) > k]
            for bank, ours in ((self.large, [i for i in here if layouts[i][k][4] >= 0.5]),
                               (self.small, [i for i in here if layouts[i][k][4] < 0.5])):
                if not ours:
                    continue
                layers = [layouts[i][k] for i in ours]
                theta = torch.from_numpy(np.stack([self.affine(*layer) for layer in layers]))
                sprites = bank[[layer[0] for layer in layers]].float()
                grid = F.affine_grid(theta, (len(ours), 4, SIDE, SIDE), align_corners=False)
                drawn = F.grid_sample(sprites, grid + self.bent(theta), align_corners=False)
                alpha = drawn[:, 3:]
                out[ours] = out[ours] * (1 - alpha) + self.tinted(drawn[:, :3], alpha)
                half = torch.tensor([self.shape[layer[0]] for layer in layers]).clamp(min=THIN)
                at = torch.einsum("nij,jhw->nihw", theta, spots) / half[:, :, None, None]
                far, labels = (at ** 2).sum(1), torch.tensor([layer[1] for layer in layers])[:, None, None]
                mine = torch.where(far < INNER ** 2, labels, torch.tensor(-1))
                cells[ours] = torch.where(far < 1.1, mine, cells[ours])
        for i in range(n):  # soft, sharp, noisy or small, as a decoder or an encoder of pictures leaves them
            u = rng.random()
            if u < 0.35:
                side = rng.randint(28, 52)
                soft = F.interpolate(out[i:i + 1], (side, side), mode="area")
                out[i] = F.interpolate(soft, (SIDE, SIDE), mode="bicubic", align_corners=False)[0]
            elif u < 0.5:
                out[i] += (out[i] - F.avg_pool2d(out[i:i + 1], 3, 1, 1)[0]) * rng.uniform(0.3, 1.2)
            if rng.random() < 0.3:
                out[i] += torch.randn(3, SIDE, SIDE, generator=self.noise) * rng.uniform(0.01, 0.05)
        return out.clamp(0, 1) * 2 - 1, cells
