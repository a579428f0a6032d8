# SPDX-License-Identifier: LGPL-2.1-or-later
"""Teaches a copy of the UNet to reach in a few steps, without guidance, what the UNet reaches in many with it.

    python3 distil.py --model ../default --sprites SPRITES --work DIR --rounds 12

Writes the few-step UNet to MODEL/unet_fast and what it wants to MODEL/imagined.json. Resumes from
DIR/distil.pt, round by round.

Why this way (progressive distillation, Salimans and Ho 2022, of the guided model, Meng et al. 2023, in one go):
a step of DDIM is a rotation of (x, noise), so with v prediction the one v that leads from x to where the teacher
arrives in several guided steps is well defined at every timestep, pure noise included. Consistency models would need a
second, averaged student to aim at and a sampler that adds noise, and draw other pictures than the teacher. The few
timesteps are fixed, so the student learns those alone. Its first round follows the teacher's own paths; later ones
begin every step where the student itself has gone, so that it learns to come back to the path and errors do not add up.
Equal seeds give the teacher's picture, only sooner.
"""
import argparse
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

if __name__ == "__main__":
    fast.environment()

import torch
import torch.nn.functional as F

import diffusion
import nets
import sums
import things
from captions import Captions
from export import write_json, write_weights
from scenes import Stage
from sprites import Sprites
from tokenizer import Tokenizer
from train_unet import is_matrix
from words import WordNet

STEPS, SUBSTEPS = 6, 4  # of the student, and of the teacher for each of them
PATHS, BATCH, EPOCHS = 384, 48, 3  # a round: paths of STEPS pairs, each learned EPOCHS times
LR, WARMUP = 5e-4, 20
EMPTY = 0.05
TRIAL = 64  # prompts for the comparison


class Pupil:
    """The few timesteps and what is to be learned at each."""

    def __init__(self, steps, substeps, guidance, rescale, device="cpu"):
        self.steps, self.substeps, self.guidance, self.rescale = steps, substeps, guidance, rescale
        self.times, self.fine = diffusion.times(steps), diffusion.times(steps * substeps)
        self.levels = diffusion.levels(steps).to(device)
        self.fine_levels = diffusion.levels(steps * substeps).to(device)

    def taught(self, teacher, x, k, context, empty):
        """Where the teacher comes from x at step k of the student's."""
        for i in range(k * self.substeps, (k + 1) * self.substeps):
            v = diffusion.guided(teacher, x, self.fine[i], context, empty, self.guidance, self.rescale)
            x = diffusion.ddim(x, v, self.fine_levels[i], self.fine_levels[i + 1])
        return x

    @torch.no_grad()
    def paths(self, teacher, student, noise, context, empty):
        """(x, v) at every step, [N, steps, C, h, w] each, along the student's path, or the teacher's if None."""
        x, xs, vs = noise, [], []
        for k in range(self.steps):
            at, after = self.levels[k], self.levels[k + 1]
            reached = self.taught(teacher, x, k, context, empty)
            xs.append(x)
            vs.append(diffusion.leading_to(x, reached, at, after))
            if student:
                reached = diffusion.ddim(x, student(x, torch.full((len(x),), self.times[k], device=x.device), context), at, after)
            x = reached
        return torch.stack(xs, 1), torch.stack(vs, 1)

    def draw(self, student, noise, context):
        return diffusion.sample(student, noise, context, None, self.steps, 1)


def asked(unet):
    """x, t, context -> v in float32, whatever the network computes in."""
    def v_of(x, t, context):
        dtype = unet.conv_in.weight.dtype
        return unet(x.to(dtype).contiguous(memory_format=torch.channels_last), t, context).float()
    return v_of


class Words:
    """Captions of scenes drawn anew, or lines of a file; number n is always the same."""

    def __init__(self, args, tok, length):
        self.tok, self.length, self.lines = tok, length, None
        if args.captions:
            with open(args.captions) as f:
                self.lines = f.read().splitlines()
        else:
            pack = Sprites(args.sprites)
            self.stage, self.captions = Stage(pack), Captions(pack, WordNet(), things.UNSEEN)

    def ids(self, number, count, empty=EMPTY):
        rng, out = random.Random(number), []
        for _ in range(count):
            if rng.random() < empty:
                text = ""
            elif self.lines:
                text = rng.choice(self.lines)
            else:
                text = self.captions.caption(rng, self.stage.scene(rng))
            out.append(self.tok(text, self.length))
        return torch.tensor(out)


def noise_of(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def psnr(a, b):
    return 10 * torch.log10(4 / F.mse_loss(a.clamp(-1, 1), b.clamp(-1, 1))).item()


@torch.no_grad()
def compare(pupil, text, vae, teacher, student, ids, nothing, shape, full_steps):
    """Student and teacher against the teacher's many steps, at equal seeds: a line, and the three sets of pictures."""
    pictures = [[], [], []]
    for at in range(0, len(ids), 16):
        context, empty = text(ids[at:at + 16]), text(nothing).expand(len(ids[at:at + 16]), -1, -1)
        noise = noise_of((len(context), *shape), 10**6 + at)
        drawn = (diffusion.sample(teacher, noise, context, empty, full_steps, pupil.guidance, pupil.rescale),
                 diffusion.sample(teacher, noise, context, empty, pupil.steps, pupil.guidance, pupil.rescale),
                 pupil.draw(student, noise, context))
        for out, z in zip(pictures, drawn):
            out.append(vae.decode(z.to(context.dtype).contiguous(memory_format=torch.channels_last)).float())
    full, few, fast_ = (torch.cat(p) for p in pictures)
    line = (f"against {full_steps} guided steps: {pupil.steps} guided {psnr(few, full):.2f} dB, "
            f"student {psnr(fast_, full):.2f} dB")
    return line, (full, few, fast_)


def save_sheet(path, rows):
    from PIL import Image
    rows = [((r[:16].clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1) for r in rows]
    Image.fromarray(torch.cat([torch.cat(list(r), 1) for r in rows]).numpy()).save(path)


def publish(model, unet_config, weights, steps, bits=16):
    write_weights(os.path.join(model, "unet_fast"), "diffusion_pytorch_model", unet_config, weights, bits)
    card = os.path.join(model, "imagined.json")
    with open(card) as f:
        settings = json.load(f)
    settings.update(fast_steps=steps, fast_guidance=1.0)
    write_json(card, settings)
    sums.write(model)


def learn(trainer, student, text, pupil, x, v, ids, lr, seed):
    """One round's pairs, each EPOCHS times in an order of its own; the mean loss of the last."""
    count, times = x.shape[0] * x.shape[1], torch.tensor(pupil.times)
    g = torch.Generator().manual_seed(seed)
    x, v, losses = x.flatten(0, 1), v.flatten(0, 1), []
    for _ in range(EPOCHS):
        losses = []
        for rows in torch.randperm(count, generator=g).split(BATCH):
            with torch.no_grad():
                context = text(ids[rows // pupil.steps])
            # channels last; float32 only outside the network
            got = student(x[rows].bfloat16().contiguous(memory_format=torch.channels_last), times[rows % pupil.steps], context)
            loss = F.mse_loss(got.float(), v[rows])
            loss.backward()
            trainer.update(lr * min(1, (trainer.steps + 1) / WARMUP))
            losses.append(loss.item())
    return sum(losses) / len(losses)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="../default", help="the teacher; the student is put beside its UNet")
    parser.add_argument("--sprites", default="../../../shared/data/sprites", help="for the captions")
    parser.add_argument("--captions", help="a file of them, one a line, instead")
    parser.add_argument("--work", required=True)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--substeps", type=int, default=SUBSTEPS)
    parser.add_argument("--paths", type=int, default=PATHS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bits", type=int, choices=(8, 16), default=16, help="of each stored weight")
    return parser.parse_args()


def main():
    args = arguments()
    fast.load_kernels(os.path.join(args.work, "build"))
    text, teacher, vae = nets.load_model(args.model)
    student = nets.UNet(teacher.config)
    student.load_state_dict(teacher.state_dict())
    text, teacher, vae = text.bfloat16(), teacher.bfloat16(), vae.bfloat16()
    nets.use_ops(fast.FastOps)
    trainer = fast.Trainer({"unet": student}, muon=is_matrix)
    fast.use_products(student)
    path, done = os.path.join(args.work, "distil.pt"), 0
    if os.path.exists(path):
        saved = torch.load(path)
        trainer.restore(saved["trainer"])
        done = saved["rounds"]
    with open(os.path.join(args.model, "imagined.json")) as f:
        card = json.load(f)
    pupil = Pupil(args.steps, args.substeps, card["guidance"], card.get("guidance_rescale", 0))
    c, length = teacher.config, text.config["max_position_embeddings"]
    shape = c["in_channels"], c["sample_size"], c["sample_size"]
    words = Words(args, Tokenizer(os.path.join(args.model, "tokenizer")), length)
    nothing = torch.tensor([words.tok("", length)])
    ask, say = asked(teacher), asked(student)
    trial = words.ids(10**6, TRIAL, 0)

    def report(sheet=None):
        line, rows = compare(pupil, text, vae, ask, say, trial, nothing, shape, card["steps"])
        if sheet:
            save_sheet(sheet, rows)
        return line

    started = time.time()
    if not done:
        print(report(), flush=True)
    for number in range(done, args.rounds):
        ids = words.ids(args.seed * 10**5 + number, args.paths)
        noise, parts = noise_of((args.paths, *shape), args.seed * 10**5 + number), []
        for at in range(0, args.paths, BATCH):
            with torch.no_grad():
                context = text(ids[at:at + BATCH])
                empty = text(nothing).expand(len(context), -1, -1)
            parts.append(pupil.paths(ask, say if number else None, noise[at:at + BATCH], context, empty))
        x, v = (torch.cat(p) for p in zip(*parts))
        drawn = time.time() - started
        loss = learn(trainer, student, text, pupil, x, v, ids, LR * (1 - number / args.rounds), args.seed * 10**5 + number)
        fast.save(path, {"trainer": trainer.state(), "rounds": number + 1})
        print(f"round {number + 1} loss {loss:.4f} {report() if number % 3 == 2 else ''} paths at {drawn:.0f}s, "
              f"{time.time() - started:.0f}s", flush=True)
    print(report(os.path.join(args.work, "distil.png")), flush=True)
    weights = trainer.tensors(trainer.master)
    publish(args.model, c, {name[len("unet."):]: w for name, w in weights.items()}, args.steps, args.bits)


if __name__ == "__main__":
    main()
