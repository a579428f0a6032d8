#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same shapes in plain PyTorch:  torch-peer.py MODEL SIZE THREADS RUNS f32|bf16 [--step]  prints rows as bench does (see run)."""
import json
import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "reference"))
import nets  # noqa: E402

model, size, threads, runs, precision = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(threads)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]


def config(part):
    with open(f"{model}/{part}/config.json", encoding="utf-8") as f:
        return json.load(f)


def random_keys():
    """Weights are made as they are asked for, once, in the precision at hand."""
    keys = nets.Keys({}, generator=torch.Generator().manual_seed(1))

    def get(self, name, shape, kind):
        key = self.prefix + name
        if key not in self.tensors:
            tensor = torch.randn(shape, generator=self.generator) * (0.02 if kind == "matrix" else 0.1) + (kind == "gain")
            tensor = tensor.to(dtype)
            self.tensors[key] = tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
        return self.tensors[key]

    nets.Keys.get = get
    return keys


def measure(name, stage):
    """The first makes the weights, the second warms up what PyTorch keeps; neither counts."""
    times = []
    with torch.no_grad():
        for _ in range(2 + runs):
            before = resource.getrusage(resource.RUSAGE_SELF)
            begin = time.monotonic()
            stage()
            after = resource.getrusage(resource.RUSAGE_SELF)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            times.append((time.monotonic() - begin, busy))
    times = sorted(times[2:])
    print("row", "torch", name, precision, size, *(f"{t:.4f}" for t in (times[len(times) // 2][0], times[0][0], times[-1][0],
                                                                       sorted(t[1] for t in times)[len(times) // 2])), flush=True)


side = size // 8
unet, vae = random_keys(), random_keys()
unet_config, vae_config = config("unet"), config("vae")
latents = torch.randn(2, 4, side, side).to(dtype).to(memory_format=torch.channels_last)
text = torch.randn(2, 77, unet_config["cross_attention_dim"]).to(dtype)
embed = nets.timestep_embedding
nets.timestep_embedding = lambda *a: embed(*a).to(dtype)
measure("step", lambda: nets.unet(unet, unet_config, latents, 500, text))
if "--step" not in sys.argv:
    measure("decode", lambda: nets.decode(vae, vae_config, latents[:1]))
