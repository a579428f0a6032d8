# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is behind things: solid colours, gradients, and places painted by rule.

A background is (kind, names…, seed): ("solid", "blue"), ("gradient", "pink", "orange", "down"),
("place", "beach", "sunset", 17). `paint` returns float [128, 128, 3] in 0..1; `GROUND` says where things stand.
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
Y, X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
SKIES = {"day": ((0.36, 0.66, 0.96), (0.80, 0.92, 1.0)), "sunset": ((0.42, 0.26, 0.58), (1.0, 0.66, 0.36)),
         "night": ((0.03, 0.05, 0.16), (0.14, 0.18, 0.40))}
LIGHT = {"day": (1, 1, 1), "sunset": (0.98, 0.74, 0.62), "night": (0.34, 0.40, 0.58)}


def mixed(a, b, t):
    return np.asarray(a, np.float32) * (1 - t[..., None]) + np.asarray(b, np.float32) * t[..., None]


def noise(rng, step):
    """Smooth noise in -1..1 with bumps of about `step` pixels."""
    n = SIZE // step + 3
    grid = np.array([[rng.uniform(-1, 1) for _ in range(n)] for _ in range(n)], np.float32)
    y, x = Y / step + rng.random(), X / step + rng.random()
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = y - iy, x - ix
    fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    top = grid[iy, ix] * (1 - fx) + grid[iy, ix + 1] * fx
    return top * (1 - fy) + (grid[iy + 1, ix] * (1 - fx) + grid[iy + 1, ix + 1] * fx) * fy


def disc(canvas, cx, cy, radius, colour, soft=1.5):
    t = np.clip((radius - np.hypot(X - cx, Y - cy)) / soft + 0.5, 0, 1)
    canvas[:] = mixed_over(canvas, colour, t)


def mixed_over(canvas, colour, t):
    return canvas * (1 - t[..., None]) + np.asarray(colour, np.float32) * t[..., None]


def sky(rng, time, horizon):
    top, low = SKIES[time]
    canvas = mixed(top, low, np.clip(Y / max(horizon, 1), 0, 1) ** 1.2)
    if time == "sunset":
        disc(canvas, rng.randint(24, 104), horizon - rng.randint(-2, 14), rng.randint(9, 14), (1.0, 0.86, 0.45), 2)
    elif time == "night":
        for _ in range(26):
            disc(canvas, rng.randint(0, 127), rng.randint(0, max(horizon - 6, 2)), rng.choice((0.5, 0.7, 1.0)), (0.95, 0.95, 0.85))
        if rng.random() < 0.6:
            disc(canvas, rng.randint(14, 114), rng.randint(12, 26), 8, (0.98, 0.95, 0.80))
    else:
        clouds(canvas, rng, horizon)
    return canvas


def clouds(canvas, rng, horizon, count=None):
    for _ in range(rng.randint(0, 3) if count is None else count):
        cx, cy, w = rng.randint(0, 127), rng.randint(8, max(horizon - 24, 12)), rng.randint(12, 22)
        for k in range(4):
            disc(canvas, cx + (k - 1.5) * w * 0.5, cy - (k % 2) * 4, w * (0.34 if k in (0, 3) else 0.46), (1, 1, 1), 3)


def ground(canvas, edge, near, far, time, texture=None):
    """Covers everything below `edge` (a number or one a column)."""
    t = np.clip((Y - edge) / (SIZE - np.min(edge)), 0, 1)
    colour = mixed(far, near, t)
    if texture is not None:
        colour = colour + texture[..., None]
    colour = np.clip(colour, 0, 1) * np.asarray(LIGHT[time], np.float32)
    cover = np.clip(Y - edge + 0.5, 0, 1)[..., None]
    canvas[:] = canvas * (1 - cover) + colour * cover


def paint_grass(rng, time):
    h = rng.randint(70, 84)
    canvas = sky(rng, time, h)
    if rng.random() < 0.6:
        hill = h - 5 - 6 * np.sin(X / rng.uniform(16, 30) + rng.random() * 6)
        ground(canvas, hill, (0.34, 0.62, 0.34), (0.42, 0.70, 0.42), time)
    ground(canvas, h, (0.30, 0.66, 0.24), (0.52, 0.80, 0.36), time, 0.035 * noise(rng, 4))
    return canvas


def paint_beach(rng, time):
    h = rng.randint(58, 70)
    canvas = sky(rng, time, h)
    water(canvas, rng, h, time)
    shore = h + rng.randint(18, 26) + 3 * np.sin(X / rng.uniform(10, 22) + rng.random() * 6)
    ground(canvas, shore - 3, (1, 1, 1), (0.95, 0.98, 1), time)
    ground(canvas, shore, (0.93, 0.80, 0.56), (0.98, 0.89, 0.68), time, 0.02 * noise(rng, 4))
    return canvas


def water(canvas, rng, h, time):
    stripes = 0.03 * np.sin(Y * 1.1 + 2 * noise(rng, 16)) * np.clip((Y - h) / 30, 0.2, 1)
    near, far = ((0.10, 0.46, 0.78), (0.32, 0.70, 0.90)) if time != "sunset" else ((0.30, 0.34, 0.62), (0.95, 0.62, 0.46))
    ground(canvas, h, near, far, "day" if time == "sunset" else time, stripes)


def paint_sea(rng, time):
    h = rng.randint(52, 74)
    canvas = sky(rng, time, h)
    water(canvas, rng, h, time)
    return canvas


def paint_snow(rng, time):
    h = rng.randint(66, 82)
    canvas = sky(rng, time, h)
    hill = h - 4 - 5 * np.sin(X / rng.uniform(16, 34) + rng.random() * 6)
    ground(canvas, hill, (0.82, 0.89, 0.97), (0.88, 0.94, 1), time)
    ground(canvas, h, (0.96, 0.98, 1), (0.90, 0.95, 1), time, 0.012 * noise(rng, 8))
    if rng.random() < 0.5:
        for _ in range(24):
            disc(canvas, rng.randint(0, 127), rng.randint(0, 127), rng.choice((0.9, 1.3)), (1, 1, 1))
    return canvas


def paint_desert(rng, time):
    h = rng.randint(62, 80)
    canvas = sky(rng, time, h)
    for k, (near, far) in enumerate((((0.86, 0.64, 0.38), (0.92, 0.72, 0.46)), ((0.93, 0.74, 0.44), (0.96, 0.80, 0.54)))):
        dune = h + 10 * k - 6 * np.sin(X / rng.uniform(18, 36) + rng.random() * 6)
        ground(canvas, dune, near, far, time, 0.012 * noise(rng, 8))
    return canvas


def paint_table(rng, _):
    h = rng.randint(72, 88)
    wall = rng.choice(((0.93, 0.90, 0.84), (0.80, 0.87, 0.93), (0.86, 0.92, 0.84), (0.96, 0.88, 0.84)))
    canvas = mixed(wall, np.asarray(wall) * 0.94, np.clip(Y / h, 0, 1))
    grain = 0.03 * np.sin(Y * 0.9 + 3 * noise(rng, 32)) - 0.06 * (np.abs((Y - h) % 14 - 7) > 6.4)
    ground(canvas, h, (0.62, 0.40, 0.22), (0.72, 0.50, 0.30), "day", grain)
    return canvas


def paint_sky(rng, _):
    canvas = mixed(*SKIES["day"], Y / SIZE)
    clouds(canvas, rng, SIZE, rng.randint(2, 5))
    return canvas


def paint_night(rng, _):
    return sky(rng, "night", SIZE)


PAINTERS = {name: globals()["paint_" + name] for name in PLACES}


def solid(name):
    return np.asarray(things.SOLID[name], np.float32) / 255


def paint(background):
    kind = background[0]
    if kind == "solid":
        return np.broadcast_to(solid(background[1]), (SIZE, SIZE, 3)).copy()
    if kind == "gradient":
        _, first, second, way = background
        t = {"down": Y, "across": X, "slanting": (X + Y) / 2}[way] / (SIZE - 1)
        return mixed(solid(first), solid(second), t)
    _, place, time, seed = background
    return np.clip(PAINTERS[place](random.Random(seed), time), 0, 1).astype(np.float32)


def at_time(time):
    return {"day": "", "sunset": " at sunset", "night": " at night"}[time]
