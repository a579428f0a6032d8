#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random adapters for a tiny model, and the model with them merged into its weights, which must draw the same.

    make-lora.py FOLDER FILE NAMING WEIGHT     NAMING: kohya, original (kohya's for Stable Diffusion XL) or diffusers;
                                               writes FILE, and changes the weights in FOLDER
    make-lora.py --store FOLDER TYPE           stores the matrices in FOLDER as F32, F16, BF16 or I8 (with a scale for each row)

Needs nothing but Python."""
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


def values_of(tensors, name):
    """The numbers of a tensor, which is taken out with its scales."""
    dtype, shape, blob = tensors.pop(name)
    if dtype == "BF16":
        return shape, [struct.unpack("<f", b"\0\0" + blob[i:i + 2])[0] for i in range(0, len(blob), 2)]
    if dtype == "I8":
        scales, columns = ORIGINAL.floats(*tensors.pop(name + ".scale")[::2]), len(blob) // shape[0]
        return shape, [v * scales[i // columns] for i, v in enumerate(struct.unpack(f"<{len(blob)}b", blob))]
    return shape, list(ORIGINAL.floats(dtype, blob))


def store(tensors, name, kind):
    shape, values = values_of(tensors, name)
    if kind == "I8":
        columns = len(values) // shape[0]
        scales = [max(map(abs, values[i:i + columns])) / 127 or 1 for i in range(0, len(values), columns)]
        blob = struct.pack(f"<{len(values)}b", *(round(v / scales[i // columns]) for i, v in enumerate(values)))
        tensors[name + ".scale"] = ("F32", [shape[0]], struct.pack(f"<{shape[0]}f", *scales))
    elif kind == "BF16":  # cut off, not rounded: near enough
        blob = b"".join(struct.pack("<f", v)[2:] for v in values)
    else:
        blob = struct.pack(f"<{len(values)}{'e' if kind == 'F16' else 'f'}", *values)
    tensors[name] = (kind, shape, blob)


def store_all(folder, kind):
    for part, stem in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        path = f"{folder}/{part}/{stem}.safetensors"
        tensors = read(path)
        for name in [name for name, t in tensors.items() if len(t[1]) > 1 and "embedding.weight" not in name]:
            store(tensors, name, kind)
        write(path, tensors)


def adapt(tensors, key, rank, scale, out, name, naming):
    shape, merged = values_of(tensors, key + ".weight")
    columns, inner = shape[0], len(merged) // shape[0]
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
    for i in range(columns):
        for j in range(inner):
            merged[i * inner + j] += scale * alpha / rank * sum(up[i * rank + r] * down[r * inner + j] for r in range(rank))
    tensors[key + ".weight"] = ("F32", shape, pack(merged))


def main():
    if sys.argv[1] == "--store":
        return store_all(sys.argv[2], sys.argv[3])
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
