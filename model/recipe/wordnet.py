# SPDX-License-Identifier: LGPL-2.1-or-later
"""WordNet's nouns: which kind of thing a word is, and where a run-together name may be cut into words.

    nouns = Nouns(".../wordnet-base/usr/share/wordnet")
    nouns.kind("fox")        # "animal": the lexicographer's file of the word's first sense that can be drawn
    nouns.split("babybottle")  # "baby bottle"
"""
import os

FILES = ("tops act animal artifact attribute body cognition communication event feeling food group location motive object "
         "person phenomenon plant possession process quantity relation shape state substance time").split()
CONCRETE = {"artifact", "person", "body", "animal", "object", "phenomenon", "plant", "substance", "food", "shape"}
SENSES = 3  # most frequent ones that are looked at: the first is a bunch of data for "table"
SMALL = {"a", "i", "of", "and", "in", "on", "up", "at", "to", "no", "ok", "by", "go", "ox", "tv", "cd"}


def rows(path):
    """The lines of one of WordNet's files after its licence (whose lines begin with two spaces), split."""
    with open(path, encoding="ascii", errors="replace") as f:
        return [line.split() for line in f if not line.startswith("  ")]


class Nouns:
    def __init__(self, folder, more_words=()):
        files = {}  # offset of the synset -> file; None for what is one of a kind (@i: Daniel, Paris)
        for fields in rows(os.path.join(folder, "data.noun")):
            files[fields[0]] = None if "@i" in fields else FILES[int(fields[1]) - 3]
        self.kinds = {}
        for fields in rows(os.path.join(folder, "index.noun")):
            word, senses = fields[0].replace("_", " "), [files[f] for f in fields[4 + int(fields[3]) + 2:][:SENSES]]
            kinds = [word if kind == "tops" else kind for kind in senses if kind]
            if kinds:
                self.kinds[word] = next((kind for kind in kinds if kind in CONCRETE), kinds[0])
        self.irregular = {f[0]: f[1] for f in rows(os.path.join(folder, "noun.exc"))}
        self.words = {w for w in self.kinds if w.isalpha()} | set(more_words)

    def base(self, word):
        """The singular as WordNet has it, or None."""
        tries = [word, self.irregular.get(word)]
        tries += [word[:-len(end)] + new for end, new in (("s", ""), ("ies", "y"), ("es", "")) if word.endswith(end)]
        return next((w for w in tries if w in self.kinds), None)

    def kind(self, word):
        base = self.base(word.lower())
        return self.kinds[base] if base else None

    def head(self, name):
        """(word, kind) of the last word of a name that is a concrete thing, or (None, None)."""
        for word in reversed(name.lower().split()):
            kind = self.kind(word) if len(word) > 2 else None
            if kind in CONCRETE:
                return word, kind
        return None, None

    def split(self, name):
        """The name cut into the fewest known words; as it is where that cannot be done."""
        best = {0: (0, [])}  # place -> (cost, words)
        for end in range(1, len(name) + 1):
            for start in range(max(0, end - 16), end):
                word = name[start:end]
                known = word in SMALL or (len(word) > 2 and (word in self.words or self.base(word)))
                if start in best and (known or word.isdigit()):
                    cost = best[start][0] + (1 if len(word) > 3 else 1.5)
                    if end not in best or cost < best[end][0]:
                        best[end] = cost, best[start][1] + [word]
        return " ".join(best[len(name)][1]) if len(name) in best else name
