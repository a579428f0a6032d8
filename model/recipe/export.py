# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the trained networks as a Diffusers folder in 16 bit, or in 8.

    python3 export.py --work DIR --out ../default [--plain] [--bits 8] [--sprites SPRITES]

The latents' mean and deviation are folded into quant_conv and post_quant_conv, so scaling_factor is 1.
--plain takes the last weights in place of their running average. What the model understands (words.json) is as
neighbours.py or model_words.py left it in DIR; with --sprites it is made anew.
"""
import argparse
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch

import config
import model_words
import nets
import sums
from word_table import WordTable

IDENTITY = {
    "name": "imagined-sprites", "version": "0.5", "license": "CC-BY-4.0", "steps": 20, "guidance": 4.0,
    "guidance_rescale": 0.7, "sampler": "ddim", "native_size": 128, "enlarge": 4, "prompt_chunks": 1,
    "empty_prompt": "something nice", "sharpen": 0.6,
}
INDEX = {
    "_class_name": "StableDiffusionPipeline", "feature_extractor": [None, None], "image_encoder": [None, None],
    "requires_safety_checker": False, "safety_checker": [None, None], "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
}


def folded(vae, mean, std):
    """The autoencoder's state dict with latents of mean 0 and deviation 1."""
    out, n = dict(vae), len(mean)
    w, b = out["quant_conv.weight"].clone(), out["quant_conv.bias"].clone()
    w[:n] /= std[:, None, None, None]
    b[:n] = (b[:n] - mean) / std
    b[n:] -= 2 * std.log()
    p = out["post_quant_conv.weight"]
    out.update({"quant_conv.weight": w, "quant_conv.bias": b,
                "post_quant_conv.weight": p * std[None, :, None, None],
                "post_quant_conv.bias": out["post_quant_conv.bias"] + p[:, :, 0, 0] @ mean})
    return out


def part(weights, prefix):
    return {k[len(prefix):]: v for k, v in weights.items() if k.startswith(prefix)}


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, indent=2, sort_keys=True)
        f.write("\n")


def unet_weights(path, plain):
    state = torch.load(path)["trainer"]
    flat = state["master"] if plain else state["ema"]
    return state["steps"], state["names"], flat


def text_config(tokens, sizes=config.TEXT):
    with open(os.path.join(tokens, "vocab.json")) as f:
        vocabulary = json.load(f)
    return {**sizes, "vocab_size": len(vocabulary), "bos_token_id": vocabulary["<|startoftext|>"],
            "eos_token_id": vocabulary["<|endoftext|>"], "pad_token_id": vocabulary["<|endoftext|>"]}


def plain_words(weights, vectors, near=()):
    """The text encoder's state dict with the table of words as an ordinary token_embedding.

    `near`: {row: [(row of a learned word, weight)]} for words that were in no caption (neighbours.py).
    """
    out, table = dict(weights), "text_model.embeddings.token_embedding."
    rows = WordTable.rows(vectors, out[table + "weight"], out.pop(table + "projection"))
    mixed = rows.clone()
    for row in near:
        mixed[row] = sum(weight * rows[other] for other, weight in near[row])
    out[table + "weight"] = mixed
    return out


def near_words(work):
    """What neighbours.py found for the words of WORK/tokenizer, as plain_words wants it."""
    with open(os.path.join(work, "tokenizer", "vocab.json"), encoding="utf-8") as f:
        symbols = json.load(f)
    with open(os.path.join(work, "near.json"), encoding="utf-8") as f:
        near = json.load(f)
    row = lambda word: symbols[word + "</w>"]
    return {row(word): [(row(other), weight) for other, weight in found] for word, found in near.items()}


def write_words(work, out, sprites=None):
    """What the model understands; a folder that was begun before there was such a file needs the sprites."""
    path = os.path.join(work, "words.json")
    if sprites:
        model_words.write(path, model_words.model_words(model_words.Sprites(sprites), work))
    if not os.path.exists(path):
        sys.exit(f"{path} is missing: python3 model_words.py --sprites SPRITES --work {work}")
    os.makedirs(out, exist_ok=True)
    shutil.copyfile(path, os.path.join(out, "words.json"))


def write_weights(folder, name, c, state, bits):
    write_json(os.path.join(folder, "config.json"), c)
    nets.save_safetensors(os.path.join(folder, name + ".safetensors"), nets.in_8_bit(state) if bits == 8 else state)


def write_model(out, tokens, configs, states, steps, bits=16):
    """`configs` and `states`: by the names of the folders."""
    for folder, name in (("text_encoder", "model"), ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")):
        write_weights(os.path.join(out, folder), name, configs[folder], states[folder], bits)
    write_json(os.path.join(out, "scheduler", "scheduler_config.json"), config.SCHEDULER)
    write_json(os.path.join(out, "model_index.json"), INDEX)
    write_json(os.path.join(out, "imagined.json"), {**IDENTITY, "trained_steps": steps})
    os.makedirs(os.path.join(out, "tokenizer"), exist_ok=True)
    for name in os.listdir(tokens):
        shutil.copyfile(os.path.join(tokens, name), os.path.join(out, "tokenizer", name))
    nets.load_model(out)
    sums.write(out)
    total = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(out) for f in files)
    print(f"step {steps}, {total / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--name", default="unet")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--before", type=int, default=0, help="steps of the model that restart.py began from")
    parser.add_argument("--sprites", help="for words.json, where DIR has none or an old one")
    parser.add_argument("--bits", type=int, choices=(8, 16), default=16, help="of each stored weight")
    args = parser.parse_args()
    torch.set_num_threads(1)
    write_words(args.work, args.out, args.sprites)
    tokens = os.path.join(args.work, "tokenizer")
    words = text_config(tokens)
    vectors = torch.load(os.path.join(args.work, "glove.pt"))
    text, unet = nets.TextEncoder(words), nets.UNet(config.UNET)
    text.text_model.embeddings.token_embedding = WordTable(vectors, words["hidden_size"])
    steps, names, flat = unet_weights(os.path.join(args.work, args.name + ".pt"), args.plain)
    at, weights = 0, {}
    shapes = {**{"text." + k: v.shape for k, v in text.named_parameters()},
              **{"unet." + k: v.shape for k, v in unet.named_parameters()}}
    for name in names:
        size = shapes[name].numel()
        weights[name] = flat[at:at + size].view(shapes[name])
        at += size
    decoder = os.path.join(args.work, "vae-decoder.pt")
    vae = torch.load(decoder if os.path.exists(decoder) else os.path.join(args.work, "vae.pt"))["weights"]
    latents = torch.load(os.path.join(args.work, "latents.pt"))
    write_model(args.out, tokens, {"text_encoder": words, "unet": config.UNET, "vae": config.VAE},
                {"text_encoder": plain_words(part(weights, "text."), vectors, near_words(args.work)),
                 "unet": part(weights, "unet."),
                 "vae": folded(part(vae, "vae."), latents["mean"], latents["std"])}, steps + args.before, args.bits)


if __name__ == "__main__":
    main()
