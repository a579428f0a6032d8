# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws scenes, encodes them once, and keeps latents and scenes for the training of the UNet.

    python3 encode.py --sprites ../../../shared/data/sprites --work DIR --scenes 24000

Writes DIR/latents.pt: {(width, height): (latents, scenes)}, mean and deviation. The latents are float16, each channel
with mean 0 and deviation 1. Of the scenes a tenth are wide or tall.
"""
import argparse
import multiprocessing
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

fast.environment()

import torch

import config
import nets
from backgrounds import SIZE
from render import render
from scenes import SHAPES, Stage, shaped
from sprites import Sprites
from train_vae import prepared


PART = 400  # scenes a task
WIDE = 0.1  # share of scenes that are no squares
shared = None


@torch.no_grad()
def encoded_part(at):
    """Latents of PART scenes, in a process of its own (forked: `shared` is set before)."""
    vae, pack, scenes = shared
    scenes, out = scenes[at:at + PART], []
    for at in range(0, len(scenes), 20):
        part = [torch.from_numpy(render(pack, s)) for s in scenes[at:at + 20]]
        out.append(vae.encode(prepared(torch.stack(part).permute(0, 3, 1, 2)))[0].float())
    return torch.cat(out).numpy()


def encoded(work, processes):
    global shared
    shared = work
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        parts = pool.map(encoded_part, range(0, len(work[2]), PART), chunksize=1)
    return torch.cat([torch.from_numpy(p) for p in parts])


def thought_up(stage, rng, count):
    """{(width, height): scenes}"""
    out, shapes = {}, [*SHAPES, *(shape[::-1] for shape in SHAPES)]
    for _ in range(count):
        scene = stage.scene(rng)
        if rng.random() < WIDE:
            scene = shaped(scene, *rng.choice(shapes))
        out.setdefault(scene.shape, []).append(scene)
    return out


def moments(latents, like):
    if like:
        kept = torch.load(like)
        return kept["mean"], kept["std"]
    return latents.mean((0, 2, 3)), latents.std((0, 2, 3))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites")
    parser.add_argument("--work", required=True)
    parser.add_argument("--scenes", type=int, default=24000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--like", help="another latents.pt, or restart.py's like.pt, whose mean and deviation to keep")
    args = parser.parse_args()
    fast.load_kernels(os.path.join(args.work, "build"))
    nets.use_ops(fast.FastOps)
    vae = nets.Autoencoder(config.VAE)
    weights = torch.load(os.path.join(args.work, "vae.pt"))["weights"]
    vae.load_state_dict({k[4:]: v for k, v in weights.items()})
    vae.bfloat16()
    pack, rng = Sprites(args.sprites), random.Random(args.seed)
    stage = Stage(pack)
    scenes = thought_up(stage, rng, args.scenes)
    latents = {shape: encoded((vae, pack, some), args.processes) for shape, some in scenes.items()}
    mean, std = moments(latents[SIZE, SIZE], args.like)
    print("mean", mean, "std", std)
    out = {shape: (((x - mean[:, None, None]) / std[:, None, None]).half(),
                   [scene._replace(layers=()) for scene in scenes[shape]])  # captions need them no more
           for shape, x in latents.items()}
    fast.save(os.path.join(args.work, "latents.pt"), {"shapes": out, "mean": mean, "std": std})


if __name__ == "__main__":
    main()
