# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the autoencoder: 128x128 pictures to 16x16x8 latents and back.

    python3 train_vae.py --sprites ../../../shared/data/sprites --work DIR --steps 6000

Resumes from DIR/vae.pt. With --decoder-only the encoder stays as it is (so cached latents stay valid) and the
decoder learns to take latents that are a little off, as those of the UNet are.
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

if __name__ == "__main__":
    fast.environment()

import numpy as np
import torch
import torch.nn.functional as F

import config
import nets
from backgrounds import SIZE
from render import render
from scenes import Stage
from sprites import Sprites

LR, WARMUP, DECAY_FROM = 2e-3, 100, 0.45  # the learning rate falls to zero over the last part
CROP, CROP_SHARE, CROP_BATCH, FULL_BATCH = 64, 0.75, 10, 4
KL, GRADIENT = 5e-4, 0.5
PLAIN = 0.3  # share of single sprites, whatever the thing
LATENT_NOISE = 0.15  # decoder-only: in standard deviations of the latents


def pictures(pack, count, seed):
    """uint8 [count, 3, 128, 128]."""
    stage, rng = Stage(pack), random.Random(seed)
    out = np.empty((count, SIZE, SIZE, 3), np.uint8)
    looks = {name: stage.by_look[name][0] for name in stage.by_look if stage.by_look[name][0]}
    for i in range(count):
        if rng.random() < PLAIN:
            look = rng.choice(list(looks))
            out[i] = render(pack, stage.make_single(rng, look, thing=rng.choice(looks[look])) or stage.scene(rng))
        else:
            out[i] = render(pack, stage.scene(rng))
    return torch.from_numpy(out.transpose(0, 3, 1, 2).copy())


def start_weights(vae):
    for module in vae.modules():
        if isinstance(module, nets.Resnet):
            torch.nn.init.zeros_(module.conv2.weight)


def prepared(images):
    return (images.float() / 127.5 - 1).bfloat16().contiguous(memory_format=torch.channels_last)


def distance(got, want):
    """L1, squared error, and L1 of the gradients at three scales."""
    got, want = got.float(), want.float()
    loss = (got - want).abs().mean() + F.mse_loss(got, want)
    for _ in range(3):
        for dim in (2, 3):
            loss = loss + GRADIENT / 3 * (got.diff(dim=dim) - want.diff(dim=dim)).abs().mean()
        got, want = F.avg_pool2d(got, 2), F.avg_pool2d(want, 2)
    return loss


@torch.no_grad()
def psnr(vae, images):
    total = 0.0
    for part in images.split(16):
        x = prepared(part)
        total += F.mse_loss(vae.decode(vae.encode(x)[0]).float().clamp(-1, 1), x.float()).item() * len(part)
    return 10 * np.log10(4 / (total / len(images)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites")
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decoder-only", action="store_true")
    args = parser.parse_args()
    fast.load_kernels(os.path.join(args.work, "build"))
    torch.manual_seed(args.seed)
    pack = Sprites(args.sprites)
    seen, unseen = pictures(pack, args.pictures, args.seed), pictures(pack, 96, 10**6)
    vae = nets.Autoencoder(config.VAE)
    start_weights(vae)
    path = os.path.join(args.work, "vae-decoder.pt" if args.decoder_only else "vae.pt")
    base = None
    if args.decoder_only:
        base = torch.load(os.path.join(args.work, "vae.pt"))
        vae.load_state_dict({k[4:]: v for k, v in base["weights"].items()})
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    parts = {"vae.decoder": vae.decoder, "vae.post_quant_conv": vae.post_quant_conv} if args.decoder_only else {"vae": vae}
    if args.decoder_only:
        vae.encoder.bfloat16(), vae.quant_conv.bfloat16()
    trainer = fast.Trainer(parts)
    if os.path.exists(path):
        saved = torch.load(path)
        trainer.restore(saved["trainer"])
    nets.use_ops(fast.FastOps)
    fast.use_products(vae)
    generator, rng = torch.Generator(), random.Random()
    started, running = time.time(), 0.0
    while trainer.steps < args.steps:
        step = trainer.steps
        rng.seed(args.seed * 10**7 + step)
        generator.manual_seed(args.seed * 10**7 + step)
        if rng.random() < CROP_SHARE:
            x = seen[torch.randint(len(seen), (CROP_BATCH,), generator=generator)]
            y0, x0 = rng.randrange(SIZE - CROP + 1), rng.randrange(SIZE - CROP + 1)
            x = x[:, :, y0:y0 + CROP, x0:x0 + CROP]
        else:
            x = seen[torch.randint(len(seen), (FULL_BATCH,), generator=generator)]
        x = prepared(x)
        with torch.set_grad_enabled(not args.decoder_only):
            mean, logvar = vae.encode(x)
        noise = torch.randn(mean.shape, generator=generator).bfloat16()
        if args.decoder_only:
            z = mean + noise * (LATENT_NOISE * rng.random() * mean.std((0, 2, 3), keepdim=True))
        else:
            z = mean + noise * (0.5 * logvar).exp()
        loss = distance(vae.decode(z), x)
        if not args.decoder_only:
            m, lv = mean.float(), logvar.float()
            loss = loss + KL * 0.5 * (m * m + lv.exp() - 1 - lv).mean()
        loss.backward()
        fraction = step / args.steps
        lr = (LR if not args.decoder_only else LR / 2) * min(1, (step + 1) / WARMUP)
        lr *= min(1, (1 - fraction) / (1 - DECAY_FROM))
        trainer.update(lr)
        running += (loss.item() - running) * max(0.01, 1 / (step % 200 + 1))
        if trainer.steps % 200 == 0 or trainer.steps == args.steps:
            print(f"{trainer.steps} loss {running:.4f} psnr {psnr(vae, unseen):.2f} std {mean.float().std():.2f} "
                  f"lr {lr:.1e} {time.time() - started:.0f}s", flush=True)
        if trainer.steps % 1000 == 0 or trainer.steps == args.steps:
            weights = trainer.tensors(trainer.master)
            if base:
                weights = {**base["weights"], **weights}
            fast.save(path, {"weights": weights, "trainer": trainer.state()})


if __name__ == "__main__":
    main()
