# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws many scenes at once, as render.py draws one: to within rounding the same pictures.

    pictures = Composer(bank).compose(lot, rows)        # uint8 [N, 3, 128, 128]; lot: scenes as numbers (ahead.py)

A sprite is brought to its size and place by two products with matrices that hold Pillow's own filters, so that it is
smoothed where it shrinks, which grid_sample would not do.
"""

import torch

import things
from backgrounds import SIZE

LANCZOS, BICUBIC, TRIANGLE = 0, 1, 2
SUPPORT = (3.0, 2.0, 1.0)
WAYS = ("down", "across", "slanting")


def kernels(x, kind):
    """Pillow's filters at distances x [L, out, in], a kind for each of L."""
    x = x.abs()
    sinc = torch.sinc(x) * torch.sinc(x / 3)
    lanczos = torch.where(x < 3, sinc, torch.zeros_like(x))
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    bicubic = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
    kind = kind[:, None, None]
    return torch.where(kind == LANCZOS, lanczos, torch.where(kind == BICUBIC, bicubic, (1 - x).clamp(min=0)))


def placement(start, length, source, kind, mirrored=None):
    """[L, SIZE of the canvas, SIZE of the sprite]: what each pixel of a sprite gives to each of the canvas along one axis.

    start, length: where on the canvas it lies; source: its own length; all [L]."""
    device = start.device
    out, into = torch.arange(SIZE, device=device).float(), torch.arange(SIZE, device=device).float()
    start, length, source = (x.float()[:, None, None] for x in (start, length, source))
    place = out[None, :, None] - start
    pixel = into[None, None, :]
    inside = (place >= 0) & (place < length) & (pixel < source)
    if mirrored is not None:
        pixel = torch.where(mirrored[:, None, None], source - 1 - pixel, pixel)
    scale = source / length
    weights = kernels((pixel + 0.5 - (place + 0.5) * scale) / scale.clamp(min=1), kind)
    weights = torch.where(inside, weights, torch.zeros_like(weights))
    total = weights.sum(2, keepdim=True)
    return weights / torch.where(total == 0, torch.ones_like(total), total)


class Composer:
    def __init__(self, bank, part=256):
        self.bank, self.part, device = bank, part, bank.sprites.device
        self.dtype = torch.float16 if device.type == "cuda" else torch.float32  # 0..255 and Pillow's weights fit
        self.solid = torch.tensor([things.SOLID[name] for name in things.SOLID], device=device).float()
        y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
        self.ways = torch.stack([y.float(), x.float(), (x + y) / 2]).to(device) / (SIZE - 1)

    def backgrounds(self, rows):
        """rows [N, 4]: place or -1, first colour, second colour, way."""
        place, first, second, way = rows.long().unbind(1)
        t = self.ways[way][:, None]
        canvas = self.solid[first][:, :, None, None] * (1 - t) + self.solid[second][:, :, None, None] * t
        painted = (place >= 0).nonzero()[:, 0]
        canvas[painted] = self.bank.places[place[painted]].float()
        return canvas

    def layers(self, rows):
        """rows [L, 6]: sprite, mirrored, x, y, w, h. Returns [L, 4, SIZE, SIZE], 0..255, premultiplied."""
        sprite, mirrored, x, y, w, h = rows.long().unbind(1)
        own = self.bank.sizes[sprite]
        kind = torch.where(w < own[:, 0], LANCZOS, BICUBIC)
        kind = torch.where(sprite == 0, torch.full_like(kind, TRIANGLE), kind)
        across = placement(x, w, own[:, 0], kind, mirrored > 0).to(self.dtype)
        down = placement(y, h, own[:, 1], kind).to(self.dtype)
        pixels = self.bank.sprites[sprite].to(self.dtype)
        n = len(rows)
        wide = torch.bmm(pixels.reshape(n, 4 * SIZE, SIZE), across.transpose(1, 2)).reshape(n, 4, SIZE, SIZE)
        wide = wide.round().clamp(0, 255)  # Pillow keeps bytes between its two passes
        return torch.matmul(down[:, None], wide).round().clamp(0, 255).float()

    @torch.no_grad()
    def compose(self, lot, rows):
        return torch.cat([self.drawn(lot, part) for part in rows.split(self.part)])

    def drawn(self, lot, rows):
        canvas = self.backgrounds(lot["backgrounds"][rows])
        first, count = lot["first"][rows].long(), lot["count"][rows].long()
        for slot in range(int(count.max()) if len(count) else 0):
            here = (count > slot).nonzero()[:, 0]
            top = self.layers(lot["layers"][first[here] + slot])
            canvas[here] = canvas[here] * (1 - top[:, 3:] / 255) + top[:, :3]
        return (canvas.clamp(0, 255) + 0.5).to(torch.uint8)
