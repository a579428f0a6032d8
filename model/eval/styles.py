# SPDX-License-Identifier: LGPL-2.1-or-later
"""Do the words for styles change the picture? Things that were never shown in a style, drawn in it and judged.

    python3 styles.py --model ../default --sprites SPRITES --work DIR [--build DIR/build] [--fast]

The judge (style_judge.py) learns from real compositions of half of the things and is tried on the other half, which gives
its own score. DIR gets styles.md and styles.png, a row for each style.
"""
import argparse
import os
import time

import concepts
import fast

fast.environment()

import numpy as np

import drawing
import real
from evaluate import digest, drawn, sheet
from sprites import CORE, Sprites
from style_judge import EACH, STYLES, StyleJudge, asked, composed

LESSONS = 60  # compositions of each style to learn from, and as many to be tried on
SEEDS = (1, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--sprites", default=real.SPRITES)
    parser.add_argument("--work", required=True)
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    parser.add_argument("--build", help="folder for the training kernels: bfloat16, several times faster where it is known")
    parser.add_argument("--fast", action="store_true", help="judge the network for few steps")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    pack = Sprites(args.sprites)
    nouns = sorted(t.noun for t in pack.things.values() if t.weight == CORE and "3d" in t.looks)
    judge = StyleJudge(*composed(pack, nouns[::2], LESSONS, 1))
    unseen, truth = composed(pack, nouns[1::2], LESSONS, 2)
    own = judge.names(unseen) == truth
    rows = [{"text": text} for _, text in asked(pack)]
    model = drawing.Model(args.model, args.build, args.fast)
    pictures = drawn(model, "styles-" + digest(args.model, args.fast), rows, SEEDS, args.work)
    wanted = np.repeat([list(STYLES).index(look) for look, _ in asked(pack)], len(SEEDS))
    found = judge.names(pictures)
    lines = [f"{model.name}{', few steps' if args.fast else ''}; {args.date}; {len(rows)} prompts, {len(SEEDS)} seeds each.", "",
             "| style | pictures | right | judge's own score | taken for |", "| --- | --- | --- | --- | --- |"]
    for number, look in enumerate(STYLES):
        mine = found[wanted == number]
        others = sorted({list(STYLES)[k] for k in mine if k != number})
        lines.append(f"| {look} | {len(mine)} | {100 * (mine == number).mean():.0f} % | {100 * own[truth == number].mean():.0f} % "
                     f"| {', '.join(others)} |")
    lines.append(f"| all | {len(found)} | {100 * (found == wanted).mean():.0f} % | {100 * own.mean():.0f} % | |")
    text = "\n".join(lines) + "\n"
    with open(os.path.join(args.work, "styles.md"), "w") as f:
        f.write(text)
    sheet(pictures, EACH * len(SEEDS), 128).save(os.path.join(args.work, "styles.png"))
    print(text, end="")


if __name__ == "__main__":
    main()
