# SPDX-License-Identifier: LGPL-2.1-or-later
"""Are the styles that the recipe makes what their names say? On a synthetic sprite and pack.

    python3 tests/recipe/styles.py        # TAP; exit status 77 where NumPy or Pillow is missing
"""
import os
import random
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "model", "recipe"), os.path.join(HERE, "..", "..", "model", "eval"), os.path.join(HERE, "..", "model")]

try:
    import numpy as np
    from PIL import Image, ImageDraw
except ImportError as error:
    print(f"not installed: {error.name}")
    sys.exit(77)

import pack as made_up
import restyle
import style_judge as judging
from captions import Captions
from scenes import LOOKS, Stage, held
from sprites import Sprites, overlap

RED, BLUE = (230, 60, 50, 255), (60, 110, 230, 255)


def sprite():
    """A red disc with a blue one in it, 100 pixels."""
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((0, 0, 99, 99), fill=RED)
    draw.ellipse((35, 35, 64, 64), fill=BLUE)
    return image


def middle_row(image):
    """[width, 4] of what is seen along the middle."""
    return np.asarray(image).astype(int)[image.height // 2]


def near(pixel, colour, by=40):
    return np.abs(pixel[:3] - np.array(colour[:3])).max() <= by


# ---------------------------------------------------------------- the tests


def outlines():
    image = restyle.outlined(sprite())
    row = middle_row(image)
    opaque = np.flatnonzero(row[:, 3] > 200)
    assert near(row[opaque[1]], restyle.INK) and near(row[opaque[-2]], restyle.INK), row[opaque[:3]]
    assert near(row[image.width // 2], BLUE) and near(row[opaque[0] + 18], RED)
    inner = [x for x in opaque[8:-8] if row[x, :3].max() < 110]
    assert inner, "no line where red meets blue"
    assert image.width > 100, "the line was drawn inside of the shape"


def silhouettes():
    image = restyle.silhouette(sprite())
    pixels = np.asarray(image)
    seen = pixels[pixels[..., 3] > 30][:, :3].astype(int)
    assert np.abs(seen - restyle.BLACK).max() <= 1
    row = middle_row(image)
    assert row[image.width // 2, 3] > 240 and row[12, 3] > 240
    assert row[25:45, 3].min() < 60, "the inner edge is closed"


def renders():
    plain, image = np.asarray(sprite()).astype(int), restyle.render(sprite())
    pixels = np.asarray(image).astype(int)
    spread = lambda p: (p[..., :3].max(-1) - p[..., :3].min(-1))[p[..., 3] > 200].mean()
    assert spread(pixels) < 0.75 * spread(plain), (spread(pixels), spread(plain))
    light = lambda y, x: pixels[y, x, :3].sum()
    assert light(20, 20) > 1.2 * light(80, 80), "it is not lit from above on the left"


def clip_arts():
    image = restyle.clip_art(sprite())
    pixels = np.asarray(image)
    corner = pixels[-14:-6, -30:-22]
    lower, upper = pixels[image.height * 3 // 4:, image.width * 3 // 4:], pixels[:image.height // 4, :image.width // 4]
    shade = lambda part: int(((part[..., 3] > 60) & (part[..., 3] < 180)).sum())
    assert shade(lower) > 2 * shade(upper) + 10, (shade(lower), shade(upper), corner.shape)
    inside = pixels[pixels[..., 3] > 250][:, :3]
    colours, counts = np.unique(inside // 8, axis=0, return_counts=True)
    assert counts[np.argsort(-counts)][:3].sum() > 0.6 * len(inside), "there are no bands of one colour"


def shapes():
    square = Image.new("RGBA", (50, 50), RED)
    assert overlap(sprite(), sprite().resize((60, 60))) > 0.95
    assert 0.7 < overlap(sprite(), square) < 0.85  # pi / 4


def pack_has_all(pack):
    some = [t for t in pack.things.values() if "3d" in t.looks]
    assert some
    for thing in some:
        twins = pack.twins[thing.looks["3d"][0]]
        for look in restyle.RESTYLES:
            assert thing.looks[look][0] == twins[look] >= pack.of_sources
            assert pack.get(twins[look]).getbbox()
    assert all("made from" not in row for row in pack.rows[:pack.of_sources])


def scenes_are_restyled(pack):
    stage, captions, rng = Stage(pack), Captions(pack), random.Random(2)
    for look in restyle.RESTYLES:
        kinds = set()
        for _ in range(60):
            scene = stage.restyled(rng, look)
            kinds.add(scene.kind)
            assert scene.look == look
            assert all(layer.sprite < 0 or pack.rows[layer.sprite]["look"] == look for layer in scene.layers)
            assert scene.kind != "single" or not held("style", scene.words["noun"], look)
        assert len(kinds) > 3, kinds
    assert set(restyle.RESTYLES) < set(LOOKS)
    for thing in pack.things.values():
        thing.colours = ["crimson"]
    said = lambda look: any("crimson" in captions.caption(rng, stage.make_single(rng, look) or stage.scene(rng, "pair", look))
                            for _ in range(60))
    assert said("outlined") and not said("silhouette"), "silhouettes are called by their natural colours"


def judged(pack):
    """The judge of styles (model/eval/styles.py) learns them from half of the things and knows them in the other half."""
    nouns = sorted(t.noun for t in pack.things.values() if "3d" in t.looks and len(t.looks) == 6)
    judge = judging.StyleJudge(*judging.composed(pack, nouns[::2], 20, 1))
    pictures, truth = judging.composed(pack, nouns[1::2], 20, 2)
    sure = [list(judging.STYLES).index(look) for look in ("outlined", "render", "silhouette", "clip art")]
    some = np.isin(truth, sure)  # the made-up glossy and flat sprites are drawn alike
    right = (judge.names(pictures[some]) == truth[some]).mean()
    assert right > 0.75, right
    assert (judge.names(np.full((2, 128, 128, 3), 255, np.uint8)) >= 0).all()
    for look, text in judging.asked(pack):
        noun = text.split(",")[0].split(" ", 1)[-1]
        assert look == "3d" or any(held("style", name, look) for name in (noun, text.split(",")[0])), text


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        made_up.write(folder)
        pack = Sprites(folder)
        for name, test in (("outlined cartoons have a line around and inside", outlines),
                           ("silhouettes are of one colour, with open edges", silhouettes),
                           ("renders are duller and lit", renders),
                           ("clip art has bands of colour and a shadow", clip_arts),
                           ("overlap of shapes", shapes),
                           ("every thing is there in every style", lambda: pack_has_all(pack)),
                           ("the judge of styles knows them", lambda: judged(pack)),
                           ("every kind of scene is there in every style", lambda: scenes_are_restyled(pack))):
            try:
                test()
                print("ok -", name, flush=True)
            except Exception:
                traceback.print_exc(file=sys.stdout)
                print("not ok -", name, flush=True)
                failed = 1
    sys.exit(failed)


if __name__ == "__main__":
    main()
