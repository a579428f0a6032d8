# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the text encoder and the UNet on cached latents (encode.py).

    python3 train_unet.py --sprites SPRITES --work DIR --steps 20000

Resumes from DIR/unet.pt; --steps may be changed on resuming (the learning rate falls over the last part of it).
Watch the log: the loss at high noise with the right caption must stay below that with the empty and with a
wrong one, and the captions' cosine must not creep to 1 (then the words are not heard).
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

if __name__ == "__main__":
    fast.environment()

import torch
import torch.nn.functional as F

import config
import diffusion
import nets
import things
from backgrounds import SIZE
from captions import Captions
from sprites import Sprites
from tokenizer import Tokenizer
from word_table import WordTable
from words import WordNet

BATCH, LR, WARMUP, DECAY_FROM = 48, 1.2e-3, 200, 0.75
EMPTY = 0.1  # captions left out, for classifier-free guidance
EMA_RATE = 0.002
TOWARDS_NOISE = 0.7  # timesteps are 1000 u^0.7: rather more at high noise, where the words decide
SAVE_EVERY, LOG_EVERY = 250, 50


def start_text(text, marks, vectors):
    """A bag of words from the first step on; CLIP's own start drowns the words.

    Words lie far apart. Number 0 of an embedding says whether it is a word or one of the two marks; the first
    layer's attention looks at that alone and so adds to every position, the padding too, the mean of the words
    before it. All other residual branches are silent at first.
    """
    e, width = text.text_model.embeddings, text.config["hidden_size"]
    torch.nn.init.normal_(e.token_embedding.weight, std=0.5)
    torch.nn.init.normal_(e.position_embedding.weight, std=0.1)
    e.token_embedding.weight.data[:, 0] = 2
    e.token_embedding.weight.data[marks, 0] = -2
    rows = e.token_embedding.weight.data
    e.token_embedding = WordTable(vectors, width)
    e.token_embedding.start_from(rows, e.token_embedding.known)
    for layer in text.text_model.encoder.layers:
        for linear in (layer.self_attn.out_proj, layer.mlp.fc2):
            torch.nn.init.zeros_(linear.weight)
            torch.nn.init.zeros_(linear.bias)
    a = text.text_model.encoder.layers[0].self_attn
    for linear in (a.q_proj, a.k_proj, a.v_proj):
        torch.nn.init.zeros_(linear.bias)
    torch.nn.init.normal_(a.q_proj.weight, std=0.02)
    torch.nn.init.normal_(a.k_proj.weight, std=0.02)
    heads = slice(0, width, width // a.heads)  # the first number of each head
    a.q_proj.bias.data[heads] = 8
    a.k_proj.weight.data[heads, 0] = 1
    torch.nn.init.eye_(a.v_proj.weight)
    torch.nn.init.eye_(a.out_proj.weight)


def start_unet(unet):
    """Every residual branch starts at zero."""
    zero = [unet.conv_out]
    for m in unet.modules():
        if isinstance(m, nets.Resnet):
            zero.append(m.conv2)
        elif isinstance(m, nets.SpatialTransformer):
            zero.append(m.proj_out)
    for m in zero:
        torch.nn.init.zeros_(m.weight)
        torch.nn.init.zeros_(m.bias)


def networks(vectors, seed, preset="cpu"):
    """`vectors`: [symbols, 101], DIR/glove.pt."""
    torch.manual_seed(seed)
    vocabulary, sizes = len(vectors), config.PRESETS[preset]
    text = nets.TextEncoder({**sizes["text"], "vocab_size": vocabulary})
    unet = nets.UNet(sizes["unet"])
    start_text(text, [vocabulary - 2, vocabulary - 1], vectors)
    start_unet(unet)
    return text, unet


def channels_last(x):
    return x.bfloat16().contiguous(memory_format=torch.channels_last)


def is_matrix(name, p):
    """The UNet's matrices and kernels but for the first and last. In the text encoder Muon makes a part that all
    words share grow until it drowns them (cosine 1.00 between "dog" and "owl" after 500 steps)."""
    return name.startswith("unet.") and p.dim() >= 2 and "conv_in" not in name and "conv_out" not in name


def is_slow(name):
    return name.startswith("text.text_model.encoder") or name.endswith("token_embedding.projection")


class Batches:
    """Batch number n is always the same: (latents, captions). Its pictures have one shape."""

    def __init__(self, cache, captions, size, seed, only=None):
        self.shapes, self.captions, self.size, self.seed = cache["shapes"], captions, size, seed
        fits = lambda s: not only or (s.kind, s.look) == ("single", "3d") and s.words["noun"] in only
        self.rows = {shape: [i for i, s in enumerate(scenes) if fits(s)] for shape, (_, scenes) in self.shapes.items()}
        self.names = sorted(shape for shape in self.rows if self.rows[shape])
        self.shares = [len(self.rows[shape]) for shape in self.names]

    def some(self, rng, count, shape):
        latents, scenes = self.shapes[shape]
        rows = rng.choices(self.rows[shape], k=count)
        return latents[rows].float(), [self.captions.caption(rng, scenes[r]) for r in rows]

    def get(self, n):
        rng = random.Random(self.seed * 10**7 + n)
        latents, words = self.some(rng, self.size, rng.choices(self.names, self.shares)[0])
        return latents, ["" if rng.random() < EMPTY else w for w in words], rng.random()


@torch.no_grad()
def probe(text, unet, tok, batches, alphas):
    """Loss at high noise with the right, the empty and a wrong caption; cosine of two captions' last words."""
    x0, words = batches.some(random.Random(5), 64, (SIZE, SIZE))
    g = torch.Generator().manual_seed(7)
    t = torch.randint(800, 1000, (64,), generator=g)
    x, v = diffusion.noised(x0, torch.randn(x0.shape, generator=g), alphas[t])
    out = []
    for captions in (words, [""] * 64, words[1:] + words[:1]):
        context = text(torch.tensor([tok(w) for w in captions]))
        out.append(F.mse_loss(unet(channels_last(x), t, context).float(), v).item())
    c = text(torch.tensor([tok("a dog"), tok("an owl")])).float()[:, 2:]
    cosine = F.cosine_similarity(c[0].flatten(), c[1].flatten(), dim=0).item()
    return "right %.4f empty %.4f wrong %.4f cosine %.3f" % (*out, cosine)


def loss_of(text, unet, tok, batches, alphas, generator, number, seed):
    x0, words, u = batches.get(number)
    generator.manual_seed(seed * 10**7 + number)
    t = ((torch.arange(BATCH) + u) / BATCH) ** TOWARDS_NOISE  # spread evenly over the batch
    t = (t * 1000).long().clamp(0, 999)
    x, v = diffusion.noised(x0, torch.randn(x0.shape, generator=generator), alphas[t])
    context = text(torch.tensor([tok(w) for w in words]))
    return F.mse_loss(unet(channels_last(x), t, context).float(), v)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default="../../../shared/data/sprites", help="for the captions' names")
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="unet", help="of the checkpoint")
    parser.add_argument("--first", type=int, default=0, help="only so many concepts: the overfit test")
    args = parser.parse_args()
    fast.load_kernels(os.path.join(args.work, "build"))
    tok = Tokenizer(os.path.join(args.work, "tokenizer"))
    text, unet = networks(torch.load(os.path.join(args.work, "glove.pt")), args.seed)
    trainer = fast.Trainer({"text": text, "unet": unet}, muon=is_matrix, slow=is_slow)
    print(f"{trainer.master.numel() / 1e6:.2f} M parameters", flush=True)
    path = os.path.join(args.work, args.name + ".pt")
    if os.path.exists(path):
        trainer.restore(torch.load(path)["trainer"])
    nets.use_ops(fast.FastOps)
    fast.use_products(text, unet)
    pack = Sprites(args.sprites)
    only = {t.noun for t in list(pack.things.values())[:args.first]}
    captions = Captions(pack, WordNet(), things.UNSEEN)
    batches = Batches(torch.load(os.path.join(args.work, "latents.pt")), captions, BATCH, args.seed, only)
    alphas = diffusion.alphas_cumprod()
    generator = torch.Generator()
    started, first, losses, norms = time.time(), trainer.steps, [], []
    while trainer.steps < args.steps:
        step = trainer.steps
        loss = loss_of(text, unet, tok, batches, alphas, generator, step, args.seed)
        loss.backward()
        lr = LR * min(1, (step + 1) / WARMUP) * min(1, (1 - step / args.steps) / (1 - DECAY_FROM))
        norms.append(trainer.update(lr, max(EMA_RATE, 1 / (1 + step / 10))))
        losses.append(loss.item())
        if trainer.steps % LOG_EVERY == 0:
            spent = time.time() - started
            print(f"{trainer.steps} loss {sum(losses) / len(losses):.4f} lr {lr:.1e} "
                  f"norm {sum(norms) / len(norms):.2f} "
                  f"{probe(text, unet, tok, batches, alphas)} {spent:.0f}s "
                  f"{(trainer.steps - first) * BATCH / spent:.0f}/s", flush=True)
            losses, norms = [], []
        if trainer.steps % SAVE_EVERY == 0 or trainer.steps == args.steps:
            fast.save(path, {"trainer": trainer.state()})


if __name__ == "__main__":
    main()
