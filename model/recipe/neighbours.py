# SPDX-License-Identifier: LGPL-2.1-or-later
"""For each word that no caption has, the learned words that it is most like: what it will be drawn as.

    python3 neighbours.py --sprites SPRITES --glove GLOVE.json --work DIR

reads DIR/tokenizer and DIR/seen.json (tokenizer.py) and writes DIR/near.json, {"limousine": [["car", 0.8], ["taxi", 0.2]], ...}, for export.py, which gives
such a word the weighted mean of their embeddings. Two things are like each other when WordNet has one of them
above the other or both under one kind, and when GloVe has them in the same places. DIR/words.json, for the prompt generator, is written along (model_words.py).
"""
import argparse
import json
import os

import numpy as np

import model_words
import things
from captions import Captions
from sprites import Sprites
from words import COLOUR_FILE, FILES, WordNet, glove

TOP, SHARPNESS = 3, 14  # words that are mixed; weights are exp(SHARPNESS x likeness), normed
UP = (1, 0.95, 0.8, 0.65)  # likeness of one synset to what is so many steps above it
DOWN = (0.8, 0.7, 0.6)  # and to what is one, two, three steps below it
SIBLING = 0.5  # to another of the same kind
LATER_SENSE = 0.92  # for each sense of a word that comes before this one
TREE = 0.55  # how much WordNet counts beside GloVe's cosine, where it knows of any likeness
LEAST = 0.6  # likeness below which a word is left to its vector


class Tree:
    """Likeness of words to the learned ones, by WordNet."""

    def __init__(self, wordnet, learned):
        self.wordnet, self.at, self.under = wordnet, {}, {}  # synset -> learned words that it names, that lie under it
        for word, group in learned.items():
            for rank, offset in enumerate(self.senses(word, group)):
                if rank == 0:  # the first sense that fits the thing's group
                    self.add(word, offset)

    def add(self, word, offset):
        self.at.setdefault(offset, []).append(word)
        level = [offset]
        for depth in range(len(DOWN)):
            level = [up for synset in level for up in self.wordnet.synset(synset)[2]]
            for up in level:
                self.under.setdefault(up, {}).setdefault(word, depth)

    def senses(self, word, group=None):
        files = (COLOUR_FILE,) if group == "colour" else FILES.get(group) or {code for codes in FILES.values() for code in codes} | {COLOUR_FILE}
        return [o for o in self.wordnet.index.get(word, ()) if self.wordnet.synset(o)[0] in files]

    def likeness(self, word):
        """{learned word: 0..1}"""
        out, factor = {}, 1
        for offset in self.senses(word):
            found = [(learned, DOWN[depth]) for learned, depth in self.under.get(offset, {}).items()]
            level = [offset]
            for depth, value in enumerate(UP):
                for synset in level:
                    found += [(learned, value) for learned in self.at.get(synset, ())]
                    if depth == 1:
                        found += [(learned, SIBLING) for learned, below in self.under.get(synset, {}).items() if below == 0]
                level = [up for synset in level for up in self.wordnet.synset(synset)[2]]
            for learned, value in found:
                out[learned] = max(out.get(learned, 0), factor * value)
            factor *= LATER_SENSE
        return out


def learned_words(pack, captions):
    """Single words that captions say of things, with the things' groups, and the colours."""
    out = {}
    for thing in pack.things.values():
        if "3d" in thing.looks and thing.weight >= 1:
            for word in [thing.noun, *captions.other[thing.noun][0]]:
                if word.isalpha():
                    out.setdefault(word, thing.group)
    return {**out, **{colour: "colour" for colour in things.COLOURS}}


class Neighbours:
    def __init__(self, learned, wordnet, vectors):
        self.learned = [word for word in learned if word in vectors]
        self.tree, self.vectors = Tree(wordnet, learned), vectors
        self.base = np.stack([vectors[w] / np.linalg.norm(vectors[w]) for w in self.learned])

    def of(self, word):
        """[(learned word, weight)], the nearest first; none where nothing is near."""
        v = self.vectors[word]
        score, tree = self.base @ (v / np.linalg.norm(v)), self.tree.likeness(word)
        score = np.array([s + TREE * tree.get(w, 0) for s, w in zip(score, self.learned)])
        best = np.argsort(-score)[:TOP]
        if score[best[0]] < LEAST:
            return []
        weights = np.exp(SHARPNESS * (score[best] - score[best[0]]))
        return [(self.learned[i], round(float(w), 3)) for i, w in zip(best, weights / weights.sum()) if w > 0.05]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", required=True)
    parser.add_argument("--glove", required=True, help="the package's JSON file")
    parser.add_argument("--work", required=True)
    args = parser.parse_args()
    pack, wordnet = Sprites(args.sprites), WordNet()
    captions = Captions(pack, wordnet, things.UNSEEN)
    vectors, _ = glove(args.glove)
    with open(os.path.join(args.work, "tokenizer", "vocab.json"), encoding="utf-8") as f:
        words = [symbol[:-4] for symbol in json.load(f) if symbol.endswith("</w>")]
    with open(os.path.join(args.work, "seen.json")) as f:
        seen = set(json.load(f))
    learned = {word: group for word, group in learned_words(pack, captions).items() if word in seen}
    near = Neighbours(learned, wordnet, vectors)
    out = {w: near.of(w) for w in words if len(w) > 2 and w not in seen and w in vectors}
    with open(os.path.join(args.work, "near.json"), "w") as f:
        json.dump({word: found for word, found in out.items() if found}, f, indent=0)
    for word in sorted(things.UNSEEN):
        print(word, out.get(word))
    model_words.write(os.path.join(args.work, "words.json"), model_words.model_words(pack, args.work))


if __name__ == "__main__":
    main()
