#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random adapters for a tiny model, and the model with them merged into its weights, which must draw the same.

    make-lora.py FOLDER FILE NAMING WEIGHT     NAMING: kohya, original (kohya's for Stable Diffusion XL) or diffusers;
                                               writes FILE, and changes the weights in FOLDER. Needs nothing but Python."""
import importlib.util
import os
import random
import struct
import sys

from shard import read, write

spec = importlib.util.spec_from_file_location("module", os.path.join(os.path.dirname(os.path.abspath(__file__)), "to-original.py"))
ORIGINAL = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ORIGINAL)

UNET = ["up_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k",
        "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0", "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj",
        "mid_block.attentions.0.proj_in", "down_blocks.0.resnets.0.conv1", "down_blocks.0.resnets.0.time_emb_proj", "conv_in"]
TEXT = ["text_model.encoder.layers.0.self_attn.v_proj", "text_model.encoder.layers.1.mlp.fc1"]


def adapt(tensors, key, rank, scale, out, name, naming):
    dtype, shape, blob = tensors[key + ".weight"]
    columns, inner = shape[0], len(ORIGINAL.floats(dtype, blob)) // shape[0]
    down = [random.gauss(0, 0.3) for _ in range(rank * inner)]
    up = [random.gauss(0, 0.3) for _ in range(columns * rank)]
    halves = ("lora_A.weight", "lora_B.weight") if naming == "diffusers" else ("lora_down.weight", "lora_up.weight")
    pack = lambda v: struct.pack(f"<{len(v)}f", *v)  # noqa: E731
    out[f"{name}.{halves[0]}"] = ("F32", [rank] + shape[1:], pack(down))
    out[f"{name}.{halves[1]}"] = ("F32", [columns, rank] + [1] * (len(shape) - 2), pack(up))
    alpha = rank
    if naming != "diffusers":
        alpha = 1.5
        out[f"{name}.alpha"] = ("F32", [], pack([alpha]))
    merged = list(ORIGINAL.floats(dtype, blob))
    for i in range(columns):
        for j in range(inner):
            merged[i * inner + j] += scale * alpha / rank * sum(up[i * rank + r] * down[r * inner + j] for r in range(rank))
    tensors[key + ".weight"] = ("F32", shape, pack(merged))


def main():
    folder, file, naming, scale = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    random.seed(naming)
    out = {}
    pairs = ORIGINAL.unet_blocks(ORIGINAL.config(folder, "unet"))
    for part, stem, keys in (("unet", "diffusion_pytorch_model", UNET), ("text_encoder", "model", TEXT)):
        path = f"{folder}/{part}/{stem}.safetensors"
        tensors = read(path)
        for key in keys:
            if naming == "diffusers":
                name = f"{part}.{key}"
            elif naming == "original" and part == "unet":
                name = "lora_unet_" + ORIGINAL.unet_key(pairs, key + ".weight").removesuffix(".weight") \
                    .removeprefix("model.diffusion_model.").replace(".", "_")
            else:
                name = ("lora_unet_" if part == "unet" else "lora_te_") + key.replace(".", "_")
            adapt(tensors, key, 3, scale, out, name, naming)
        write(path, tensors)
    write(file, out)


if __name__ == "__main__":
    main()
