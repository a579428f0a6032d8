# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the model understands, for the prompt generator (docs/words.md has the format).

    python3 model_words.py --sprites SPRITES --work DIR [--out DIR/words.json]

reads DIR/tokenizer, DIR/seen.json (tokenizer.py) and DIR/near.json (neighbours.py) and writes DIR/words.json, which
export.py puts beside the model. neighbours.py calls it, too. It is small: every word once.
"""
import argparse
import json
import os

import backgrounds
import config
import things
from captions import CALM, NUMBERS, STYLE
from sprites import Sprites
from words import BARE, PLURAL, plural

FORMAT = 1
MARKS = 2  # tokens that begin and end a prompt
RELATIONS = """and; with; wearing; riding; on; in; next to; beside; left of; to the left of; right of; to the right of; above;
over; below; under; in front of; behind""".replace("\n", " ").split("; ")
IDLE = """a an the of or at by for from to is are was be its his her my your our their this that these those very some any all
it he she they i we you me us do does did has have had can will would should could may might must not no so as if then than
there here what which who how when where why up down out off into onto about around made make show draw picture image please
way thing things try low read age low high new set get let put take one""".split()
SIZES = ("big", "small", "large", "little")
LIKE = 0.34  # weight that the nearest word must have: below that a word is a mixture of everything


def nouns(pack):
    """Noun -> its group ("animals", "food", …), things of the table first; the groups are those of the sources."""
    order = sorted(pack.things.values(), key=lambda t: (-t.weight, t.noun))
    return {t.noun: t.group for t in order if t.noun.replace(" ", "").replace("-", "").replace("'", "").isalpha()}


def others(pack, names):
    return {word: t.noun for t in pack.things.values() for word in t.others if word not in names}


def near_words(work, known, vocabulary):
    with open(os.path.join(work, "near.json"), encoding="utf-8") as f:
        near = json.load(f)
    return {word: ", ".join(other for other, weight in found if weight > 0.1) for word, found in sorted(near.items())
            if found[0][1] >= LIKE and word not in known and word not in IDLE and word + "</w>" in vocabulary and len(word) > 3}


def places():
    """Each way to say a place -> whether a time of day can follow."""
    return {text: times for says, times in backgrounds.PLACES.values() for text in says}


def alone():
    """What names a place -> how captions say it as a subject."""
    out = {}
    for place, says in backgrounds.ALONE.items():
        for text in [*says, place]:
            bare = text.split(" ", 1)[1] if text.split(" ")[0] in ("a", "an", "the") else text
            out.setdefault(bare, text if text != place else says[0])
    return out


def model_words(pack, work, tokens=config.TEXT["max_position_embeddings"]):
    with open(os.path.join(work, "tokenizer", "vocab.json"), encoding="utf-8") as f:
        vocabulary = json.load(f)
    with open(os.path.join(work, "seen.json"), encoding="utf-8") as f:
        seen = {word for word in json.load(f) if word.isalpha()}
    names = nouns(pack)
    same = others(pack, names)
    plurals = {plural(noun): noun for noun in [*names, *same] if noun not in PLURAL and noun not in BARE}
    words = {word for text in [*names, *same, *plurals] for word in text.split()}
    return {
        "format": FORMAT, "tokens": tokens - MARKS, "count": max(NUMBERS),
        "nouns": names, "same": same, "plurals": {p: n for p, n in plurals.items() if p not in names},
        "colours": {colour: True for colour in things.COLOURS}, "sizes": {size: True for size in SIZES},
        "numbers": {text: number for number, text in NUMBERS.items()}, "relations": {text: True for text in RELATIONS},
        "places": places(), "alone": alone(), "times": {"at sunset": True, "at night": True},
        "grounds": {colour: True for colour in things.SOLID}, "styles": {text: look for look, (texts, _) in STYLE.items() for text in texts},
        "near": near_words(work, seen | words, vocabulary), "idle": {word: True for word in IDLE},
        "tokens_of_one": {word: True for word in sorted((seen | set(CALM)) - words - set(IDLE)) if word + "</w>" in vocabulary},
    }


def write(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, separators=(",", ":"), ensure_ascii=False)
        f.write("\n")
    print(f"{len(value['nouns'])} things, {len(value['near'])} words that are drawn like them, {os.path.getsize(path) / 1e3:.0f} kB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out")
    args = parser.parse_args()
    write(args.out or os.path.join(args.work, "words.json"), model_words(Sprites(args.sprites), args.work))


if __name__ == "__main__":
    main()
