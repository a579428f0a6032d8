# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does the evaluation ask only for what was held out, and does it judge rightly? On synthetic pictures.

    python3 tests/recipe/evaluation.py        # TAP; exit status 77 where NumPy or Pillow is missing
"""
import json
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
EVAL = os.path.join(HERE, "..", "..", "model", "eval")
SPRITES = os.path.join(HERE, "..", "..", "..", "shared", "data", "sprites")
sys.path.insert(0, EVAL)

try:
    import numpy as np
    from PIL import Image, ImageDraw
except ImportError as error:
    print(f"not installed: {error.name}")
    sys.exit(77)

import concepts
import backgrounds
import metrics
import pixels
import things
from judge import NUMBER, Judge
from scenes import WITH, held

GROUPS = {"single": 60, "colour": 30, "pair": 30, "relation": 30, "carried": 20, "count": 15, "unseen": 15}
FIELDS = {"group", "text", "things", "background", "colour", "relation", "count", "word"}


def prompts():
    with open(os.path.join(EVAL, "prompts.jsonl")) as f:
        return [json.loads(line) for line in f]


def disc(background, *discs, radius=26):
    """A picture with discs (x, y, colour) on a plain colour."""
    image = Image.new("RGB", (128, 128), background)
    for x, y, colour in discs:
        ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return np.array(image)


def maps(**spots):
    """The recogniser's answer: concepts (with _ for spaces) in cells (x, y) of 16x16."""
    out = np.full((len(concepts.CONCEPTS) + 1, 16, 16), 0.001, np.float32)
    out[0] = 0.9
    for name, (x, y) in spots.items():
        out[NUMBER[name.replace("_", " ")], y - 1:y + 2, x - 1:x + 2] = 0.95
        out[0, y - 1:y + 2, x - 1:x + 2] = 0.04
    return out


# ---------------------------------------------------------------- the tests

JUDGE = Judge()


def test_prompts_are_complete():
    rows = prompts()
    assert len(rows) == len({row["text"] for row in rows}) == 200
    for group, count in GROUPS.items():
        assert sum(row["group"] == group for row in rows) == count, group
    assert {name for row in rows for name in row["things"]} == set(concepts.CONCEPTS)
    assert len(set(concepts.CONCEPTS)) == 100
    table = {line.split("|")[0].strip() for line in things.TABLE.splitlines()}
    assert set(concepts.CONCEPTS) <= table
    for row in rows:
        assert set(row) <= FIELDS, row
        if "word" not in row:
            assert any(name.split()[0][:4] in row["text"] for name in row["things"]), row


def key_of(row):
    names, relation = row["things"], row.get("relation")
    if "background" in row:
        kind, back = row["background"]
        return [(kind, names[0], back)]
    if row["group"] in ("pair", "relation"):
        return [("pair", *sorted(names))]
    if row["group"] == "colour":
        return [("colour", names[0], row["colour"])]
    if row["group"] == "count":
        return [("count", names[0], row["count"])]
    if row["group"] == "carried":
        verb = {"wearing": "wear", "wearing and riding": "wear", "riding": "ride"}.get(relation, relation)
        return [(verb, *names[:2])]
    return []


def test_prompts_are_held_out():
    for row in prompts():
        for key in key_of(row):
            assert held(*key), row
        if row["group"] == "carried" and row["relation"].startswith(("wearing", "riding")):
            assert row["things"][0] != "fox", "the training holds nothing of the fox back"
        if row.get("background", [""])[0] == "place" or row["group"] == "count":  # places with things are not held back
            place = row["background"][1] if "background" in row else None
            composed = WITH[place] if place else [name for names in WITH.values() for name in names] * (row["count"] == 2)
            assert row["things"][0] not in composed, row
        if row["group"] == "unseen":
            assert row["word"] in things.UNSEEN and row["word"] in row["text"], row
        else:
            assert not set(row["text"].split()) & things.UNSEEN, row


def test_backgrounds_are_named():
    names = JUDGE.backgrounds
    for name, colour in things.SOLID.items():
        assert names.name(disc(colour, (64, 64, (90, 60, 160)))) == ("solid", name), name
    for place, (_, timed) in backgrounds.PLACES.items():
        for time in backgrounds.TIMES if timed else ("day",):
            picture = (backgrounds.paint(("place", place, time, 4242)) * 255).astype(np.uint8)
            picture[40:100, 40:90] = 200
            assert names.name(picture) == ("place", place), (place, time)


def test_foreground_and_blobs():
    assert pixels.foreground((backgrounds.paint(("place", "beach", "day", 1)) * 255).astype(np.uint8)) is None
    for n in (1, 2, 3, 4):
        spots = [(x, y, (200, 40, 40)) for x, y in ((32, 32), (96, 32), (32, 96), (96, 96))[:n]]
        sizes = pixels.blobs(pixels.foreground(disc("white", *spots)))
        assert len(sizes) == n and all(abs(size - np.pi * 26 ** 2) < 300 for size in sizes), sizes
    speck = disc("white", (40, 40, "red"))
    speck[100:104, 100:104] = 0
    assert len(pixels.blobs(pixels.foreground(speck))) == 1
    touching = disc("white", (40, 64, "red"), (90, 64, "red"))
    assert len(pixels.blobs(pixels.foreground(touching))) == 1
    assert pixels.blobs(np.zeros((128, 128), bool)) == []


def test_colours():
    shown = {"red": (214, 48, 49), "orange": (250, 152, 58), "yellow": (250, 210, 60), "green": (60, 180, 90),
             "blue": (66, 134, 244), "purple": (146, 93, 214), "pink": (250, 130, 190), "brown": (120, 75, 45),
             "black": (30, 30, 34), "gray": (140, 142, 146), "white": (248, 248, 250)}
    for name, rgb in shown.items():
        picture = disc((160, 208, 250) if name != "blue" else "white", (64, 64, rgb))
        mask = pixels.foreground(picture)
        assert [other for other in shown if pixels.has_colour(picture, mask, other)] == [name], name


def test_judge():
    judge, plain = JUDGE, disc("white", (64, 64, (214, 48, 49)))
    row = {"group": "single", "text": "", "things": ["fox"], "background": ["solid", "white"]}
    assert judge.marks(row, plain, maps(fox=(8, 8))) == {"single": True, "background": True}
    wrong = {**row, "background": ["solid", "gray"]}
    assert judge.marks(wrong, plain, maps(dog=(8, 8))) == {"single": False, "background": False}
    row = {"group": "relation", "text": "", "things": ["fox", "palm tree"], "relation": "left of"}
    assert judge.marks(row, plain, maps(fox=(4, 8), palm_tree=(12, 8))) == {"relation": True}
    assert judge.marks(row, plain, maps(fox=(12, 8), palm_tree=(4, 8))) == {"relation": False}
    assert judge.marks(row, plain, maps(fox=(4, 8))) == {"relation": False}
    assert judge.marks({**row, "relation": "above"}, plain, maps(fox=(8, 4), palm_tree=(8, 12))) == {"relation": True}
    assert judge.marks({**row, "relation": "below"}, plain, maps(fox=(8, 4), palm_tree=(8, 12))) == {"relation": False}
    row = {"group": "carried", "text": "", "things": ["fox", "top hat", "skateboard"], "relation": "wearing and riding"}
    assert judge.marks(row, plain, maps(fox=(8, 8), top_hat=(8, 3), skateboard=(8, 13))) == {"carried": True}
    assert judge.marks(row, plain, maps(fox=(8, 8), top_hat=(8, 13), skateboard=(8, 3))) == {"carried": False}
    row = {"group": "count", "text": "", "things": ["apple"], "count": 2}
    two = disc("white", (32, 64, (214, 48, 49)), (96, 64, (214, 48, 49)))
    assert judge.marks(row, two, maps(apple=(4, 8))) == {"count": True}
    assert judge.marks(row, plain, maps(apple=(8, 8))) == {"count": False}
    row = {"group": "colour", "text": "", "things": ["heart"], "colour": "red"}
    assert judge.marks(row, plain, maps(heart=(8, 8))) == {"colour": True}
    assert judge.marks({**row, "colour": "blue"}, plain, maps(heart=(8, 8))) == {"colour": False}


def test_metrics():
    rng = np.random.default_rng(1)
    a = rng.integers(10, 200, (3, 64, 64, 3), dtype=np.uint8)
    assert abs(metrics.psnr(a, a + 10) - 20 * np.log10(25.5)) < 1e-9
    assert abs(metrics.ssim(a, a) - 1) < 1e-9 and metrics.ssim(a, a[:, ::-1]) < 0.2
    features = rng.normal(size=(500, 8))
    assert abs(metrics.frechet(features, features)) < 1e-6
    assert abs(metrics.frechet(features, features + 2) - 32) < 1e-6
    wide = rng.normal(size=(200000, 2)) * (3, 1)  # covariances 9, 1 and 1, 1: (3 - 1)^2
    assert abs(metrics.frechet(wide, rng.normal(size=(200000, 2))) - 4) < 0.1


def test_recogniser():
    """Names most of some compositions that it never saw."""
    try:
        import torch
    except ImportError:
        return "PyTorch is missing"
    if not os.path.exists(os.path.join(SPRITES, "index.jsonl")):
        return "the sprites are missing"
    import real
    import scorer
    if not os.path.exists(scorer.WEIGHTS):
        return "the recogniser's weights are missing"
    torch.set_num_threads(1)
    pictures, labels = real.singles(concepts.Art(SPRITES), concepts.GENERATED, 1)
    net = scorer.Scorer().load()
    assert real.top1(net, pictures[::3], labels[::3]) > 0.9
    empty, _ = net.read(np.stack([disc((66, 134, 244)), disc((24, 24, 28))]))
    assert empty[:, 1:].max() < 0.2, "nothing is there"
    return None


def main():
    failed = 0
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            title = name[5:].replace("_", " ")
            try:
                skipped = test()
                print(f"ok - {title}" + (f" # skip {skipped}" if skipped else ""))
            except Exception:
                traceback.print_exc()
                print(f"not ok - {title}")
                failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
