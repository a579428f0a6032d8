# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the prompt generator: fifty short ideas as they are, and as `imagined-prompts` words them for the model.

    python3 enhance.py --model ../default --work DIR --generator ../../build/imagined-prompts [--build DIR/build]

Both are drawn with the same seeds and judged alike: that what is asked for is there. DIR gets enhance.md and enhance.png
(idea and enhanced beside each other, ten pairs a row of two).
The ideas are those of prompts.jsonl that say nothing of where: twenty single things, ten of words that no caption had, ten
pairs, five beside each other, five worn or ridden. Counts are left out: the judge counts on plain grounds only.
"""
import argparse
import hashlib
import json
import os
import subprocess
import time

import concepts
import fast

fast.environment()

import numpy as np

import drawing
from evaluate import digest, drawn, prompts, sheet
from judge import Judge
from scorer import WEIGHTS, Scorer

PARTS = (("single", 20), ("unseen", 10), ("pair", 10), ("relation", 5), ("carried", 5))
PROMPTS = os.path.join(concepts.HERE, "..", "..", "conf", "prompts")


def ideas():
    rows = [row for row in prompts() if "background" not in row and row.get("relation") != "wearing and riding"]
    return [row for group, count in PARTS for row in [r for r in rows if r["group"] == group][:count]]


def enhanced(program, model, text, seed):
    """The answer's first result."""
    request = json.dumps({"idea": text, "seed": seed, "seed-given": True})
    answer = subprocess.run([program, "--prompts", PROMPTS, "--words", os.path.join(model, "words.json")], input=request,
                            capture_output=True, check=True, text=True)
    return json.loads(answer.stdout)["results"][0]


def judged(judge, rows, pictures, maps):
    each = len(pictures) // len(rows)
    right = {group: [] for group, _ in PARTS}
    for i, (picture, seen) in enumerate(zip(pictures, maps)):
        row = rows[i // each]
        right[row["group"]].append(bool(list(judge.marks(row, picture, seen).values())[0]))
    return right


def variety(pictures):
    """How much is to be seen: the mean over pictures of how far pixels are from the commonest colour, 0 to 255."""
    out = []
    for picture in pictures.reshape(-1, 128 * 128, 3):
        out.append(np.abs(picture.astype(np.float32) - np.median(picture, 0)).mean())
    return float(np.mean(out))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--build", help="folder for the training kernels: bfloat16, several times faster where it is known")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--prompt-seed", type=int, default=1)
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    rows, model, judge, scorer = ideas(), drawing.Model(args.model, args.build), Judge(), Scorer().load(WEIGHTS)
    results = [enhanced(args.generator, args.model, row["text"], args.prompt_seed + i) for i, row in enumerate(rows)]
    wordy = [{**row, "text": result["model-prompt"]} for row, result in zip(rows, results)]
    with open(os.path.join(args.work, "enhance.jsonl"), "w") as f:
        for row, result in zip(rows, results):
            f.write(json.dumps({"idea": row["text"], "model-prompt": result["model-prompt"], "prompt": result["prompt"]}) + "\n")
    seeds, name = range(1, args.seeds + 1), digest(args.model)
    told = hashlib.sha256("\n".join(row["text"] for row in wordy).encode()).hexdigest()[:12]
    before = drawn(model, f"ideas-{name}", rows, seeds, args.work)
    after = drawn(model, f"enhanced-{name}-{told}", wordy, seeds, args.work)
    pairs = np.stack([before[::args.seeds], after[::args.seeds]], 1).reshape(-1, *before.shape[1:])
    sheet(pairs, 10, 64).save(os.path.join(args.work, "enhance.png"), optimize=True)
    a, b = (judged(judge, rows, pictures, scorer.read(pictures)[0]) for pictures in (before, after))
    lines = [f"{model.name}; {args.date}; {len(rows)} ideas, {args.seeds} seeds each.", "",
             "| asked for | pictures | ideas right | enhanced right |", "| --- | --- | --- | --- |"]
    lines += [f"| {group} | {len(a[group])} | {100 * np.mean(a[group]):.1f} % | {100 * np.mean(b[group]):.1f} % |" for group, _ in PARTS]
    every = [np.concatenate([found[group] for group, _ in PARTS]) for found in (a, b)]
    lines += [f"| all | {len(every[0])} | {100 * every[0].mean():.1f} % | {100 * every[1].mean():.1f} % |", "",
              f"Mean distance of pixels from each picture's median colour: {variety(before):.1f} and {variety(after):.1f} of 255. "
              f"Words a prompt: {np.mean([len(r['text'].split()) for r in rows]):.1f}, for the model "
              f"{np.mean([len(r['text'].split()) for r in wordy]):.1f}, in full {np.mean([len(r['prompt'].split()) for r in results]):.1f}."]
    text = "\n".join(lines) + "\n"
    with open(os.path.join(args.work, "enhance.md"), "w") as f:
        f.write(text)
    print(text, end="")


if __name__ == "__main__":
    main()
