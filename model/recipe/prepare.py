# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts all that gpu/run.py needs besides these scripts into one small folder, for a machine without a network.

    python3 prepare.py --sprites SPRITES --glove GLOVE.json --out DIR     # or --from WORK: its tokenizer and words

DIR/sprites: those sprites that scenes can show; DIR/wordnet.json: what WordNet says of the things;
DIR/tokenizer, DIR/glove.pt, DIR/near.json: as tokenizer.py and neighbours.py make them. Some 25 MB.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

from sprites import Sprites
from words import WordNet


def shown(pack):
    """Numbers of the sprites that some scene may show, in order."""
    numbers = set(pack.portraits)
    for thing in pack.things.values():
        for look in thing.looks.values():
            numbers.update(number for number in look if number < pack.of_sources)
    return sorted(numbers)


def write_sprites(pack, source, out):
    """Sprite files one after another, and their index; what is left out changes nothing in the scenes."""
    os.makedirs(out, exist_ok=True)
    at = 0
    with open(os.path.join(source, "art.bin"), "rb") as art, open(os.path.join(out, "art.bin"), "wb") as kept, \
            open(os.path.join(out, "index.jsonl"), "w") as index:
        for number in shown(pack):
            row = pack.rows[number]
            art.seek(row["off"])
            kept.write(art.read(row["len"]))
            index.write(json.dumps({**row, "off": at}) + "\n")
            at += row["len"]
    return at


def write_words(pack, wordnet, path):
    with open(path, "w") as f:
        json.dump({t.noun: wordnet.words_for(t.noun, t.group) for t in pack.things.values()}, f)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", required=True)
    parser.add_argument("--glove", help="the package's JSON file")
    parser.add_argument("--from", dest="work", help="a work folder that has tokenizer, glove.pt and near.json already")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    pack = Sprites(args.sprites)
    size = write_sprites(pack, args.sprites, os.path.join(args.out, "sprites"))
    write_words(pack, WordNet(), os.path.join(args.out, "wordnet.json"))
    tokens = os.path.join(args.out, "tokenizer")
    if args.work:
        shutil.copytree(os.path.join(args.work, "tokenizer"), tokens, dirs_exist_ok=True)
        for name in ("glove.pt", "near.json"):
            shutil.copyfile(os.path.join(args.work, name), os.path.join(args.out, name))
    else:
        here = os.path.dirname(os.path.abspath(__file__))
        sources = ["--sprites", args.sprites, "--glove", args.glove]
        subprocess.run([sys.executable, os.path.join(here, "tokenizer.py"), *sources, "--out", tokens], check=True)
        subprocess.run([sys.executable, os.path.join(here, "neighbours.py"), *sources, "--work", args.out], check=True)
    print(f"{len(shown(pack))} of {len(pack.rows)} sprites, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
