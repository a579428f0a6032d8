#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a Diffusers folder as one file in the original layout, as it was before diffusers' own scripts converted it.

    to-original.py FOLDER FILE [gguf [TYPE]]     TYPE: F32, F16, Q8_0 or Q4_0 for matrices whose rows are whole blocks
    to-original.py FOLDER FILE cpp               with the names that stable-diffusion.cpp's --convert-name gives

OpenCLIP's layout is taken for text encoders with the activation "gelu"; Stable Diffusion 2's (one, not two) gets a last
layer more, which is not used. Needs nothing but Python."""
import json
import os
import re
import struct
import sys

from shard import read, write

SIZES = {"F32": 4, "F16": 2, "BF16": 2}


def config(folder, part):
    with open(f"{folder}/{part}/config.json") as f:
        return json.load(f)


def unet_blocks(c):
    """(diffusers' prefix, the original one) of all blocks, in the order in which the original numbers them."""
    pairs, layers = [], c["layers_per_block"]
    n = 1
    for i, kind in enumerate(c["down_block_types"]):
        for j in range(layers):
            pairs.append((f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{n}.0."))
            if "CrossAttn" in kind:
                pairs.append((f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{n}.1."))
            n += 1
        if i + 1 < len(c["down_block_types"]):
            pairs.append((f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{n}.0.op."))
            n += 1
    n = 0
    for i, kind in enumerate(c["up_block_types"]):
        for j in range(layers + 1):
            pairs.append((f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{n}.0."))
            if "CrossAttn" in kind:
                pairs.append((f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{n}.1."))
            if j == layers and i + 1 < len(c["up_block_types"]):
                pairs.append((f"up_blocks.{i}.upsamplers.0.conv.", f"output_blocks.{n}.{2 if 'CrossAttn' in kind else 1}.conv."))
            n += 1
    return pairs + [
        ("mid_block.resnets.0.", "middle_block.0."), ("mid_block.attentions.0.", "middle_block.1."),
        ("mid_block.resnets.1.", "middle_block.2."), ("conv_in.", "input_blocks.0.0."), ("conv_norm_out.", "out.0."),
        ("conv_out.", "out.2."), ("time_embedding.linear_1.", "time_embed.0."), ("time_embedding.linear_2.", "time_embed.2."),
        ("add_embedding.linear_1.", "label_emb.0.0."), ("add_embedding.linear_2.", "label_emb.0.2."),
        ("time_embedding.cond_proj.", "time_embed.cond_proj."),
    ]


RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
          "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection"}


def unet_key(pairs, key):
    new, old = next((b, a) for a, b in pairs if key.startswith(a))
    rest = key[len(old):]
    if ".resnets." in old:
        rest = re.sub(r"^\w+", lambda m: RESNET[m.group()], rest)
    return "model.diffusion_model." + new + rest


def vae_key(levels, key):
    key = re.sub(r"up_blocks\.(\d+)", lambda m: f"up.{levels - 1 - int(m.group(1))}", key).replace("down_blocks", "down")
    for a, b in ((".resnets.", ".block."), ("upsamplers.0", "upsample"), ("downsamplers.0", "downsample"),
                 ("mid_block.block.0", "mid.block_1"), ("mid_block.block.1", "mid.block_2"), ("mid_block.attentions.0", "mid.attn_1"),
                 ("conv_shortcut", "nin_shortcut"), ("group_norm", "norm"), ("conv_norm_out", "norm_out"), ("to_q", "q"),
                 ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        key = key.replace(a, b)
    return "first_stage_model." + key


def open_clip(tensors, prefix, extra):
    """Queries, keys and values in one; the projection the other way round."""
    out = {}
    layers = 1 + max(int(m.group(1)) for m in (re.match(r"text_model\.encoder\.layers\.(\d+)", k) for k in tensors) if m)
    if extra:
        for key in [k for k in tensors if f".layers.{layers - 1}." in k]:
            tensors[key.replace(f".layers.{layers - 1}.", f".layers.{layers}.")] = tensors[key]
    for key, (dtype, shape, blob) in tensors.items():
        key = key.replace("text_model.encoder.layers", "transformer.resblocks").replace("layer_norm", "ln_")
        key = key.replace("self_attn", "attn").replace("mlp.fc1", "mlp.c_fc").replace("mlp.fc2", "mlp.c_proj")
        key = key.replace("text_model.embeddings.token", "token").replace("text_model.final_ln_", "ln_final")
        key = key.replace("text_model.embeddings.position_embedding.weight", "positional_embedding")
        if ".q_proj." in key:
            parts = [tensors[k] for k in (next(o for o in tensors if o.endswith(suffix(key, p))) for p in "qkv")]
            key = re.sub(r"q_proj\.(weight|bias)", r"in_proj_\1", key)
            shape, blob = [3 * shape[0]] + shape[1:], b"".join(p[2] for p in parts)
        elif "k_proj" in key or "v_proj" in key:
            continue
        elif key == "text_projection.weight":
            rows, columns, size = *shape, SIZES[dtype]
            item = lambda i, j: blob[(i * columns + j) * size:][:size]  # noqa: E731
            key, shape = "text_projection", [columns, rows]
            blob = b"".join(item(i, j) for j in range(columns) for i in range(rows))
        out[prefix + key] = (dtype, shape, blob)
    return out


def suffix(key, part):
    layer = re.search(r"resblocks\.(\d+)", key).group(1)
    return f".layers.{layer}.self_attn.{part}_proj." + key.rsplit(".", 1)[1]


def text(folder, part, prefixes, extra):
    tensors = read(f"{folder}/{part}/model.safetensors")
    if config(folder, part)["hidden_act"] == "gelu":
        return open_clip(tensors, prefixes[1], extra)
    return {prefixes[0] + key: t for key, t in tensors.items()}


def floats(dtype, blob):
    if dtype == "BF16":
        return struct.unpack(f"<{len(blob) // 2}f", b"".join(b"\0\0" + blob[i:i + 2] for i in range(0, len(blob), 2)))
    return struct.unpack(f"<{len(blob) // SIZES[dtype]}{'f' if dtype == 'F32' else 'e'}", blob)


def quantise(dtype, blob, kind):
    """As ggml's reference does it: the largest number of a block of 32 decides its scale."""
    values, out = floats(dtype, blob), []
    if kind == "F32":
        return struct.pack(f"<{len(values)}f", *values)
    if kind == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    for i in range(0, len(values), 32):
        block = values[i:i + 32]
        top = max(block, key=abs)
        d = abs(top) / 127 if kind == "Q8_0" else top / -8
        scaled = [v / d if d else 0 for v in block]
        if kind == "Q8_0":
            out.append(struct.pack("<e32b", d, *(round(v) for v in scaled)))
        else:
            q = [min(15, int(v + 8.5)) for v in scaled]
            out.append(struct.pack("<e16B", d, *(q[j] | q[j + 16] << 4 for j in range(16))))
    return b"".join(out)


TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "BF16": 30}


def write_gguf(path, tensors, kind):
    string = lambda s: struct.pack("<Q", len(s.encode())) + s.encode()  # noqa: E731
    infos, data = [], b""
    for key, (dtype, shape, blob) in tensors.items():
        own = kind or dtype
        if len(shape) < 2 or (own in ("Q8_0", "Q4_0") and shape[-1] % 32 != 0):
            own = dtype
        blob = blob if own == dtype else quantise(dtype, blob, own)
        data += b"\0" * (-len(data) % 32)
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        infos.append(string(key) + sizes + struct.pack("<IQ", TYPES[own], len(data)))
        data += blob
    settings = [string("general.architecture") + struct.pack("<I", 8) + string("sd"),
                string("some.list") + struct.pack("<IIQ3i", 9, 5, 3, 1, 2, 3), string("general.alignment") + struct.pack("<II", 4, 32)]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(settings)) + b"".join(settings + infos)
    with open(path, "wb") as f:
        f.write(head + b"\0" * (-len(head) % 32) + data)


def convert(folder):
    xl = os.path.exists(f"{folder}/text_encoder_2")
    c = config(folder, "unet")
    pairs = unet_blocks(c)
    out = {unet_key(pairs, k): t for k, t in read(f"{folder}/unet/diffusion_pytorch_model.safetensors").items()}
    levels = len(config(folder, "vae")["block_out_channels"])
    out |= {vae_key(levels, k): t for k, t in read(f"{folder}/vae/diffusion_pytorch_model.safetensors").items()}
    if xl:
        out |= text(folder, "text_encoder", ("conditioner.embedders.0.transformer.", None), False)
        out |= text(folder, "text_encoder_2", (None, "conditioner.embedders.1.model."), False)
    else:
        out |= text(folder, "text_encoder", ("cond_stage_model.transformer.", "cond_stage_model.model."), True)
    return out | {"model_ema.decay": ("F32", [1], b"\0\0\0\0")}


CPP = {"model.ln_final": "transformer.text_model.final_layer_norm",
       "model.positional_embedding": "transformer.text_model.embeddings.position_embedding.weight",
       "model.token_embedding": "transformer.text_model.embeddings.token_embedding",
       "model.text_projection": "transformer.text_model.text_projection",
       "model.transformer.resblocks": "transformer.text_model.encoder.layers", "attn.in_proj_": "self_attn.in_proj.",
       ".attn.out_proj": ".self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
       "mlp.c_proj": "mlp.fc2"}


def cpp_name(key):
    """As its src/name_conversion.cpp has it; only OpenCLIP's names become others."""
    key = key.replace("conditioner.embedders.0.", "cond_stage_model.").replace("conditioner.embedders.1.", "cond_stage_model.1.")
    if key.startswith(("cond_stage_model.model.", "cond_stage_model.1.model.")):
        for a, b in CPP.items():
            key = key.replace(a, b)
    return key


def main():
    tensors = convert(sys.argv[1])
    if sys.argv[3:4] == ["cpp"]:
        return write(sys.argv[2], {cpp_name(key): t for key, t in tensors.items()})
    if sys.argv[3:4] == ["gguf"]:
        write_gguf(sys.argv[2], tensors, sys.argv[4] if len(sys.argv) > 4 else None)
    else:
        write(sys.argv[2], tensors)


if __name__ == "__main__":
    main()
