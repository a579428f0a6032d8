# SPDX-License-Identifier: LGPL-2.1-or-later
"""Begins a work folder from a published model, so that training goes on from its weights on any machine.

    python3 tokenizer.py …  --out DIR/tokenizer      # first: the words to come
    python3 restart.py --model ../default --work DIR

Writes DIR/unet.pt (no moments yet, step 0), DIR/vae.pt and DIR/like.pt (mean 0 and deviation 1: the published
autoencoder has the latents' own folded in). Words known to the model keep their embeddings.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch

import config
import fast
import nets
from tokenizer import Tokenizer
from train_unet import is_matrix, is_slow, networks
from word_table import WordTable

EMBEDDINGS = "text_model.embeddings."


def weights_of(model, folder, name="diffusion_pytorch_model"):
    tensors = nets.load_safetensors(os.path.join(model, folder, name + ".safetensors"))
    return {key: value.float() for key, value in tensors.items()}


def carry_words(text, words, before, after, vectors):
    """Embeddings of known words and positions, and all the rest of the text encoder."""
    rows = WordTable.rows(vectors, *(text.state_dict()[EMBEDDINGS + "token_embedding." + name]
                                     for name in ("weight", "projection"))).clone()
    known = [word for word in after if word in before]
    old = words.pop(EMBEDDINGS + "token_embedding.weight")
    rows[[after[word] for word in known]] = old[[before[word] for word in known]]
    mask = torch.zeros(len(after), dtype=torch.bool)
    mask[[after[word] for word in known]] = True
    position = words.pop(EMBEDDINGS + "position_embedding.weight")
    longer = text.config["max_position_embeddings"] - len(position)
    position = torch.cat([position, position[-4:].mean(0, keepdim=True).repeat(longer, 1)])
    table = text.text_model.embeddings.token_embedding
    text.load_state_dict({**words, EMBEDDINGS + "position_embedding.weight": position, **{
        EMBEDDINGS + "token_embedding." + name: p for name, p in table.state_dict().items()}})
    table.start_from(rows, mask)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="../default")
    parser.add_argument("--work", required=True)
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    after = Tokenizer(os.path.join(args.work, "tokenizer")).vocab
    with open(os.path.join(args.model, "tokenizer", "vocab.json")) as f:
        before = json.load(f)
    vectors = torch.load(os.path.join(args.work, "glove.pt"))
    text, unet = networks(vectors, args.seed)
    words = weights_of(args.model, "text_encoder", "model")
    carry_words(text, words, before, after, vectors)
    unet.load_state_dict(weights_of(args.model, "unet"))
    trainer = fast.Trainer({"text": text, "unet": unet}, muon=is_matrix, slow=is_slow)
    fast.save(os.path.join(args.work, "unet.pt"), {"trainer": trainer.state()})
    vae = {"vae." + key: value for key, value in weights_of(args.model, "vae").items()}
    fast.save(os.path.join(args.work, "vae.pt"), {"weights": vae})
    z = config.VAE["latent_channels"]
    fast.save(os.path.join(args.work, "like.pt"), {"mean": torch.zeros(z), "std": torch.ones(z)})
    print(f"{len(before)} symbols before, {len(after)} now")


if __name__ == "__main__":
    main()
