# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures a model: draws the 200 prompts with four seeds each, judges the pictures, prints a table.

    python3 evaluate.py --model ../default --sprites SPRITES --work DIR --date 2026-11-22 [--build DIR/build]

DIR gets table.md (for the model card), sheet.png (all prompts, the first seed), small.png (8x6, for the README) and
the pictures themselves, so that a run that was cut off goes on, and one with another recogniser draws nothing anew.
"""
import argparse
import hashlib
import json
import os
import time

import concepts
import fast

fast.environment()

import numpy as np
from PIL import Image

import drawing
import metrics
import real
from judge import Judge
from scorer import WEIGHTS, Scorer
from sprites import Sprites

PROMPTS = os.path.join(concepts.HERE, "prompts.jsonl")
REAL_SEEDS = (1, 2, 3, 4)
AIMS = {"single": ("single things", 95), "background": ("background", 95), "colour": ("colour", 85), "pair": ("two things", 80),
        "relation": ("left, right, above, below", 75), "carried": ("wearing, riding, in, on", 70), "count": ("counts", 70),
        "unseen": ("unseen words", 60)}
RECOGNISER = 97  # percent that it must name right
SMALL = 48  # pictures of the small sheet


def prompts():
    with open(PROMPTS) as f:
        return [json.loads(line) for line in f]


def digest(folder, few_steps=False):
    """Of what decides the pictures: weights and sampling."""
    sums, unet = hashlib.sha256(), "unet_fast" if few_steps else "unet"
    for part in ("text_encoder/model", f"{unet}/diffusion_pytorch_model", "vae/diffusion_pytorch_model"):
        with open(os.path.join(folder, part + ".safetensors"), "rb") as f:
            sums.update(f.read())
    with open(os.path.join(folder, "imagined.json")) as f:
        advice = json.load(f)
    sums.update(repr([advice[name] for name in ("steps", "guidance", "guidance_rescale")]).encode())
    return sums.hexdigest()[:12]


def drawn(model, name, rows, seeds, work):
    """uint8 [rows * seeds, 128, 128, 3], the seeds of a row beside each other."""
    out = []
    for seed in seeds:
        path = os.path.join(work, f"{name}-{seed}.npy")
        if not os.path.exists(path):
            started, parts = time.time(), []
            for at in range(0, len(rows), drawing.BATCH):
                parts.append(model.draw([row["text"] for row in rows[at:at + drawing.BATCH]], seed))
                print(f"seed {seed}: {at + len(parts[-1])} of {len(rows)}, {time.time() - started:.0f} s", flush=True)
            np.save(path + ".new.npy", np.concatenate(parts))
            os.replace(path + ".new.npy", path)
        out.append(np.load(path))
    return np.stack(out, 1).reshape(-1, *out[0].shape[1:])


def judged(judge, rows, pictures, maps):
    """Line of the table -> [right or not], a row of prompts after the other."""
    each, found = len(pictures) // len(rows), {name: [] for name in AIMS}
    for i, (picture, seen) in enumerate(zip(pictures, maps)):
        for name, right in judge.marks(rows[i // each], picture, seen).items():
            found[name].append(right)
    return found


def table(ours, theirs):
    lines = ["| asked for | pictures | right | recogniser's own score | share | aim |", "| --- | --- | --- | --- | --- | --- |"]
    for name, (title, aim) in AIMS.items():
        right, own = (100 * np.mean(found[name]) for found in (ours, theirs))
        share = min(100, 100 * right / own) if own else 0
        lines.append(f"| {title} | {len(ours[name])} | {right:.1f} % | {own:.1f} % | {share:.0f} % | {aim} % |")
    return lines


def sheet(pictures, columns, side):
    rows = (len(pictures) + columns - 1) // columns
    out = Image.new("RGB", (columns * side, rows * side), "white")
    for i, picture in enumerate(pictures):
        image = Image.fromarray(picture)
        out.paste(image if side == image.width else image.resize((side, side), Image.LANCZOS),
                  (i % columns * side, i // columns * side))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--sprites", default=real.SPRITES)
    parser.add_argument("--work", required=True)
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    parser.add_argument("--build", help="folder for the training kernels: bfloat16, several times faster where it is known")
    parser.add_argument("--service", metavar="PRECISION", help="let imagine draw, in f32, bf16 or int8, in place of PyTorch")
    parser.add_argument("--fast", action="store_true", help="judge the network for few steps")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--scorer", default=WEIGHTS)
    args = parser.parse_args()
    if args.fast and args.service:
        parser.error("--fast is drawn by PyTorch")
    os.makedirs(args.work, exist_ok=True)
    rows = prompts()
    model = drawing.Service(args.model, args.service) if args.service else drawing.Model(args.model, args.build, args.fast)
    pictures = drawn(model, digest(args.model, args.fast) + (args.service or ""), rows, range(1, args.seeds + 1), args.work)
    sheet(pictures[::args.seeds], 20, 128).save(os.path.join(args.work, "sheet.png"))
    sheet(pictures[::args.seeds][np.linspace(0, len(rows) - 1, SMALL).round().astype(int)], 8, 64).save(
        os.path.join(args.work, "small.png"), optimize=True)
    pack, scorer, judge = Sprites(args.sprites), Scorer().load(args.scorer), Judge()
    composed = real.prompted(pack, rows, REAL_SEEDS)
    (maps, features), (real_maps, real_features) = scorer.read(pictures), scorer.read(composed)
    again = scorer.read(real.prompted(pack, rows, [seed + 100 for seed in REAL_SEEDS]))[1]
    art, some = concepts.Art(args.sprites), composed[::len(REAL_SEEDS)]
    restored = model.restored(some)
    exact = {name: 100 * real.top1(scorer, *real.singles(art, sources, 4))
             for name, sources in (("left out", concepts.LEFT_OUT), ("3d", concepts.GENERATED))}
    lines = [f"{model.name}{', few steps' if args.fast else ''}; {args.date}; {len(rows)} prompts, {args.seeds} seeds each.", ""]
    lines += table(judged(judge, rows, pictures, maps), judged(judge, rows, composed, real_maps))
    lines += ["", "Frechet distance of the recogniser's features to real compositions: "
              f"{metrics.frechet(features, real_features):.2f} (real compositions among themselves: "
              f"{metrics.frechet(again, real_features):.2f}).",
              f"The autoencoder restores {len(some)} compositions at 128x128 with {metrics.psnr(some, restored):.1f} dB PSNR "
              f"(aim: 30) and {metrics.ssim(some, restored):.3f} SSIM.",
              f"The recogniser names {exact['left out']:.1f} % of the compositions of a source that nobody learned from "
              f"({', '.join(concepts.LEFT_OUT)}) and {exact['3d']:.1f} % of those of {', '.join(concepts.GENERATED)}, "
              f"which it never saw (aim: {RECOGNISER})."]
    text = "\n".join(lines) + "\n"
    with open(os.path.join(args.work, "table.md"), "w") as f:
        f.write(text)
    print(text, end="")


if __name__ == "__main__":
    main()
