# SPDX-License-Identifier: LGPL-2.1-or-later
"""A byte-level BPE of our own, in the form of CLIP's vocab.json and merges.txt.

    python3 tokenizer.py --sprites SPRITES --glove GLOVE.json --out DIR/tokenizer

learns it from the captions, writes vocab.json, merges.txt and the rest into DIR/tokenizer, and the words' vectors
into DIR/glove.pt. Words near those of the captions become symbols too, so that their vectors can be understood.

Numbers follow CLIP: 256 byte symbols, the same with the end-of-word mark, one for each merge, then the two marks.
"""
import argparse
import collections
import json
import os
import random
import re

import numpy as np

import config
import things
from captions import Captions
from scenes import Stage
from sprites import Sprites
from words import WordNet, glove, word_vectors

START, END, LAST = "<|startoftext|>", "<|endoftext|>", "</w>"
CAPTIONS, MIN_COUNT = 60000, 2
FREQUENT, NEIGHBOURS = 60000, 2500  # of GloVe's most frequent words, so many that lie nearest
# Letters, single digits, runs of anything else that is no space: CLIP's pattern in the terms of Python's re.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def byte_symbols():
    """Byte -> printable character, as in GPT-2 and CLIP; the order of the dictionary is that of the vocabulary."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    out = {b: chr(b) for b in plain}
    for b in range(256):
        if b not in out:
            out[b] = chr(256 + len(out) - len(plain))
    return out


def words_of(text):
    return WORDS.findall(" ".join(text.lower().split()))


def symbols_of(word, table):
    s = [table[b] for b in word.encode()]
    return tuple(s[:-1] + [s[-1] + LAST])


def learn(counts, more=()):
    """Merges, the most frequent pair first, until every word of `counts` that occurs MIN_COUNT times and every word
    of `more` is one symbol."""
    table = byte_symbols()
    counts = {**{w: 1 for w in more}, **{w: n for w, n in counts.items() if n >= MIN_COUNT}}
    split = {w: symbols_of(w, table) for w in counts}
    pairs, places, merges = collections.Counter(), collections.defaultdict(set), []

    def count(word, sign):
        for pair in zip(split[word], split[word][1:]):
            pairs[pair] += sign * counts[word]
            places[pair].add(word)

    for word in split:
        count(word, 1)
    while True:
        best = max(pairs, key=lambda p: (pairs[p], p), default=None)
        if not best or pairs[best] <= 0:
            return merges
        merges.append(best)
        for word in sorted(places.pop(best)):
            count(word, -1)
            split[word] = merged(split[word], best)
            count(word, 1)
        pairs = +pairs if len(merges) % 500 == 0 else pairs


def merged(s, pair):
    out, i = [], 0
    while i < len(s):
        if s[i:i + 2] == pair:
            out.append(s[i] + s[i + 1])
            i += 2
        else:
            out.append(s[i])
            i += 1
    return tuple(out)


class Tokenizer:
    def __init__(self, folder):
        with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as f:
            self.vocab = json.load(f)
        with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as f:
            lines = f.read().split("\n")[1:]
        self.rank = {tuple(line.split()): i for i, line in enumerate(lines) if line}
        self.table, self.cache = byte_symbols(), {}

    def word(self, word):
        if word not in self.cache:
            s = symbols_of(word, self.table)
            while len(s) > 1:
                best = min(zip(s, s[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
                if best not in self.rank:
                    break
                s = merged(s, best)
            self.cache[word] = [self.vocab[x] for x in s]
        return self.cache[word]

    def __call__(self, text, length=config.CONTEXT):
        ids = [i for w in words_of(text) for i in self.word(w)][:length - 2]
        ids = [self.vocab[START], *ids, self.vocab[END]]
        return ids + [self.vocab[END]] * (length - len(ids))


def write(folder, merges):
    os.makedirs(folder, exist_ok=True)
    bytes_ = list(byte_symbols().values())
    names = bytes_ + [b + LAST for b in bytes_] + ["".join(m) for m in merges] + [START, END]
    names = list(dict.fromkeys(names))
    mark = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    marks = {"bos_token": {"content": START, **mark}, "eos_token": {"content": END, **mark},
             "unk_token": {"content": END, **mark}}
    settings = {**{k: {"__type": "AddedToken", **v} for k, v in marks.items()}, "pad_token": END,
                "add_prefix_space": False, "do_lower_case": True, "errors": "replace",
                "model_max_length": config.CONTEXT, "tokenizer_class": "CLIPTokenizer"}
    files = {"vocab.json": {name: i for i, name in enumerate(names)},
             "special_tokens_map.json": {**marks, "pad_token": END}, "tokenizer_config.json": settings}
    for name, value in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(value, f, ensure_ascii=False, indent=None if name == "vocab.json" else 2)
            f.write("\n")
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges))


def neighbours(seen, wordnet, vectors, order):
    """Names of concrete things that no caption has but that lie near one that does, in GloVe; and things.UNSEEN."""
    near = [w for w in seen if w in vectors]
    base = np.stack([vectors[w] / np.linalg.norm(vectors[w]) for w in near])
    wanted = [w for w in order[:FREQUENT] if w in wordnet and w in vectors and w not in seen]
    new = np.stack([vectors[w] / np.linalg.norm(vectors[w]) for w in wanted])
    cosine = (new @ base.T).max(1)
    best = sorted(zip(cosine, wanted), reverse=True)[:NEIGHBOURS]
    return sorted({w for _, w in best} | set(things.UNSEEN))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", required=True)
    parser.add_argument("--glove", required=True, help="the package's JSON file")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    pack, wordnet, rng = Sprites(args.sprites), WordNet(), random.Random(0)
    stage, captions = Stage(pack), Captions(pack, wordnet, things.UNSEEN)
    texts = [captions.caption(rng, stage.scene(rng)) for _ in range(CAPTIONS)]
    seen = collections.Counter(w for t in texts for w in words_of(t))
    kept = {w for w, n in seen.items() if n >= MIN_COUNT}
    vectors, order = glove(args.glove)
    more = neighbours(kept, set(wordnet.concrete()), vectors, order)
    write(args.out, learn(seen, more))
    tok = Tokenizer(args.out)
    with open(os.path.join(args.out, "..", "seen.json"), "w") as f:
        json.dump(sorted(kept), f)
    word_vectors(tok.vocab, vectors, os.path.join(args.out, "..", "glove.pt"))
    print(len(tok.vocab), "symbols;", len(kept), "words in captions and", len(more), "others; longest caption",
          max(len(words_of(t)) for t in texts) + 2, "tokens")
    for t in ("a red fox wearing sunglasses on a skateboard", "T-shirt, 12 vixens"):
        print(t, tok(t))


if __name__ == "__main__":
    main()
