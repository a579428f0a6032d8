# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries a trained model over to a tokenizer of more words: words known before keep their embeddings.

    python3 widen.py --work DIR --to WIDE_DIR      # after: tokenizer.py --wide --out WIDE_DIR/tokenizer

Writes WIDE_DIR/unet.pt and copies the autoencoder. Then encode.py --wide --like DIR/latents.pt --work WIDE_DIR and
train_unet.py --wide --work WIDE_DIR.
"""
import argparse
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch

import fast
from tokenizer import Tokenizer
from train_unet import is_matrix, is_slow, networks

EMBEDDING = "text.text_model.embeddings.token_embedding.weight"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    before, after = (Tokenizer(os.path.join(d, "tokenizer")).vocab for d in (args.work, args.to))
    state = torch.load(os.path.join(args.work, "unet.pt"))["trainer"]
    text, unet = networks(len(after), args.seed)
    trainer = fast.Trainer({"text": text, "unet": unet}, muon=is_matrix, slow=is_slow)
    width = text.config["hidden_size"]
    sizes = {name: size for name, (_, size, _) in zip(trainer.names, trainer.shapes)}
    sizes[EMBEDDING] = len(before) * width
    old, at = {}, 0
    for name in state["names"]:
        old[name] = {key: state[key][at:at + sizes[name]] for key in ("master", "m", "v", "ema")}
        at += sizes[name]
    known = [(before[word], i) for word, i in after.items() if word in before]
    sources, targets = (torch.tensor(column) for column in zip(*known))
    for name, (at, size, shape) in zip(trainer.names, trainer.shapes):
        for key in ("master", "m", "v", "ema"):
            flat = getattr(trainer, key)[at:at + size]
            if name == EMBEDDING:
                flat.view(shape)[targets] = old[name][key].view(len(before), width)[sources]
            else:
                flat.copy_(old[name][key])
    fast.save(os.path.join(args.to, "unet.pt"), {"trainer": trainer.state()})
    for name in ("vae.pt", "vae-decoder.pt"):
        if os.path.exists(os.path.join(args.work, name)):
            shutil.copyfile(os.path.join(args.work, name), os.path.join(args.to, name))
    print(f"{len(before)} symbols before, {len(after)} now, {len(known)} known")


if __name__ == "__main__":
    main()
