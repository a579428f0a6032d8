# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes prompts.jsonl: 200 prompts and what their pictures must show. It was run once; the file is what counts.

    python3 make_prompts.py --sprites SPRITES > prompts.jsonl

Every combination is one that scenes.held keeps from the training; test_eval.py checks that. A thing alone on white
cannot be held out: the 20 plainest of the singles are in the training, with other sizes and places in the picture.

A row: group, text, things (concepts, the first is what is asked about), and what else is asked: background, colour,
relation, count, word (one that no caption ever had).
"""
import argparse
import json
import random

import concepts

import backgrounds
import things
from real import SPRITES
from scenes import held
from sprites import Sprites
from words import countable, plural, with_article

SEED = 2026
WEARABLE = ("sunglasses", "top hat", "crown")
FIXED = ["car", "heart", "frog", "eggplant", "tractor", "bicycle", "guitar", "gift", "motorcycle", "horse", "turtle", "alien"]
HUES = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
WORDS = {  # unseen word -> what may be drawn for it
    "vixen": "fox", "limousine": "car", "motorbike": "motorcycle", "sofa": "couch", "cottage": "house", "warship": "ship",
    "pony": "horse", "kitty": "cat", "hound": "dog", "aircraft": "airplane", "yacht": "sailboat", "lorry": "truck",
    "serpent": "snake", "toadstool": "mushroom", "fortress": "castle",
}


def singles(rng, pack, asked):
    colours = {name: pack.things[name].colours for name in concepts.CONCEPTS}
    solid = [(n, b) for n in concepts.CONCEPTS for b in things.SOLID
             if b != "white" and b not in colours[n] and held("solid", n, b)]
    place = [(n, b) for n in concepts.CONCEPTS for b in backgrounds.PLACES if held("place", n, b)]
    rows, used = [], set()
    for kind, pairs, count in (("place", place, 20), ("solid", solid, 20)):
        rng.shuffle(pairs)
        for noun, back in pairs:
            if noun in used or count == 0:
                continue
            used.add(noun)
            count -= 1
            where = rng.choice(backgrounds.PLACES[back][0]) if kind == "place" else f"on {with_article(back + ' background')}"
            rows.append({"text": f"{with_article(noun)} {where}", "things": [noun], "background": [kind, back]})
    rest = [n for n in concepts.CONCEPTS if n not in used]
    rest = sorted(rng.sample(rest, len(rest)), key=lambda n: n in asked)[:20]  # first those that no other prompt names
    rows += [{"text": with_article(n), "things": [n]} for n in rest]
    return [{"group": "single", **row} for row in rows]


def colours(rng, pack):
    """Twenty of things that the training shows in other colours, and ten of things that it never recolours."""
    known = [n for n in concepts.CONCEPTS if pack.things[n].recolour]
    free = [(n, c) for n in known for c in things.COLOURS if c not in pack.things[n].colours and held("colour", n, c)]
    chosen = rng.sample(free, min(20, len(free)))
    for noun in rng.sample(FIXED, 30 - len(chosen)):
        chosen.append((noun, rng.choice([c for c in HUES if c not in pack.things[noun].colours])))
    return [{"group": "colour", "text": with_article(f"{c} {n}", n), "things": [n], "colour": c} for n, c in chosen]


def pairs(rng):
    free = [(a, b) for a in concepts.CONCEPTS for b in concepts.CONCEPTS if a < b and held("pair", a, b)]
    chosen, uses = [], {n: 0 for n in concepts.CONCEPTS}
    rng.shuffle(free)
    for a, b in free:
        if len(chosen) < 60 and max(uses[a], uses[b]) < 2:
            chosen.append(rng.choice(((a, b), (b, a))))
            uses[a], uses[b] = uses[a] + 1, uses[b] + 1
    rows = [{"group": "pair", "text": f"{with_article(a)} and {with_article(b)}", "things": [a, b]} for a, b in chosen[:30]]
    for i, (a, b) in enumerate(chosen[30:]):
        relation = ("left of", "right of", "above", "below")[i % 4]
        said = f"to the {relation}" if relation.endswith("of") else relation
        rows.append({"group": "relation", "text": f"{with_article(a)} {said} {with_article(b)}", "things": [a, b],
                     "relation": relation})
    return rows


def carried(rng):
    """Wearing, riding, in and on. A fox is in the training with everything."""
    able = [n for n in things.RIDERS if n in concepts.CONCEPTS and n != "fox"]
    worn = [(n, w) for n in able for w in WEARABLE if held("wear", n, w)]
    ridden = [(n, v) for n in able for v in things.VEHICLES if v in concepts.CONCEPTS and held("ride", n, v)]
    within = [(n, c) for n in concepts.CONCEPTS for c in things.CONTAINERS
              if c in concepts.CONCEPTS and n != c and held("in", n, c)]
    upon = [(n, s) for n in concepts.CONCEPTS for s in things.SUPPORTS
            if s in concepts.CONCEPTS and n != s and held("on", n, s)]
    rows = []
    for noun, what in worn:
        text = f"{with_article(noun)} wearing {with_article(what)}"
        rows.append({"text": text, "things": [noun, what], "relation": "wearing"})
        rows.append({"text": text + " on a skateboard", "things": [noun, what, "skateboard"], "relation": "wearing and riding"})
    for pairs, count, said in ((ridden, 6, ("riding", "on")), (within, 6, ("in",)), (upon, 4, ("on",))):
        for i, (noun, what) in enumerate(rng.sample(pairs, min(count, len(pairs)))):
            relation = "riding" if pairs is ridden else said[0]
            rows.append({"text": f"{with_article(noun)} {said[i % len(said)]} {with_article(what)}", "things": [noun, what],
                         "relation": relation})
    return [{"group": "carried", **row} for row in rows]


def counts():
    names = {2: "two", 3: "three", 4: "four"}
    return [{"group": "count", "text": f"{names[k]} {plural(n)}", "things": [n], "count": k}
            for n in concepts.CONCEPTS for k in names if countable(n) and held("count", n, k)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sprites", default=SPRITES)
    args = parser.parse_args()
    rng, pack = random.Random(SEED), Sprites(args.sprites)
    rows = colours(rng, pack) + pairs(rng) + carried(rng) + counts()
    rows += [{"group": "unseen", "text": with_article(word), "things": [noun], "word": word} for word, noun in WORDS.items()]
    rows = singles(rng, pack, {noun for row in rows for noun in row["things"]}) + rows
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
