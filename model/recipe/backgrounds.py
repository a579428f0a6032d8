# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is behind things: solid colours, gradients, and places painted by rule.

A background is (kind, names…, seed): ("solid", "blue"), ("gradient", "pink", "orange", "down"),
("place", "beach", "sunset", 17). `paint` returns float [height, width, 3] in 0..1.
"""
import random

import numpy as np

import things

SIZE = 128
TIMES = ("day", "sunset", "night")
PLACES = {  # place -> how it is said, whether it has times of day
    "grass": (["on grass", "on the grass", "in a meadow", "in a green field", "on a lawn"], True),
    "beach": (["on a beach", "at the beach", "on the beach", "on a sandy beach"], True),
    "snow": (["in the snow", "in snow", "on snow", "in a snowy landscape", "in winter"], True),
    "desert": (["in the desert", "in a desert", "on sand dunes"], True),
    "sea": (["on the sea", "at sea", "in the sea", "in the ocean", "on the water"], True),
    "table": (["on a table", "on a wooden table", "on the table"], False),
    "sky": (["in the sky", "in a blue sky", "among clouds", "flying in the sky"], False),
    "night": (["at night", "under the stars", "in a starry night", "in the night sky"], False),
}
ALONE = {  # places as the subject
    "grass": ["a meadow", "a green field", "a grassy landscape", "a green meadow"],
    "beach": ["a beach", "a sandy beach", "a seaside", "a beach scene"],
    "snow": ["a snowy landscape", "a winter landscape", "a snowy field"],
    "desert": ["a desert", "a desert landscape", "sand dunes"],
    "sea": ["the sea", "the ocean", "a calm sea", "an ocean"],
    "table": ["a wooden table", "an empty table"],
    "sky": ["a blue sky", "the sky", "a sky with clouds"],
    "night": ["a starry night", "the night sky", "a night sky with stars"],
}
FLYING = ("sky", "night")  # nothing stands there
SKIES = {"day": ((0.36, 0.66, 0.96), (0.80, 0.92, 1.0)), "sunset": ((0.42, 0.26, 0.58), (1.0, 0.66, 0.36)),
         "night": ((0.03, 0.05, 0.16), (0.14, 0.18, 0.40))}
LIGHT = {"day": (1, 1, 1), "sunset": (0.98, 0.74, 0.62), "night": (0.34, 0.40, 0.58)}



def mixed(a, b, t):
    return np.asarray(a, np.float32) * (1 - t[..., None]) + np.asarray(b, np.float32) * t[..., None]


def solid(name):
    return np.asarray(things.SOLID[name], np.float32) / 255


class Painter:
    """One background. Places on the canvas are meant for 128x128 and moved to its size; sizes of things stay."""

    def __init__(self, rng, width=SIZE, height=SIZE):
        self.rng, self.width, self.height = rng, width, height
        self.y, self.x = np.mgrid[0:height, 0:width].astype(np.float32)
        self.canvas = np.zeros((height, width, 3), np.float32)

    def across(self, low, high):
        """A random column."""
        return self.rng.randint(low, high) * self.width / SIZE

    def down(self, low, high):
        """A random row."""
        return self.rng.randint(low, high) * self.height / SIZE

    def noise(self, step):
        """Smooth noise in -1..1 with bumps of about `step` pixels."""
        rng, n = self.rng, max(self.width, self.height) // step + 3
        grid = np.array([[rng.uniform(-1, 1) for _ in range(n)] for _ in range(n)], np.float32)
        y, x = self.y / step + rng.random(), self.x / step + rng.random()
        iy, ix = y.astype(int), x.astype(int)
        fy, fx = y - iy, x - ix
        fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
        top = grid[iy, ix] * (1 - fx) + grid[iy, ix + 1] * fx
        return top * (1 - fy) + (grid[iy + 1, ix] * (1 - fx) + grid[iy + 1, ix + 1] * fx) * fy

    def waves(self, shortest, longest):
        """A sine along the columns, in -1..1."""
        return np.sin(self.x / self.rng.uniform(shortest, longest) + self.rng.random() * 6)

    def disc(self, cx, cy, radius, colour, soft=1.5):
        t = np.clip((radius - np.hypot(self.x - cx, self.y - cy)) / soft + 0.5, 0, 1)[..., None]
        self.canvas = self.canvas * (1 - t) + np.asarray(colour, np.float32) * t

    def sky(self, time, horizon):
        rng, (top, low) = self.rng, SKIES[time]
        high = round(horizon * SIZE / self.height)  # the horizon as `down` counts
        self.canvas = mixed(top, low, np.clip(self.y / max(horizon, 1), 0, 1) ** 1.2)
        if time == "sunset":
            self.disc(self.across(24, 104), horizon - rng.randint(-2, 14), rng.randint(9, 14), (1.0, 0.86, 0.45), 2)
        elif time == "night":
            for _ in range(26 * self.width * self.height // SIZE ** 2):
                self.disc(self.across(0, 127), self.down(0, max(high - 6, 2)), rng.choice((0.5, 0.7, 1.0)), (0.95, 0.95, 0.85))
            if rng.random() < 0.6:
                self.disc(self.across(14, 114), self.down(12, 26), 8, (0.98, 0.95, 0.80))
        else:
            self.clouds(high, rng.randint(0, 3))

    def clouds(self, high, count):
        for _ in range(count):
            cx, cy, w = self.across(0, 127), self.down(8, max(high - 24, 12)), self.rng.randint(12, 22)
            for k in range(4):
                self.disc(cx + (k - 1.5) * w * 0.5, cy - (k % 2) * 4, w * (0.34 if k in (0, 3) else 0.46), (1, 1, 1), 3)

    def ground(self, edge, near, far, time, texture=None):
        """Covers everything below `edge` (a number or one a column)."""
        t = np.clip((self.y - edge) / (self.height - np.min(edge)), 0, 1)
        colour = mixed(far, near, t)
        if texture is not None:
            colour = colour + texture[..., None]
        colour = np.clip(colour, 0, 1) * np.asarray(LIGHT[time], np.float32)
        cover = np.clip(self.y - edge + 0.5, 0, 1)[..., None]
        self.canvas = self.canvas * (1 - cover) + colour * cover

    def water(self, h, time):
        stripes = 0.03 * np.sin(self.y * 1.1 + 2 * self.noise(16)) * np.clip((self.y - h) / 30, 0.2, 1)
        near, far = ((0.10, 0.46, 0.78), (0.32, 0.70, 0.90)) if time != "sunset" else ((0.30, 0.34, 0.62), (0.95, 0.62, 0.46))
        self.ground(h, near, far, "day" if time == "sunset" else time, stripes)

    # ------------------------------------------------------------ the places

    def grass(self, time):
        h = self.down(70, 84)
        self.sky(time, h)
        if self.rng.random() < 0.6:
            self.ground(h - 5 - 6 * self.waves(16, 30), (0.34, 0.62, 0.34), (0.42, 0.70, 0.42), time)
        self.ground(h, (0.30, 0.66, 0.24), (0.52, 0.80, 0.36), time, 0.035 * self.noise(4))

    def beach(self, time):
        h = self.down(58, 70)
        self.sky(time, h)
        self.water(h, time)
        shore = h + self.down(18, 26) + 3 * self.waves(10, 22)
        self.ground(shore - 3, (1, 1, 1), (0.95, 0.98, 1), time)
        self.ground(shore, (0.93, 0.80, 0.56), (0.98, 0.89, 0.68), time, 0.02 * self.noise(4))

    def sea(self, time):
        h = self.down(52, 74)
        self.sky(time, h)
        self.water(h, time)

    def snow(self, time):
        h, rng = self.down(66, 82), self.rng
        self.sky(time, h)
        self.ground(h - 4 - 5 * self.waves(16, 34), (0.82, 0.89, 0.97), (0.88, 0.94, 1), time)
        self.ground(h, (0.96, 0.98, 1), (0.90, 0.95, 1), time, 0.012 * self.noise(8))
        if rng.random() < 0.5:
            for _ in range(24):
                self.disc(self.across(0, 127), self.down(0, 127), rng.choice((0.9, 1.3)), (1, 1, 1))

    def desert(self, time):
        h = self.down(62, 80)
        self.sky(time, h)
        for k, (near, far) in enumerate((((0.86, 0.64, 0.38), (0.92, 0.72, 0.46)), ((0.93, 0.74, 0.44), (0.96, 0.80, 0.54)))):
            self.ground(h + 10 * k - 6 * self.waves(18, 36), near, far, time, 0.012 * self.noise(8))

    def table(self, _):
        h = self.down(72, 88)
        wall = self.rng.choice(((0.93, 0.90, 0.84), (0.80, 0.87, 0.93), (0.86, 0.92, 0.84), (0.96, 0.88, 0.84)))
        self.canvas = mixed(wall, np.asarray(wall) * 0.94, np.clip(self.y / h, 0, 1))
        grain = 0.03 * np.sin(self.y * 0.9 + 3 * self.noise(32)) - 0.06 * (np.abs((self.y - h) % 14 - 7) > 6.4)
        self.ground(h, (0.62, 0.40, 0.22), (0.72, 0.50, 0.30), "day", grain)

    def sky_alone(self, _):
        self.canvas = mixed(*SKIES["day"], self.y / self.height)
        self.clouds(SIZE, self.rng.randint(2, 5))

    def night(self, _):
        self.sky("night", self.height)

    def gradient(self, first, second, way):
        t = {"down": self.y / (self.height - 1), "across": self.x / (self.width - 1)}
        t["slanting"] = (t["down"] + t["across"]) / 2
        self.canvas = mixed(solid(first), solid(second), t[way])


def paint(background, width=SIZE, height=SIZE):
    kind = background[0]
    if kind == "solid":
        return np.broadcast_to(solid(background[1]), (height, width, 3)).copy()
    if kind == "gradient":
        painter = Painter(None, width, height)
        painter.gradient(*background[1:])
        return painter.canvas
    _, place, time, seed = background
    painter = Painter(random.Random(seed), width, height)
    getattr(painter, "sky_alone" if place == "sky" else place)(time)
    return np.clip(painter.canvas, 0, 1).astype(np.float32)


def at_time(time):
    return {"day": "", "sunset": " at sunset", "night": " at night"}[time]
