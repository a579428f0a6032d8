# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws prompts with a model folder, as the folder itself recommends.

    model = Model("../default", build)          # build: folder for the training kernels in bfloat16, or None
    model = Model("../default", build, True)    # with the network for few steps
    pictures = model.draw(["a fox"], seed=1)    # uint8 [N, 128, 128, 3]
    pictures = model.restored(pictures)         # through the autoencoder alone

    model = Service("../default", "bf16")       # the same pictures by the imagine in the PATH, its touches left out
"""
import json
import os
import subprocess
import tempfile

import concepts  # also makes the recipe importable

import numpy as np
import torch
from PIL import Image

import diffusion
import fast
import nets
from tokenizer import Tokenizer

BATCH = 20


def last(x):
    return x.contiguous(memory_format=torch.channels_last)


def shown(x):
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


class Model:
    def __init__(self, folder, build=None, fast_unet=False):
        self.text, self.unet, self.vae = nets.load_model(folder, fast_unet)
        self.tokens = Tokenizer(os.path.join(folder, "tokenizer"))
        self.length = self.text.config["max_position_embeddings"]
        with open(os.path.join(folder, "imagined.json")) as f:
            self.advice = json.load(f)
        if fast_unet:
            self.advice.update(steps=self.advice["fast_steps"], guidance=self.advice["fast_guidance"])
        self.ops = nets.PlainOps
        if build:
            fast.load_kernels(build)
            self.ops = fast.FastOps
            for net in (self.text, self.unet, self.vae):
                net.bfloat16()
        self.dtype = torch.bfloat16 if build else torch.float32

    @property
    def name(self):
        return f"{self.advice['name']} {self.advice['version']}, {self.advice['trained_steps']} steps"

    @torch.no_grad()
    def draw(self, prompts, seed):
        """The same noise for every prompt, as a user gets it who gives this seed."""
        before, nets.ops = nets.ops, self.ops
        side, channels = self.unet.config["sample_size"], self.unet.config["in_channels"]
        noise = torch.randn(channels, side, side, generator=torch.Generator().manual_seed(seed))
        ids = torch.tensor([self.tokens(p, self.length) for p in prompts])
        empty = torch.tensor([self.tokens("", self.length)] * len(prompts))
        z = diffusion.sample(lambda x, t, c: self.unet(last(x.to(self.dtype)), t, c).float(), noise.repeat(len(prompts), 1, 1, 1),
                             self.text(ids), self.text(empty), self.advice["steps"], self.advice["guidance"],
                             self.advice["guidance_rescale"])
        out = shown(self.vae.decode(last(z.to(self.dtype))))
        nets.ops = before
        return out

    @torch.no_grad()
    def restored(self, pictures):
        before, nets.ops = nets.ops, self.ops
        out = []
        for part in torch.from_numpy(pictures).permute(0, 3, 1, 2).split(BATCH):
            x = last((part.float() / 127.5 - 1).to(self.dtype))
            out.append(torch.from_numpy(shown(self.vae.decode(self.vae.encode(x)[0]))))
        nets.ops = before
        return torch.cat(out).numpy()


class Service(Model):
    def __init__(self, folder, precision):
        super().__init__(folder)
        self.precision = precision

    def draw(self, prompts, seed):
        size, out = 8 * self.unet.config["sample_size"], []
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "picture.png")
            for prompt in prompts:
                subprocess.run(["imagine", "--user", "-q", "--force", "-o", path, "--seed", str(seed), "--size", f"{size}x{size}",
                                "--sharpen", "0", "--precision", self.precision, prompt], check=True,
                               stdout=subprocess.DEVNULL)
                out.append(np.asarray(Image.open(path).convert("RGB")))
        return np.stack(out)
