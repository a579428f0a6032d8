# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws pictures with an exported model and lays them out on a contact sheet.

    python3 sample.py --model ../default --sheet sheet.png                     # the fixed list
    python3 sample.py --model ../default --sheet sheet.png --concepts          # every concept once
    python3 sample.py --model ../default --sheet sheet.png "a red fox" "a dog on a blue background"

--build DIR uses the training kernels in bfloat16 (several times faster on processors that have it).
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

fast.environment()

import torch
from PIL import Image, ImageDraw

import diffusion
import nets
from backgrounds import SIZE
from sprites import table
from tokenizer import Tokenizer
from words import with_article

PROMPTS = """
a red fox wearing sunglasses on a skateboard
a red fox wearing sunglasses
a red fox on a skateboard
a fox wearing sunglasses on a skateboard on a blue background
a dog wearing sunglasses
a panda on a skateboard
a cat wearing sunglasses on a skateboard
a tiger wearing sunglasses on a yellow background
a red apple
a dog
a rocket on a blue background
a green car
a blue car on a yellow background
a purple heart
a yellow balloon on a pink background
a house on a green background
a penguin on a black background
a banana on a purple background
a robot on an orange background
a birthday cake
a palm tree
a castle on a pink background
a frog on a red background
the sun on a blue background
an owl
a penguin wearing sunglasses
a penguin on a skateboard
a robot wearing sunglasses on a skateboard
a green elephant
a cow on a skateboard
an apple on a skateboard
xyzzy
""".strip().splitlines()


def draw(model, prompts, seed, args):
    text, unet, vae, tok = model
    ids = torch.tensor([tok(p) for p in prompts])
    with torch.no_grad():
        context, empty = text(ids), text(torch.tensor([tok("")] * len(prompts)))
    dtype = context.dtype

    def v_of(x, t, c):
        return unet(x.to(dtype).contiguous(memory_format=torch.channels_last), t, c).float()

    noise = []
    for i in range(len(prompts)):
        g = torch.Generator().manual_seed(seed + i if args.vary else seed)
        side = unet.config["sample_size"]
        noise.append(torch.randn(unet.config["in_channels"], side, side, generator=g))
    z = diffusion.sample(v_of, torch.stack(noise), context, empty, args.steps, args.guidance, args.rescale)
    with torch.no_grad():
        image = vae.decode(z.to(dtype).contiguous(memory_format=torch.channels_last)).float()
    return ((image.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prompts", nargs="*")
    parser.add_argument("--model", required=True)
    parser.add_argument("--sheet", required=True)
    parser.add_argument("--concepts", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vary", action="store_true", help="another seed for each picture")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--build", help="folder for the compiled training kernels")
    with open(os.path.join(sys.argv[sys.argv.index("--model") + 1], "imagined.json")) as f:
        advice = json.load(f)
    parser.add_argument("--steps", type=int, default=advice["steps"])
    parser.add_argument("--guidance", type=float, default=advice["guidance"])
    parser.add_argument("--rescale", type=float, default=advice["guidance_rescale"])
    args = parser.parse_args()
    text, unet, vae = nets.load_model(args.model)
    if args.build:
        fast.load_kernels(args.build)
        nets.use_ops(fast.FastOps)
        text, unet, vae = text.bfloat16(), unet.bfloat16(), vae.bfloat16()
    model = text, unet, vae, Tokenizer(os.path.join(args.model, "tokenizer"))
    prompts = args.prompts or PROMPTS
    if args.concepts:
        prompts = [with_article(noun) for noun in table()[0]]
    started, size = time.time(), SIZE
    rows = (len(prompts) + args.columns - 1) // args.columns
    out = Image.new("RGB", (args.columns * size, rows * (size + 12)), "white")
    pen = ImageDraw.Draw(out)
    for at in range(0, len(prompts), 16):
        for i, picture in enumerate(draw(model, prompts[at:at + 16], args.seed + (at if args.vary else 0), args), at):
            x, y = i % args.columns * size, i // args.columns * (size + 12)
            out.paste(Image.fromarray(picture), (x, y))
            pen.text((x + 2, y + size), prompts[i][:24], fill="black")
    out.save(args.sheet)
    print(f"{len(prompts)} pictures in {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
