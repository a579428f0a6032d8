# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares nets.py with the reference implementation's outputs.

    python3 check_goldens.py ../../../shared/data/goldens
"""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nets

LIMIT = 2e-5  # relative to the largest value


@torch.no_grad()
def check(folder):
    text, unet, vae = nets.load_model(os.path.join(folder, "model"))
    worst = 0.0

    def compare(name, got, want):
        nonlocal worst
        err = ((got - want).abs().max() / want.abs().max()).item()
        worst = max(worst, err)
        print(f"  {name:24s} {err:.1e}")

    g = nets.load_safetensors(os.path.join(folder, "text.safetensors"))
    compare("text", text(g["ids"]), g["last_hidden_state"])
    g = nets.load_safetensors(os.path.join(folder, "unet.safetensors"))
    for name in sorted(g):
        if "/out_t" in name:
            shape, t = name.split("/out_t")
            sample = g[shape + "/sample"]
            got = unet(sample, torch.full((len(sample),), int(t)), g["encoder_hidden_states"])
            compare(name, got, g[name])
    g = nets.load_safetensors(os.path.join(folder, "vae.safetensors"))
    for shape in ("square", "wide"):
        mean, logvar = vae.encode(g[shape + "/image"])
        compare(shape + "/mean", mean, g[shape + "/mean"])
        compare(shape + "/logvar", logvar, g[shape + "/logvar"])
        compare(shape + "/decoded", vae.decode(g[shape + "/z"]), g[shape + "/decoded"])
    return worst


if __name__ == "__main__":
    worst = 0.0
    for variant in ("A", "B"):
        print(variant)
        worst = max(worst, check(os.path.join(sys.argv[1], variant)))
    print("worst", worst)
    sys.exit(worst > LIMIT)
