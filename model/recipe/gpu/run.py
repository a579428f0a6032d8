# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the larger model on one GPU in half an hour, by one command given again until it says "done".

    python3 gpu/run.py --prepared DIR --work WORK --minutes 9        # DIR: as prepare.py wrote it

Each run goes on where the last one ended and ends within --minutes. WORK/model is the finished model. The stages'
minutes below make up --total; how many steps fit into them is measured at a training's first steps and kept.
"""
import argparse
import json
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..")]
import torch

import ahead
import autoencoder
import bank
import config
import denoiser
import export
import nets
import things
from captions import Captions
from compose import Composer
from distil import publish
from machine import Clock, Machine, load, save
from scenes import Stage
from sprites import Sprites
from tokenizer import Tokenizer
from words import StoredWords

SCENES, PICTURES = 800_000, 200_000  # for the denoiser, and for the autoencoder
BITS = 8  # of each stored weight: two UNets of 26 M in 16 bit would be too large for the repository
SHARES = {"autoencoder": 0.24, "denoiser": 0.50, "few steps": 0.12}  # of --total; the rest is for the other stages
TINY = {"scenes": 96, "pictures": 64, "variants": 1, "steps": 4, "crops": (4, 2), "batch": 8, "paths": 4}


class Run:
    def __init__(self, args):
        self.args, self.clock, self.machine = args, Clock(args.minutes), Machine(args.work)
        self.preset = "tiny" if args.tiny else "gpu"
        os.makedirs(args.work, exist_ok=True)

    def path(self, name):
        return os.path.join(self.args.work, name)

    def prepared(self, name):
        return os.path.join(self.args.prepared, name)

    def tiny(self, name, otherwise=None):
        return TINY[name] if self.args.tiny else otherwise

    def lot(self, name):
        return {key: value.to(self.machine.device) for key, value in load(self.path(name)).items()}

    def composer(self):
        return Composer(bank.Bank(self.path("bank"), self.machine.device))

    def minutes(self, stage):
        return SHARES[stage] * self.args.total

    def vectors(self):
        return load(self.prepared("glove.pt"))

    def latents(self):
        tok = Tokenizer(self.prepared("tokenizer"))
        return denoiser.Latents(self.machine, self.args.work, self.lot("lot.pt"), torch.tensor(tok("")))

    # ------------------------------------------------------------ the stages: each returns whether it is over

    def scenes(self):
        pack = Sprites(self.prepared("sprites"))
        stage, tok = Stage(pack), Tokenizer(self.prepared("tokenizer"))
        captions = Captions(pack, StoredWords(self.prepared("wordnet.json")), things.UNSEEN)
        variants, cores, seed = self.tiny("variants", bank.VARIANTS), self.machine.cores, self.args.seed
        numbers = {}
        for name, words, count in (("lot.pt", captions, self.tiny("scenes", SCENES)),
                                   ("pictures.pt", None, self.tiny("pictures", PICTURES))):
            lot, keys = ahead.think_up(stage, words, tok, count, seed + (words is None), cores, variants)
            save(self.path(name), ahead.renumbered(lot, keys, numbers))
        print(f"scenes thought up, {self.clock.spent():.0f}s", flush=True)
        bank.fill(self.path("bank"), pack, list(numbers), cores, variants)
        print(f"{len(numbers)} sprites drawn, {self.clock.spent():.0f}s", flush=True)
        return True

    def autoencoder(self):
        return autoencoder.train(self.machine, self.clock, self.composer(), self.lot("pictures.pt"), self.args.work,
                                 self.preset, self.args.seed, self.tiny("steps"), self.minutes("autoencoder"),
                                 self.tiny("crops", (autoencoder.CROP_BATCH, autoencoder.FULL_BATCH)))

    def encode(self):
        if self.clock.over(60 if not self.args.tiny else 0):
            return False  # it is not resumed half-way
        autoencoder.encode(self.machine, self.composer(), self.lot("lot.pt"), self.args.work, self.preset)
        return True

    def denoiser(self):
        return denoiser.train(self.machine, self.clock, self.latents(), self.vectors(), self.args.work, self.preset,
                              self.args.seed, self.tiny("steps"), self.minutes("denoiser"),
                              self.tiny("batch", denoiser.BATCH))

    def few_steps(self):
        return denoiser.few_steps(self.machine, self.clock, self.latents(), self.vectors(), self.args.work, self.preset,
                                  self.args.seed, self.tiny("steps"), self.minutes("few steps"),
                                  self.tiny("paths", denoiser.FEW_PATHS))

    def export(self):
        out, sizes, vectors = self.path("model"), config.PRESETS[self.preset], self.vectors()
        unet = load(self.path("unet.pt"))["optimizer"]
        vae = load(self.path("vae.pt"))["optimizer"]["weights"]
        saved = load(self.path("latents.pt"))
        words = export.text_config(self.prepared("tokenizer"), sizes["text"])
        shutil.rmtree(out, ignore_errors=True)
        export.write_model(out, self.prepared("tokenizer"), {"text_encoder": words, "unet": sizes["unet"], "vae": sizes["vae"]},
                           {"text_encoder": export.plain_words(export.part(unet["average"], "text."), vectors,
                                                               export.near_words(self.args.prepared)),
                            "unet": export.part(unet["average"], "unet."),
                            "vae": export.folded(export.part(vae, "vae."), saved["mean"], saved["std"])}, unet["steps"], BITS)
        card = os.path.join(out, "imagined.json")
        with open(card) as f:
            settings = json.load(f)
        export.write_json(card, {**settings, "guidance": denoiser.GUIDANCE, "guidance_rescale": denoiser.RESCALE})
        few = load(self.path("few.pt"))["optimizer"]["weights"]
        publish(out, sizes["unet"], export.part(few, "unet."), denoiser.FEW_STEPS, BITS)
        nets.load_model(out, fast=True)
        return True


STAGES = ("scenes", "autoencoder", "encode", "denoiser", "few_steps", "export")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prepared", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--minutes", type=float, default=9, help="of this run")
    parser.add_argument("--total", type=float, default=26, help="minutes of all runs together, for planning")
    parser.add_argument("--stage", choices=STAGES, help="this one alone, whether or not it was done before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="every stage in a few steps, to see whether it runs")
    args = parser.parse_args()
    run = Run(args)
    journal = run.path("stages.json")
    done = json.load(open(journal)) if os.path.exists(journal) else []
    for stage in (args.stage,) if args.stage else STAGES:
        if stage in done and not args.stage:
            continue
        started = time.time()
        over = getattr(run, stage)()
        print(f"{stage} {'over' if over else 'to go on'} after {time.time() - started:.0f} s of this run", flush=True)
        if not over:
            print("run out of time: give the same command again", flush=True)
            return
        done.append(stage)
        with open(journal, "w") as f:
            json.dump(list(dict.fromkeys(done)), f)
    print("done", flush=True)


if __name__ == "__main__":
    main()
