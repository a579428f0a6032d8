# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures to learn enlarging from: scenes of 512 pixels, and the same small, spoilt as the model's pictures are.

    python3 enlarger_scenes.py --sprites PACK512 --model ../default --work DIR --scenes 2400
    python3 enlarger_scenes.py ... --sheet scenes.png

PACK512 is what rasterise.py --size 512 wrote. Writes DIR/large.npy, uint8 [scenes, 512, 512, 3], and DIR/small.npy,
uint8 [scenes, 4, 128, 128, 3]: only shrunk; shrunk, blurred, compressed, noisy; and twice through the model's
autoencoder, with little and with more noise on the latents. Resumes part by part. The last HELD_OUT scenes are made of
sprites that the others do not have, and are for comparisons.
"""
import argparse
import io
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

fast.environment()

import json

import cairo
import numpy as np
import torch
from PIL import Image, ImageFilter

import nets

LARGE, SMALL, PART, HELD_OUT = 512, 128, 100, 100
WEIGHTS = {"fluent-3d": 30, "fluent-emoji": 22, "noto": 12, "fluent-emoji-flat": 8, "twemoji": 8, "emojione": 5,
           "streamline-emojis": 7, "game-icons": 3, "streamline-kameleon-color": 2, "flat-color-icons": 2}
LATENT_NOISE = (0.0, 0.1), (0.05, 0.2)  # from, to: standard deviations, the latents' own being 1
FILTERS = {Image.BOX: 3, Image.HAMMING: 3, Image.BICUBIC: 3, Image.LANCZOS: 2}
WHITE, PLAIN, GRADIENT = 0.2, 0.3, 0.2  # shares of backgrounds; the rest are scenes


class Art:
    """The 512 pixel sprites, by source; every twelfth name is held out."""

    def __init__(self, folder, held_out):
        with open(os.path.join(folder, "index.jsonl")) as f:
            rows = [json.loads(line) for line in f]
        self.art = open(os.path.join(folder, "art.bin"), "rb")
        self.rows = {}
        for row in rows:
            if (sum(row["name"].encode()) % 12 == 0) == held_out:
                self.rows.setdefault(row["src"], []).append(row)
        self.weights = {s: w for s, w in WEIGHTS.items() if s in self.rows}

    def pick(self, rng, tall=False):
        """RGBA, not premultiplied; with `tall` of those that have all the pixels."""
        weights = {s: w for s, w in self.weights.items() if not (tall and s == "fluent-3d")}
        source = rng.choices(list(weights), list(weights.values()))[0]
        row = rng.choice(self.rows[source])
        self.art.seek(row["off"])
        image = Image.open(io.BytesIO(self.art.read(row["len"])))
        if row.get("mask"):
            alpha = image.convert("L")
            image = Image.new("RGBA", image.size, tuple(colour(rng)) + (255,))
            image.putalpha(alpha)
        image = image.convert("RGBA")
        return image.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.4 else image


def colour(rng):
    """Three bytes; greys, pale and strong colours."""
    if rng.random() < 0.2:
        return [rng.randrange(256)] * 3
    h, s, v = rng.random() * 6, rng.choice((0.25, 0.6, 0.9)), rng.choice((0.35, 0.7, 0.95))
    return [round(255 * v * (1 - s * max(0, min(1, abs((h + k) % 6 - 3) - 1)))) for k in (0, 2, 4)]


def rgb(rng):
    return [c / 255 for c in colour(rng)]


def fade(pen, box, top, bottom, sideways=0):
    x, y, w, h = box
    shade = cairo.LinearGradient(x, y, x + sideways * w, y + h)
    shade.add_color_stop_rgb(0, *top)
    shade.add_color_stop_rgb(1, *bottom)
    pen.set_source(shade)
    pen.rectangle(*box)
    pen.fill()


def landscape(pen, rng):
    """A sky with a sun or stars, hills or a shore, sometimes a table's edge or trunks."""
    s = LARGE
    fade(pen, (0, 0, s, s), rgb(rng), rgb(rng))
    for _ in range(rng.choice((0, 0, 20, 60))):
        pen.set_source_rgba(1, 1, 1, rng.uniform(0.4, 1))
        pen.arc(rng.uniform(0, s), rng.uniform(0, s), rng.uniform(1, 5), 0, 7)
        pen.fill()
    for _ in range(rng.choice((0, 1, 2))):
        pen.set_source_rgb(*rgb(rng))
        pen.arc(rng.uniform(0, s), rng.uniform(0, s / 2), rng.uniform(15, 80), 0, 7)
        pen.fill()
    level = rng.uniform(0.35, 0.8) * s
    for _ in range(rng.choice((1, 2, 3))):
        bend = rng.choice((0, 30, 90))
        pen.set_source_rgb(*rgb(rng))
        pen.move_to(0, level + rng.uniform(-bend, bend))
        pen.curve_to(s / 3, level + rng.uniform(-bend, bend), 2 * s / 3, level + rng.uniform(-bend, bend),
                     s, level + rng.uniform(-bend, bend))
        pen.line_to(s, s)
        pen.line_to(0, s)
        pen.close_path()
        pen.fill()
        level += rng.uniform(0.05, 0.3) * s
    pen.set_source_rgb(*rgb(rng))
    for _ in range(rng.choice((0, 0, 6, 30))):
        x, y, h = rng.uniform(0, s), rng.uniform(s / 2, s), rng.uniform(8, 40)
        pen.set_line_width(rng.uniform(1.5, 6))
        pen.move_to(x, y)
        pen.line_to(x + rng.uniform(-10, 10), y - h)
        pen.stroke()


def background(rng):
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, LARGE, LARGE)
    pen, u = cairo.Context(surface), rng.random()
    if u < WHITE + PLAIN:
        pen.set_source_rgb(*((1, 1, 1) if u < WHITE else rgb(rng)))
        pen.paint()
    elif u < WHITE + PLAIN + GRADIENT:
        fade(pen, (0, 0, LARGE, LARGE), rgb(rng), rgb(rng), rng.choice((0, 1)))
    else:
        landscape(pen, rng)
    surface.flush()
    bgr = np.ndarray((LARGE, LARGE, 4), np.uint8, surface.get_data(), strides=(surface.get_stride(), 4, 1))
    return Image.fromarray(np.ascontiguousarray(bgr[..., 2::-1]))


def paste(canvas, sprite, x, y, longest):
    """Centred at (x, y); never larger than the sprite is."""
    scale = min(1, longest / max(sprite.size))
    size = [max(1, round(side * scale)) for side in sprite.size]
    sprite = sprite.convert("RGBa").resize(size, Image.HAMMING, reducing_gap=None).convert("RGBA")
    canvas.paste(sprite, (round(x - size[0] / 2), round(y - size[1] / 2)), sprite)


def scene(art, rng):
    canvas, u, middle = background(rng), rng.random(), LARGE / 2
    if u < 0.5:
        x, y = middle + rng.uniform(-30, 30), middle + rng.uniform(-30, 30)
        paste(canvas, art.pick(rng, True), x, y, rng.uniform(300, 480))
        count, sizes = (rng.choice((0, 0, 1, 2)), (60, 160))
    elif u < 0.85:
        count, sizes = rng.randint(2, 5), (130, 270)
    else:
        count, sizes = rng.randint(6, 12), (70, 180)
    for _ in range(count):
        paste(canvas, art.pick(rng), rng.uniform(40, LARGE - 40), rng.uniform(40, LARGE - 40), rng.uniform(*sizes))
    return canvas


def shrunk(large, rng):
    return large.resize((SMALL, SMALL), rng.choices(list(FILTERS), list(FILTERS.values()))[0])


def spoilt(small, rng):
    if rng.random() < 0.5:
        small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6)))
    if rng.random() < 0.4:
        out = io.BytesIO()
        small.save(out, "WEBP", quality=rng.randint(60, 95))
        small = Image.open(out).convert("RGB")
    if rng.random() < 0.4:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(1, 4), (SMALL, SMALL, 3))
        small = Image.fromarray(np.clip(np.asarray(small) + noise + 0.5, 0, 255).astype(np.uint8))
    return small


@torch.no_grad()
def decoded(vae, pictures, rng, spread):
    """Through the autoencoder: uint8 [N, h, w, 3] -> the same, with noise on the latents."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    dtype = next(vae.parameters()).dtype
    z = vae.encode(x.to(dtype).contiguous(memory_format=torch.channels_last))[0].float()
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    level = torch.tensor([rng.uniform(*spread) for _ in pictures])[:, None, None, None]
    z = z + level * torch.randn(z.shape, generator=generator)
    out = vae.decode(z.to(dtype).contiguous(memory_format=torch.channels_last)).float()
    return ((out.clamp(-1, 1) + 1) * 127.5 + 0.5).byte().permute(0, 2, 3, 1).numpy()


def make_part(arts, vae, part, last, seed):
    """(large, small) of PART scenes."""
    rng, large, small = random.Random(seed * 10 ** 6 + part), [], []
    for _ in range(PART):
        picture = scene(arts[last], rng)
        large.append(np.asarray(picture))
        small.append([np.asarray(shrunk(picture, rng)), np.asarray(spoilt(shrunk(picture, rng), rng))])
    small = np.array(small)
    ways = [np.concatenate([decoded(vae, small[at:at + 20, way], rng, spread) for at in range(0, PART, 20)])
            for way, spread in zip((0, 1), LATENT_NOISE)]
    return np.array(large), np.concatenate([small, np.stack(ways, 1)], 1)


def mapped(path, shape, new):
    return np.lib.format.open_memmap(path, "w+" if new else "r+", np.uint8, shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sprites", required=True)
    parser.add_argument("--model", default="../default")
    parser.add_argument("--work", required=True)
    parser.add_argument("--scenes", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sheet")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    arts = [Art(args.sprites, False), Art(args.sprites, True)]
    vae = nets.load_model(args.model)[2]
    if torch.backends.mkldnn.is_available():
        fast.load_kernels(os.path.join(args.work, "build"))
        nets.use_ops(fast.FastOps)
        vae = vae.bfloat16()
    paths = [os.path.join(args.work, name + ".npy") for name in ("large", "small")]
    new, done = not all(map(os.path.exists, paths)), os.path.join(args.work, "scenes-done")
    large = mapped(paths[0], (args.scenes, LARGE, LARGE, 3), new)
    small = mapped(paths[1], (args.scenes, 4, SMALL, SMALL, 3), new)
    first = int(open(done).read()) if os.path.exists(done) and not new else 0
    for part in range(first, args.scenes // PART):
        last = part >= (args.scenes - HELD_OUT) // PART
        at = slice(part * PART, (part + 1) * PART)
        large[at], small[at] = make_part(arts, vae, part, last, args.seed)
        with open(done, "w") as f:
            f.write(str(part + 1))
        print(part + 1, flush=True)
    if args.sheet:
        rows = [np.concatenate([np.asarray(Image.fromarray(large[i]).resize((256, 256), Image.BOX))]
                               + [np.repeat(np.repeat(s, 2, 0), 2, 1) for s in small[i]], 1) for i in range(8)]
        Image.fromarray(np.concatenate(rows)).save(args.sheet)


if __name__ == "__main__":
    main()
