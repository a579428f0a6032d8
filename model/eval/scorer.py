# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recogniser: which of the hundred concepts is where in a picture.

    scorer = Scorer(); scorer.load(path)
    maps, features = scorer.read(pictures)     # uint8 [N, 128, 128, 3]
    # maps: float32 [N, 101, 16, 16], probabilities of "none of them" and the concepts in each cell;
    # features: float32 [N, 96], for the Frechet distance

A cell near the middle of a thing names it. The network sees 64x64 pixels.
"""
import os

import concepts  # also makes nets importable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import nets

SIDE, GRID = 64, 16
WIDTHS = (32, 64, 96, 96)  # at 32x32, 16x16, 8x8 and 4x4
GROUPS, EPS = 8, 1e-5
WEIGHTS = os.path.join(concepts.HERE, "scorer.safetensors")


class Scorer(nn.Module):
    """A pyramid: down to 4x4 by residual blocks, and up again to 16x16."""

    def __init__(self):
        super().__init__()
        a, b, c, d = WIDTHS
        res = lambda width: nets.Resnet(width, width, GROUPS, EPS)
        down = lambda cin, cout: nn.Conv2d(cin, cout, 3, stride=2, padding=1)
        self.stem, self.norm0 = down(3, a), nn.GroupNorm(GROUPS, a, EPS)
        self.down1, self.down2, self.down3 = down(a, b), down(b, c), down(c, d)
        self.level1 = nn.ModuleList((res(b), res(b)))
        self.level2 = nn.ModuleList((res(c), res(c)))
        self.level3 = nn.ModuleList((res(d), res(d)))
        self.wide = nn.Linear(d, d)  # the whole picture's average, given to every place
        self.up3, self.merge2 = nn.Conv2d(d, c, 1), res(c)
        self.up2, self.merge1 = nn.Conv2d(c, b, 1), res(b)
        self.norm = nn.GroupNorm(GROUPS, b, EPS)
        self.head = nn.Conv2d(b, len(concepts.CONCEPTS) + 1, 1)

    def forward(self, x):
        """[N, 3, 64, 64] in -1..1 to ([N, 101, 16, 16], [N, 96, 8, 8])."""
        x1 = self.down1(nets.ops.group_norm(self.stem(x), self.norm0, True))
        for block in self.level1:
            x1 = block(x1)
        x2 = self.down2(x1)
        for block in self.level2:
            x2 = block(x2)
        x3 = self.down3(x2)
        for block in self.level3:
            x3 = block(x3)
        x3 = x3 + self.wide(x3.mean((2, 3)))[:, :, None, None]
        x2 = self.merge2(x2 + nets.ops.upsample(self.up3(x3), x2.shape[2:]))
        x1 = self.merge1(x1 + nets.ops.upsample(self.up2(x2), x1.shape[2:]))
        return self.head(nets.ops.group_norm(x1, self.norm, True)), x2

    def load(self, path=WEIGHTS):
        self.load_state_dict(nets.load_safetensors(path))
        return self

    @torch.no_grad()
    def read(self, pictures, batch=32):
        maps, found = [], []
        for at in range(0, len(pictures), batch):
            x = prepared(torch.from_numpy(np.ascontiguousarray(pictures[at:at + batch])).permute(0, 3, 1, 2))
            y, seen = self(x)
            maps.append(y.softmax(1))
            found.append(seen.mean((2, 3)))
        return torch.cat(maps).numpy(), torch.cat(found).numpy()


def prepared(pictures):
    """uint8 [N, 3, h, w] to float [N, 3, 64, 64] in -1..1."""
    return F.interpolate(pictures.float(), (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False) / 127.5 - 1


def top(maps):
    """The concept that covers most of each picture."""
    return [concepts.CONCEPTS[i] for i in maps[:, 1:].sum((2, 3)).argmax(1)]
