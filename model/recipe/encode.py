# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws scenes, encodes them once, and keeps latents and scenes for the training of the UNet.

    python3 encode.py --sprites ../../../shared/data/sprites --work DIR --scenes 24000

Writes DIR/latents.pt: latents (float16, each channel with mean 0 and deviation 1), the scenes, mean and deviation.
"""
import argparse
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

fast.environment()

import torch

import config
import data
import nets
from train_vae import prepared


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites")
    parser.add_argument("--work", required=True)
    parser.add_argument("--scenes", type=int, default=24000)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    fast.load_kernels(os.path.join(args.work, "build"))
    nets.use_ops(fast.FastOps)
    vae = nets.Autoencoder(config.VAE)
    weights = torch.load(os.path.join(args.work, "vae.pt"))["weights"]
    vae.load_state_dict({k[4:]: v for k, v in weights.items()})
    vae.bfloat16()
    sprites, rng = data.Sprites(args.sprites), random.Random(args.seed)
    scenes = [data.random_scene(rng) for _ in range(args.scenes)]
    out = torch.empty(args.scenes, config.VAE["latent_channels"], data.SIZE // 8, data.SIZE // 8)
    for at in range(0, args.scenes, 32):
        part = [torch.from_numpy(data.render(sprites, s)) for s in scenes[at:at + 32]]
        out[at:at + len(part)] = vae.encode(prepared(torch.stack(part).permute(0, 3, 1, 2)))[0].float()
        if at % 3200 == 0:
            print(at, flush=True)
    mean, std = out.mean((0, 2, 3)), out.std((0, 2, 3))
    print("mean", mean, "std", std)
    out = (out - mean[:, None, None]) / std[:, None, None]
    fast.save(os.path.join(args.work, "latents.pt"), {"latents": out.half(), "scenes": scenes, "mean": mean, "std": std})


if __name__ == "__main__":
    main()
