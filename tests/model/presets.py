# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does the recipe for a GPU run, and do its scenes look as render.py draws them? On a CPU, with a made-up pack.

    python3 tests/model/presets.py        # TAP; exit status 77 where PyTorch or Pillow is missing
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
RECIPE = os.path.join(HERE, "..", "..", "model", "recipe")
sys.path[:0] = [HERE, os.path.join(RECIPE, "gpu"), RECIPE, os.path.join(RECIPE, "..")]

try:
    import numpy as np
    import torch
    from PIL import Image  # noqa: F401
except ImportError as error:
    print(f"not installed: {error.name}")
    sys.exit(77)

import ahead
import backgrounds
import bank
import diffusion
import distil
import neighbours
import nets
import pack as made_up
import render
import tokenizer
import words
from backgrounds import SIZE
from captions import Captions
from compose import Composer
from scenes import KINDS, LOOKS, SHAPES, Stage, held, shaped
from sprites import Sprites
from tokenizer import Tokenizer

torch.set_num_threads(1)
LEVELS, MEAN = 2.5 / 255, 0.25 / 255  # the paintings' bytes are rounded, and Pillow's own weights


def prepare(folder):
    """What prepare.py makes, without GloVe and WordNet, which CI has not."""
    made_up.write(os.path.join(folder, "sprites"))
    pack, rng = Sprites(os.path.join(folder, "sprites")), random.Random(0)
    stage, captions = Stage(pack), Captions(pack)
    counts = {}
    for _ in range(300):
        for word in tokenizer.words_of(captions.caption(rng, stage.scene(rng))):
            counts[word] = counts.get(word, 0) + 1
    tokenizer.write(os.path.join(folder, "tokenizer"), tokenizer.learn(counts))
    vocabulary = Tokenizer(os.path.join(folder, "tokenizer")).vocab
    vectors = {"dog": np.ones(100, np.float32), "fox": -np.ones(100, np.float32)}
    words.word_vectors(vocabulary, vectors, os.path.join(folder, "glove.pt"))
    with open(os.path.join(folder, "wordnet.json"), "w") as f:
        json.dump({"dog": [["hound"], ["canine"]]}, f)
    with open(os.path.join(folder, "near.json"), "w") as f:
        json.dump({"the": [["dog", 0.75], ["fox", 0.25]]}, f)
    return pack, stage


class Kinds:
    """A WordNet of a few synsets: number -> (file, words, numbers above it)."""

    data = {"1": ("06", ["vehicle"], []), "2": ("06", ["car", "auto"], ["1"]), "3": ("06", ["limousine"], ["2"]),
            "4": ("06", ["truck"], ["1"]), "5": ("05", ["animal"], []), "6": ("05", ["dog"], ["5"]), "7": ("10", ["limousine"], ["6"])}

    def __init__(self):
        self.index = {}
        for number, (_, names, _) in self.data.items():
            for name in names:
                self.index.setdefault(name, []).append(number)

    def synset(self, number):
        return self.data[number]


def likenesses():
    """Words are like what is above, below and beside them, in senses of things only; vectors decide between equals."""
    learned = {"car": "travel", "truck": "travel", "dog": "animals"}
    tree = neighbours.Tree(Kinds(), learned)
    assert tree.likeness("limousine") == {"car": neighbours.UP[1]}, tree.likeness("limousine")
    assert tree.likeness("vehicle") == {"car": neighbours.DOWN[0], "truck": neighbours.DOWN[0]}
    assert tree.likeness("truck") == {"truck": 1, "car": neighbours.SIBLING}
    vectors = {"car": [1, 0, 0], "truck": [0, 1, 0], "dog": [0, 0, 1], "limousine": [0.5, 0.4, 0.8], "vehicle": [0.2, 0.9, 0],
               "nothing": [-1, -1, -1]}
    near = neighbours.Neighbours(learned, Kinds(), {w: np.array(v, np.float32) for w, v in vectors.items()})
    assert near.of("limousine")[0][0] == "car" and near.of("vehicle")[0][0] == "truck" and near.of("nothing") == []
    assert abs(sum(weight for _, weight in near.of("vehicle")) - 1) < 0.1


def shapes_fit(stage):
    """Nonsense shows nothing that is kept for the evaluation; in wide and tall pictures things stay whole, on the ground."""
    rng = random.Random(5)
    for _ in range(500):
        scene = stage.scene(rng, "nonsense", "3d")
        assert scene.background[1] == "white" or not held("solid", scene.words["noun"], scene.background[1]), scene
    for _ in range(300):
        scene = stage.scene(rng, "single", "3d")
        (layer,) = [layer for layer in scene.layers if layer.sprite >= 0]
        if min(layer.x, layer.y, SIZE - layer.x - layer.w, SIZE - layer.y - layer.h) < 0:
            continue
        for width, height in (*SHAPES, *(shape[::-1] for shape in SHAPES)):
            (other,) = [one for one in shaped(scene, width, height).layers if one.sprite >= 0]
            assert -1 <= other.x and other.x + other.w <= width + 1 and -1 <= other.y and other.y + other.h <= height + 1, other
            if scene.background[0] == "place" and scene.background[1] not in backgrounds.FLYING:
                low = (layer.y + layer.h) / SIZE, (other.y + other.h) / height
                assert abs(low[0] - low[1]) < 0.03, low


def scenes_agree(pack, stage, folder):
    """Every kind of scene and every look, composed in batches and drawn one by one."""
    rng = random.Random(4)
    scenes = [stage.scene(rng, kind, "3d") for kind in KINDS for _ in range(4)]
    scenes += [stage.scene(rng, None, look) for look in LOOKS for _ in range(3)]
    scenes = [bank.settled(s, 2) for s in scenes]
    lot, keys = ahead.joined([ahead.as_numbers(scenes[:20], None, None, rng, 2), ahead.as_numbers(scenes[20:], None, None, rng, 2)])
    bank.fill(os.path.join(folder, "bank"), pack, keys, 1, 2)
    composer = Composer(bank.Bank(os.path.join(folder, "bank"), torch.device("cpu")), part=16)
    got = composer.compose(lot, torch.arange(len(scenes))).numpy().transpose(0, 2, 3, 1).astype(float) / 255
    want = np.stack([render.render(pack, s) for s in scenes]).astype(float) / 255
    off = np.abs(got - want)
    kinds = {s.kind for s in scenes} | {s.background[0] for s in scenes}
    assert {"solid", "gradient", "place", "dressed", "count", "pair"} <= kinds, kinds
    assert any(layer.colour for s in scenes for layer in s.layers) and any(l.mirrored for s in scenes for l in s.layers)
    assert want.std() > 0.1
    assert off.max() < LEVELS, f"{off.max() * 255:.1f} levels, scene {off.max((1, 2, 3)).argmax()}"
    assert off.mean() < MEAN, f"{off.mean() * 255:.2f} levels on average"


def preparing(pack, folder):
    """The pack that travels shows the same scenes as the whole one."""
    import prepare as prepare_
    small = os.path.join(folder, "small")
    prepare_.write_sprites(pack, os.path.join(folder, "sprites"), small)
    again = Sprites(small)
    assert len(again.rows) < len(pack.rows)
    for seed in range(20):
        a, b = (Stage(p).scene(random.Random(seed)) for p in (pack, again))
        assert (render.render(pack, a) == render.render(again, b)).all() and a.words == b.words


def every_stage(folder):
    work = os.path.join(folder, "work")
    command = [sys.executable, os.path.join(RECIPE, "gpu", "run.py"), "--prepared", folder, "--work", work, "--tiny"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    first = subprocess.run([*command, "--minutes", "0"], env=env, capture_output=True, text=True)
    assert "to go on" in first.stdout and "done" not in first.stdout, first.stdout + first.stderr
    rest = subprocess.run(command, env=env, capture_output=True, text=True)
    assert rest.returncode == 0 and rest.stdout.endswith("done\n"), rest.stdout + rest.stderr
    again = subprocess.run(command, env=env, capture_output=True, text=True)
    assert "over" not in again.stdout and again.stdout.endswith("done\n"), again.stdout + again.stderr
    model = os.path.join(work, "model")
    full, few = (nets.load_model(model, fast=fast)[1] for fast in (False, True))
    with open(os.path.join(model, "imagined.json")) as f:
        assert json.load(f)["fast_steps"] in range(4, 9)
    assert not torch.equal(full.conv_in.weight, few.conv_in.weight)
    symbols = Tokenizer(os.path.join(folder, "tokenizer")).vocab
    rows = nets.load_model(model)[0].text_model.embeddings.token_embedding.weight
    the, dog, fox = (rows[symbols[word + "</w>"]] for word in ("the", "dog", "fox"))
    assert torch.allclose(the, 0.75 * dog + 0.25 * fox, atol=0.02 * float(rows.abs().max())), (the, dog, fox)


def lessons():
    """A student that answers with what it was taught arrives where the teacher does."""
    def teacher(x, t, context):
        return torch.tanh(x * 0.7 + context.mean((1, 2))[:, None, None, None]) - t.view(-1, 1, 1, 1) / 1500

    g = torch.Generator().manual_seed(3)
    noise, context = torch.randn(3, 2, 4, 4, generator=g), torch.randn(3, 5, 6, generator=g)
    empty = torch.zeros_like(context)
    pupil = distil.Pupil(5, 4, 3.0, 0.7)
    x, v = pupil.paths(teacher, None, noise, context, empty)
    taught = {t: v[:, k] for k, t in enumerate(pupil.times)}
    want = diffusion.sample(teacher, noise, context, empty, 20, 3.0, 0.7)
    got = pupil.draw(lambda x, t, _: taught[int(t[0])], noise, context)
    assert torch.allclose(got, want, atol=1e-4), (got - want).abs().max()
    own, _ = pupil.paths(teacher, lambda x, t, _: taught[int(t[0])] + 0.1, noise, context, empty)
    assert torch.equal(own[:, 0], x[:, 0]) and not torch.allclose(own[:, 1], x[:, 1])


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        pack, stage = prepare(folder)
        for name, test in (("the GPU's compositor draws what render.py draws", lambda: scenes_agree(pack, stage, folder)),
                           ("the sprites that travel are enough", lambda: preparing(pack, folder)),
                           ("every stage of the GPU's preset runs and resumes", lambda: every_stage(folder)),
                           ("nonsense, and scenes of other shapes", lambda: shapes_fit(stage)),
                           ("words that no caption has are like their kin", likenesses),
                           ("the few-step lessons lead where the teacher goes", lessons)):
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
