# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the autoencoder on scenes composed on the GPU as it goes, and encodes the denoiser's scenes once.

As train_vae.py does it: crops most of the time, the learning rate falling to zero over the second half; over the
last part the encoder rests and the decoder learns to take latents that are a little off.
"""
import math
import os
import random

import torch
import torch.nn.functional as F

import config
import nets
from backgrounds import SIZE
from machine import Plan, load, save
from optimizer import Optimizer
from train_vae import CROP, CROP_SHARE, KL, LATENT_NOISE, distance, start_weights

LR, WARMUP, DECAY_FROM = 6e-4, 200, 0.4
CROP_BATCH, FULL_BATCH = 256, 64
DECODER_FROM = 0.75  # share of the training after which the encoder rests
UNSEEN = 256  # scenes at the end of the lot, for measuring
LOG_EVERY, SAVE_MINUTES = 250, 3


def prepared(pictures):
    return (pictures.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def psnr(vae, pictures, machine):
    total = 0.0
    for part in pictures.split(64):
        with torch.no_grad(), machine.autocast():
            got = vae.decode(vae.encode(prepared(part))[0])
        total += F.mse_loss(got.float().clamp(-1, 1), prepared(part)).item() * len(part)
    return 10 * math.log10(4 / (total / len(pictures)))


def batch(composer, lot, rng, seen, sizes):
    device = lot["count"].device
    crop = rng.random() < CROP_SHARE
    rows = torch.randint(seen, (sizes[0] if crop else sizes[1],), device=device)
    x = composer.compose(lot, rows)
    if crop:
        y0, x0 = rng.randrange(SIZE - CROP + 1), rng.randrange(SIZE - CROP + 1)
        x = x[:, :, y0:y0 + CROP, x0:x0 + CROP]
    return prepared(x)


def loss_of(vae, x, share, noise_share):
    if share < DECODER_FROM:
        mean, logvar = (part.float() for part in vae.encode(x))
        z = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
        return distance(vae.decode(z), x) + KL * 0.5 * (mean * mean + logvar.exp() - 1 - logvar).mean()
    with torch.no_grad():
        mean = vae.encode(x)[0].float()
    z = mean + torch.randn_like(mean) * (LATENT_NOISE * noise_share * mean.std((0, 2, 3), keepdim=True))
    return distance(vae.decode(z), x)


def train(machine, clock, composer, lot, work, preset, seed, steps=None, minutes=6.0, sizes=(CROP_BATCH, FULL_BATCH)):
    """Returns whether the training is over. Writes WORK/vae.pt."""
    torch.manual_seed(seed)
    vae = nets.Autoencoder(config.PRESETS[preset]["vae"])
    start_weights(vae)
    machine.placed(vae)
    optimizer, plan = Optimizer({"vae": vae}, average=False), Plan(steps, minutes)
    path = os.path.join(work, "vae.pt")
    if os.path.exists(path):
        saved = load(path, machine.device)
        optimizer.restore(saved["optimizer"])
        plan.steps = saved["plan"] or plan.steps
    seen = len(lot["count"]) - min(UNSEEN, len(lot["count"]) // 4)
    unseen = composer.compose(lot, torch.arange(seen, len(lot["count"]), device=machine.device))
    rng, losses, kept = random.Random(), [], clock.spent()

    def store():
        save(path, {"optimizer": optimizer.state(), "plan": plan.steps})

    while not plan.over(optimizer.steps) and not clock.over(15):
        step = optimizer.steps
        plan.tick(step, machine)
        rng.seed(seed * 10**7 + step)
        torch.manual_seed(seed * 10**7 + step)
        share = plan.share(step)
        with machine.autocast():
            loss = loss_of(vae, batch(composer, lot, rng, seen, sizes), share, rng.random())
        loss.backward()
        optimizer.step(LR * min(1, (step + 1) / WARMUP) * min(1, (1 - share) / (1 - DECAY_FROM)))
        losses.append(loss.detach())
        if optimizer.steps % LOG_EVERY == 0:
            print(f"autoencoder {optimizer.steps} loss {torch.stack(losses).mean():.4f} "
                  f"psnr {psnr(vae, unseen, machine):.2f} {clock.spent():.0f}s", flush=True)
            losses = []
        if clock.spent() - kept > 60 * SAVE_MINUTES:
            store()
            kept = clock.spent()
    store()
    print(f"autoencoder: {optimizer.steps} steps of {plan.steps}, psnr {psnr(vae, unseen, machine):.2f}", flush=True)
    return plan.over(optimizer.steps)


def trained(machine, work, preset):
    vae = nets.Autoencoder(config.PRESETS[preset]["vae"])
    weights = load(os.path.join(work, "vae.pt"))["optimizer"]["weights"]
    vae.load_state_dict({name[4:]: value for name, value in weights.items()})
    machine.placed(vae)
    return vae.eval()


def encode(machine, composer, lot, work, preset, part=512):
    """All scenes of the lot, encoded once: WORK/latents.pt, float16, each channel with mean 0 and deviation 1."""
    vae, count = trained(machine, work, preset), len(lot["count"])
    side, channels = SIZE // 8, config.PRESETS[preset]["vae"]["latent_channels"]
    out = torch.empty(count, channels, side, side, dtype=torch.float16, device=machine.device)
    for at in range(0, count, part):
        rows = torch.arange(at, min(at + part, count), device=machine.device)
        with torch.no_grad(), machine.autocast():
            out[at:at + part] = vae.encode(prepared(composer.compose(lot, rows)))[0].half()
    some = out[:20000].float()
    mean, std = some.mean((0, 2, 3)), some.std((0, 2, 3))
    for at in range(0, count, part):
        out[at:at + part] = ((out[at:at + part].float() - mean[:, None, None]) / std[:, None, None]).half()
    save(os.path.join(work, "latents.pt"), {"latents": out.cpu(), "mean": mean.cpu(), "std": std.cpu()})
    print(f"{count} scenes encoded, deviations {std.min():.2f} to {std.max():.2f}", flush=True)
