# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the enlarging network on the scenes of enlarger_scenes.py: L1, and L1 of the differences between neighbours.

    python3 train_enlarger.py --work DIR --steps 12000                        # resumes from DIR/enlarger.pt
    python3 train_enlarger.py --work DIR --steps 12000 --export ../default/upscaler

Runs on the GPU where there is one, in bfloat16 either way. The written weights are the running average.
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

fast.environment()

import numpy as np
import torch
import torch.nn.functional as F

import enlarger
from enlarger_scenes import HELD_OUT, SMALL

FEATURES, CONVS = 64, 8
LR, WARMUP, DECAY_FROM = 1e-3, 100, 0.4  # the learning rate falls to zero over the last part
CROP, BATCH = 40, 8  # small pixels
SHARES = 0.15, 0.2, 0.35, 0.3  # of the four ways in which the small pictures are spoilt
GRADIENT = 1.0  # weight of the differences between neighbours
BETA = 0.04  # differences below that are squared: most of a picture is flat and right already, and L1 itself held
#              the network there, at repeated pixels
LOST = 0.03  # a crop that differs more from the shrunk scene (mean, of 1) is not learned from: it would teach blur
FLAT = 3.0  # deviation (of 255) below which a crop is nearly empty, and mostly passed over
EMA = 0.998
MOMENTUM = 0.95
EVERY = 100  # steps between reports and checkpoints


class Optimizer:
    """Muon (see fast.py) for the inner convolutions, AdamW for the others; one learning rate."""

    def __init__(self, net):
        inner = net.body[2:-1]
        self.matrices = [m.weight for m in inner if isinstance(m, torch.nn.Conv2d)]
        ours = set(map(id, self.matrices))
        rest = [p for p in net.parameters() if p.requires_grad and id(p) not in ours]
        self.adam = torch.optim.AdamW(rest, lr=LR, betas=(0.9, 0.99), weight_decay=1e-4)
        self.momentum = torch.zeros(len(self.matrices), *self.matrices[0].flatten(1).shape,
                                    device=self.matrices[0].device)

    def step(self, rate):
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        gradient = torch.stack([p.grad.flatten(1) for p in self.matrices])
        self.momentum.lerp_(gradient, 1 - MOMENTUM)
        change = fast.orthogonal(gradient.lerp(self.momentum, MOMENTUM)).float()
        for p, d in zip(self.matrices, change):
            p.data.sub_(d.view(p.shape), alpha=rate * 0.2 * max(d.shape) ** 0.5)
            p.grad = None

    def state(self):
        return {"adam": self.adam.state_dict(), "momentum": self.momentum}

    def restore(self, state):
        self.adam.load_state_dict(state["adam"])
        self.momentum.copy_(state["momentum"])


class Crops:
    def __init__(self, work, scenes=None):
        self.large = np.load(os.path.join(work, "large.npy"), mmap_mode="r")
        self.small = np.load(os.path.join(work, "small.npy"), mmap_mode="r")
        self.count = (scenes or len(self.large)) - HELD_OUT

    def one(self, rng):
        while True:
            i, way = rng.randrange(self.count), rng.choices(range(4), SHARES)[0]
            x, y = rng.randrange(SMALL - CROP + 1), rng.randrange(SMALL - CROP + 1)
            small, clean = (self.small[i, k, y:y + CROP, x:x + CROP] for k in (way, 0))
            if clean.std(axis=(0, 1)).max() < FLAT and rng.random() < 0.9:
                continue
            if np.abs(small.astype(np.int16) - clean).mean() <= LOST * 255:
                return small, self.large[i, 4 * y:4 * (y + CROP), 4 * x:4 * (x + CROP)]

    def batch(self, rng, device):
        pairs = [self.one(rng) for _ in range(BATCH)]
        return [torch.from_numpy(np.stack(p).transpose(0, 3, 1, 2)).to(device).float() / 255 for p in zip(*pairs)]


def distance(got, want):
    """L1, and L1 of the differences between neighbours; both are squares near zero."""
    loss = F.smooth_l1_loss(got, want, beta=BETA)
    for dim in (2, 3):
        loss = loss + GRADIENT * F.smooth_l1_loss(got.diff(dim=dim), want.diff(dim=dim), beta=BETA)
    return loss


@torch.no_grad()
def psnr(net, crops, device, count=8):
    """On held-out scenes, one figure for each way of spoiling."""
    out = []
    for way in range(4):
        error = 0.0
        for i in range(len(crops.large) - count, len(crops.large)):
            small, large = (torch.from_numpy(np.array(a)).permute(2, 0, 1)[None].to(device).float() / 255
                            for a in (crops.small[i, way], crops.large[i]))
            error += F.mse_loss(run(net, small).clamp(0, 1), large).item() / count
        out.append(10 * np.log10(1 / error))
    return " ".join(f"{p:.2f}" for p in out)


def run(net, small):
    with torch.autocast(small.device.type, torch.bfloat16):
        return net(small.contiguous(memory_format=torch.channels_last))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--name", default="enlarger")
    parser.add_argument("--features", type=int, default=FEATURES)
    parser.add_argument("--convs", type=int, default=CONVS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--export", help="write the network there and end")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed)
    net = enlarger.Enlarger(args.features, args.convs).start().to(device, memory_format=torch.channels_last)
    mean = {k: v.clone() for k, v in net.state_dict().items()}
    optimizer, step = Optimizer(net), 0
    path = os.path.join(args.work, args.name + ".pt")
    if os.path.exists(path):
        saved = torch.load(path, map_location=device)
        net.load_state_dict(saved["net"])
        optimizer.restore(saved["optimizer"])
        mean, step = saved["mean"], saved["step"]
    if args.export:
        net.load_state_dict(mean)
        enlarger.save(net.cpu(), args.export)
        return
    crops, rng = Crops(args.work), random.Random()
    started, running = time.time(), 0.0
    while step < args.steps:
        rng.seed(args.seed * 10 ** 7 + step)
        rate = LR * min(1, (step + 1) / WARMUP, (1 - step / args.steps) / (1 - DECAY_FROM))
        small, large = crops.batch(rng, device)
        loss = distance(run(net, small), large)
        loss.backward()
        optimizer.step(rate)
        step += 1
        with torch.no_grad():
            keep = min(EMA, step / (step + 20))
            for k, v in net.state_dict().items():
                mean[k].lerp_(v, 1 - keep)
        running += (loss.item() - running) * max(0.01, 1 / step)
        if step % EVERY == 0 or step == args.steps:
            print(f"{step} loss {running:.4f} psnr {psnr(net, crops, device)} lr {rate:.1e} "
                  f"{time.time() - started:.0f}s", flush=True)
            fast.save(path, {"net": net.state_dict(), "optimizer": optimizer.state(), "mean": mean, "step": step})


if __name__ == "__main__":
    main()
