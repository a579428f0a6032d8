#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The final touches written a second time, in PyTorch, numpy and scipy, with their outputs for tests that run without.

    make-touches.py     writes tests/fixtures/touches (needs Debian's python3-torch and python3-scipy)

touches.safetensors   a small picture, and what each touch makes of it
x2, x3, x4            random networks of the SRVGGNetCompact kind with an input and PyTorch's output each"""
import os

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from importlib import import_module

write = import_module("make-nets").write
FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "touches")


class SRVGGNetCompact(nn.Module):
    """As in BasicSR: module names decide the key names."""

    def __init__(self, num_feat, num_conv, scale):
        super().__init__()
        self.scale = scale
        self.body = nn.ModuleList([nn.Conv2d(3, num_feat, 3, 1, 1), nn.PReLU(num_feat)])
        for _ in range(num_conv):
            self.body += [nn.Conv2d(num_feat, num_feat, 3, 1, 1), nn.PReLU(num_feat)]
        self.body.append(nn.Conv2d(num_feat, 3 * scale * scale, 3, 1, 1))

    def forward(self, x):
        out = x
        for layer in self.body:
            out = layer(out)
        out = nn.functional.pixel_shuffle(out, self.scale)
        return out + nn.functional.interpolate(x, scale_factor=self.scale, mode="nearest")


def make_network(name, num_feat, num_conv, scale, dtype):
    torch.manual_seed(scale)
    net = SRVGGNetCompact(num_feat, num_conv, scale).eval()
    for layer in net.body:
        if isinstance(layer, nn.PReLU):
            nn.init.uniform_(layer.weight, -0.5, 0.8)
    kind = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}[dtype]
    for p in net.parameters():
        p.data = p.data.to(kind).float()
    picture = torch.rand(1, 3, 11, 14)
    with torch.no_grad():
        large = net(picture)
    write(f"{FIXTURES}/{name}/upscaler/model.safetensors", dict(net.state_dict()), dtype)
    with open(f"{FIXTURES}/{name}/upscaler/config.json", "w") as f:
        f.write(f'{{"architecture": "SRVGGNetCompact", "scale": {scale}, "num_feat": {num_feat}, "num_conv": {num_conv}}}\n')
    write(f"{FIXTURES}/{name}/output.safetensors",
          {"picture": picture[0].permute(1, 2, 0), "large": large[0].permute(1, 2, 0)})


def luma(rgb):
    return rgb @ np.array([0.299, 0.587, 0.114])


def gaussian(x, sigma):
    """Of what is nearer than three sigmas, to the sum of 1, edges repeated."""
    radius = int(np.ceil(3 * sigma)) - 1
    k = np.exp(-np.arange(-radius, radius + 1) ** 2 / (2 * sigma**2))
    for axis in (0, 1):
        x = ndimage.correlate1d(x, k / k.sum(), axis=axis, mode="nearest")
    return x


def sharpen(rgb, strength):
    y = luma(rgb)
    detail = y - gaussian(y, 1.0)
    strong = np.maximum(np.abs(detail) - 1.5 / 255, 0) * np.sign(detail)
    low, high = (f(y, size=3, mode="nearest") for f in (ndimage.minimum_filter, ndimage.maximum_filter))
    margin = 0.05 * (high - low)
    return rgb + (np.clip(y + 3 * strength * strong, low - margin, high + margin) - y)[..., None]


def remove_artefacts(rgb, strength):
    h, w, _ = rgb.shape
    padded = np.pad(rgb, ((4, 4), (4, 4), (0, 0)), mode="edge")
    out = np.zeros_like(rgb)
    dy, dx = np.mgrid[-4:5, -4:5]
    near = np.exp(-(dx**2 + dy**2) / 8.0)
    for y in range(h):
        for x in range(w):
            window = padded[y:y + 9, x:x + 9]
            apart = np.sqrt(((window - rgb[y, x]) ** 2).mean(axis=2)) / (0.2 * strength)
            weight = near * np.where(apart < 1, (1 - apart**2) ** 2, 0)
            out[y, x] = (window * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
    return out


def smooth_edges(rgb, strength):
    y = np.pad(luma(rgb), 1, mode="edge")
    scharr, slope = np.array([3, 10, 3]) / 32, np.array([-1, 0, 1])
    gx = ndimage.correlate(y, np.outer(scharr, slope))[1:-1, 1:-1]
    gy = ndimage.correlate(y, np.outer(slope, scharr))[1:-1, 1:-1]
    xx, yy, xy = (gaussian(p, 2.0) for p in (gx * gx, gy * gy, gx * gy))
    values, vectors = np.linalg.eigh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2))
    along = vectors[..., 0]  # of the smaller eigenvalue; (x, y)
    coherence = (values[..., 1] - values[..., 0]) / np.maximum(xx + yy, 1e-30)
    amount = strength * np.clip((values[..., 1] - 0.0004) / 0.0021, 0, 1) * np.clip((coherence - 0.3) / 0.4, 0, 1)
    weights = np.exp(-np.arange(7) ** 2 / 18.0)
    weights /= weights[0] + 2 * weights[1:].sum()
    h, w, _ = rgb.shape
    out = rgb.copy()
    for j, i in zip(*np.nonzero(amount > 0)):
        total = weights[0] * rgb[j, i]
        for way in (1, -1):
            p, heading = np.array([i, j], float), way * along[j, i]
            for step in range(1, 7):
                here = along[int(p[1] + 0.5), int(p[0] + 0.5)]
                heading = here if here @ heading >= 0 else -here
                p = np.clip(p + heading, 0, [w - 1, h - 1])
                total = total + weights[step] * np.array(
                    [ndimage.map_coordinates(rgb[..., c], [[p[1]], [p[0]]], order=1, mode="nearest")[0] for c in range(3)])
        out[j, i] += amount[j, i] * (total - out[j, i])
    return out


def make_picture():
    """A slanted bar and a disc with hard stairs on a gradient, and noise."""
    h, w = 30, 28
    y, x = np.mgrid[:h, :w]
    rgb = np.stack([0.3 + 0.004 * x, 0.5 + 0.003 * y, 0.6 - 0.002 * x], -1)
    rgb[(x - 12) ** 2 + (y - 9) ** 2 < 45] = (0.9, 0.2, 0.1)
    rgb[np.abs(y - 0.37 * x - 16) < 2.5] = (0.1, 0.15, 0.3)
    noise = np.random.default_rng(5).normal(0, 0.02, rgb.shape)
    return np.clip(rgb + noise, 0, 1).astype(np.float32).astype(np.float64)


def main():
    picture = make_picture()
    out = {"picture": picture}
    for touch in (sharpen, remove_artefacts, smooth_edges):
        for strength in (0.5, 1.0):
            out[f"{touch.__name__}/{strength}"] = touch(picture, strength)
    write(f"{FIXTURES}/touches.safetensors", {k: torch.from_numpy(v) for k, v in out.items()})
    make_network("x2", 20, 2, 2, "F16")
    make_network("x3", 9, 1, 3, "BF16")
    make_network("x4", 17, 1, 4, "F32")


if __name__ == "__main__":
    main()
