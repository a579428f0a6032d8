# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the recogniser, on one core.

    python3 train_scorer.py --sprites SPRITES --work DIR --steps 3000

Resumes from DIR/scorer.pt by the same command; the learning rate falls to zero at the last step. Every 500 steps and
at the end it tells how many real compositions of art that it never saw it names right, and at the end writes
scorer.safetensors here (--out elsewhere).
"""
import argparse
import os
import time

import concepts
import fast

fast.environment()

import torch
import torch.nn.functional as F

import nets
import real
import scorer
from compose import Composer

BATCH, LR, WARMUP, DECAY, EMA = 48, 2e-3, 100, 0.05, 0.004
NOTHING = 0.25  # weight of cells where there is nothing
SMOOTH = 0.05  # label smoothing
CHECK, SAVE = 500, 250
SEED = 1


def start_weights(net):
    for module in net.modules():
        if isinstance(module, nets.Resnet):
            torch.nn.init.zeros_(module.conv2.weight)
    torch.nn.init.zeros_(net.wide.weight)


def inner(name, parameter):
    """Matrices between the picture and the answer: Muon's."""
    return parameter.ndim > 1 and "stem" not in name and "head" not in name


def averaged(trainer):
    net = scorer.Scorer()
    net.load_state_dict({name[len("net."):]: value for name, value in trainer.tensors(trainer.ema).items()})
    return net


def check(trainer, pictures):
    plain, nets.ops = nets.ops, nets.PlainOps
    net = averaged(trainer)
    line = ", ".join(f"{name} {100 * real.top1(net, *some):.1f}" for name, some in pictures.items())
    nets.use_ops(plain)
    return line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default=real.SPRITES)
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--start", help="weights to begin with, in place of chance")
    parser.add_argument("--out", default=scorer.WEIGHTS)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    fast.load_kernels(os.path.join(args.work, "build"))
    torch.manual_seed(SEED)
    art = concepts.Art(args.sprites)
    composer = Composer(art, SEED)
    pictures = {"left out": real.singles(art, concepts.LEFT_OUT, 2), "fluent-3d": real.singles(art, concepts.GENERATED, 2)}
    net = scorer.Scorer()
    if args.start:
        net.load(args.start)
    else:
        start_weights(net)
    trainer = fast.Trainer({"net": net}, decay=DECAY, muon=inner)
    path = os.path.join(args.work, "scorer.pt")
    if os.path.exists(path):
        trainer.restore(torch.load(path))
    nets.use_ops(fast.FastOps)
    fast.use_products(net)
    weight = torch.ones(len(concepts.CONCEPTS) + 1)
    weight[0] = NOTHING
    started, running = time.process_time(), 0.0
    while trainer.steps < args.steps:
        step = trainer.steps
        composer.restart(SEED * 10**7 + step)
        x, cells = composer.batch(BATCH)
        y, _ = net(x.bfloat16().contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(y.float(), cells, weight, ignore_index=-1, label_smoothing=SMOOTH)
        loss.backward()
        lr = LR * min(1, (step + 1) / WARMUP) * min(1, 1.5 * (1 - step / args.steps))
        trainer.update(lr, max(EMA, 1 / (step + 1)))
        running += (loss.item() - running) * max(0.01, 1 / (step % 50 + 1))
        if trainer.steps % 50 == 0:
            print(f"{trainer.steps} loss {running:.3f} {time.process_time() - started:.0f} s", flush=True)
        if trainer.steps % SAVE == 0 or trainer.steps == args.steps:
            fast.save(path, trainer.state())
        if trainer.steps % CHECK == 0 or trainer.steps == args.steps:
            print(f"{trainer.steps} right in percent: {check(trainer, pictures)}", flush=True)
    nets.use_ops(nets.PlainOps)
    nets.save_safetensors(args.out, averaged(trainer).state_dict())
    print(f"{os.path.getsize(args.out) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
