# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of model/recipe's stages that make the art; reports like TAP (see tests/run)."""
import base64
import hashlib
import io
import json
import os
import struct
import sys
import tarfile
import tempfile
import traceback

sys.dont_write_bytecode = True
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "model")
sys.path[:0] = [os.path.join(MODEL, "recipe"), MODEL]

import clean
import fetch
import wordnet


class Skip(Exception):
    pass


def equal(got, want):
    if got != want:
        raise AssertionError(f"{got!r}, not {want!r}")


def refused(function, *arguments):
    try:
        function(*arguments)
    except SystemExit:
        return
    raise AssertionError("not refused")


# ---------------------------------------------------------------- words

NOUNS = {  # lemma: numbers of the lexicographer's files, one a sense; "1000i" marks the name of one of a kind
    "fox": "5", "cat": "5", "table": "14 6", "bird": "5", "paris": "15i", "hope": "12", "berry": "13", "crown": "6",
    "hamster": "5", "eggplant": "13", "animal": "3", "elephant": "5", "work": "4 6", "leaf": "20", "record": "10 6", "face": "8",
}
OTHERS = {"verb": "smile sleep", "adj": "red open happy", "adv": "well"}


def small_wordnet(folder):
    """WordNet's files with a few words in them."""
    data, index, offset = ["  1 A licence\n"], ["  1 A licence\n"], 100
    for lemma, files in NOUNS.items():
        offsets = []
        for number in files.split():
            offset += 1
            one = "001 @i 00000001 n 0000" if number.endswith("i") else "001 @ 00000001 n 0000"
            data.append(f"{offset:08} {int(number.rstrip('i')):02} n 01 {lemma} 0 {one} | a gloss\n")
            offsets.append(f"{offset:08}")
        index.append(f"{lemma} n {len(offsets)} 1 @ {len(offsets)} 0 {' '.join(offsets)}\n")
    files = {"data.noun": data, "index.noun": index, "noun.exc": ["leaves leaf\n"], "verb.exc": ["slept sleep\n"],
             "adj.exc": []}
    files.update({f"index.{kind}": [f"{w} {kind[0]} 1 0 1 0 00000001\n" for w in ws.split()]
                  for kind, ws in OTHERS.items()})
    for name, lines in files.items():
        with open(os.path.join(folder, name), "w") as f:
            f.writelines(lines)
    return folder


def test_kinds_of_words(folder):
    nouns = wordnet.Nouns(small_wordnet(folder))
    equal(nouns.kind("fox"), "animal")
    equal(nouns.kind("Berries"), "food")
    equal(nouns.kind("leaves"), "plant")
    equal(nouns.kind("table"), "artifact")  # its second sense: the first cannot be drawn
    equal(nouns.kind("animal"), "animal")
    equal((nouns.kind("hope"), nouns.kind("paris"), nouns.kind("xyzzy")), ("feeling", None, None))
    equal(nouns.head("crown of hope"), ("crown", "artifact"))
    equal(nouns.head("hope"), (None, None))


def test_run_together_names_are_split(folder):
    nouns = wordnet.Nouns(small_wordnet(folder), {"face"})
    equal(nouns.split("foxface"), "fox face")
    equal(nouns.split("hamster"), "hamster")
    equal(nouns.split("catofhope2"), "cat of hope 2")
    equal(nouns.split("qqqfox"), "qqqfox")


# ---------------------------------------------------------------- cleaning

def row(source, name, group="objects", **more):
    return {"src": source, "name": name, "group": group, "tags": [], **more}


CLEANED = [  # a row, and its new name or why it is left out
    (row("noto", "fox"), "fox"),
    (row("fluent-3d", "woman technologist", "people"), None),
    (row("noto", "woman technologist", "people"), "woman technologist"),
    (row("fluent-3d", "video game"), None),
    (row("noto", "video game"), "video game"),
    (row("noto", "man: dark skin tone", "people", skin=1), "man with dark skin"),
    (row("noto", "man: medium-light skin tone, beard", "people", skin=1), "man with a beard and medium-light skin"),
    (row("noto", "woman: blond hair", "people"), "woman with blond hair"),
    (row("noto", "person: bald", "people"), "bald person"),
    (row("noto", "man walking: dark skin tone, facing right", "people", skin=1), "man walking facing right with dark skin"),
    (row("noto", "family: man, woman, boy", "people"), "family of a man, a woman and a boy"),
    (row("noto", "kiss: woman, man", "people"), "a woman and a man kissing"),
    (row("fluent-3d", "kiss: dark skin tone", "people", skin=1), None),
    (row("noto", "handshake: dark skin tone, light skin tone", "people", skin=1), None),
    (row("noto", "anger symbol", "smileys"), None),
    (row("noto", "automobile", "travel"), "car"),
    (row("twemoji", "lady beetle", "animals"), "ladybug"),
    (row("streamline-emojis", "fox face 2", "other"), "fox face"),
    (row("streamline-emojis", "united states", "other"), "flag of the United States"),
    (row("streamline-ultimate-color", "align center", "icon"), None),
    (row("streamline-ultimate-color", "seafood cat", "icon"), "cat"),
    (row("flat-color-icons", "left down", "icon"), None),
    (row("flat-color-icons", "table", "icon"), "table"),
    (row("game-icons", "upgrade", "icon"), "upgrade"),
    (row("game-icons", "bird twitter", "icon"), None),
    (row("fxemoji", "au berg ine", "other"), "eggplant"),
    (row("fxemoji", "xq fox", "other"), None),
    (row("fxemoji", "heart blue", "smileys"), "blue heart"),
    (row("openclipart", "fox md v", "animals"), "fox"),
    (row("openclipart", "gatto cat", "animals"), None),
    (row("openclipart", "work", "office"), None),
    (row("openclipart", "zazou", "people"), None),
    (row("openclipart", "symbol", "signs_and_symbols"), None),
    (row("openclipart", "fox theme", "computer"), None),
    (row("openclipart", "debian fox", "computer"), None),
    (row("dicebear-micah", "outlined portrait of a bald person, in a orange shirt", "people"),
     "outlined portrait of a bald person, in an orange shirt"),
    (row("sh3d", "double french window 3 panes", "doors and windows"), "double french window"),
]


def test_rows_are_cleaned(folder):
    english = clean.English(small_wordnet(folder))
    for given, want in CLEANED:
        got, why = clean.cleaned(given, english)
        name = got["name"] if got else None
        if name != want:
            raise AssertionError(f"{given['src']} {given['name']!r} became {name!r} ({why}), not {want!r}")
        if got:
            equal({k: v for k, v in got.items() if k not in ("name", "group", "sub")},
                  {k: v for k, v in given.items() if k not in ("name", "group", "sub")})


# ---------------------------------------------------------------- fetching

def test_digests(folder):
    path = os.path.join(folder, "file")
    with open(path, "wb") as f:
        f.write(b"art")
    equal(fetch.right(path, hashlib.sha256(b"art").hexdigest()), True)
    equal(fetch.right(path, base64.b64encode(hashlib.sha512(b"art").digest()).decode()), True)
    equal(fetch.right(path, hashlib.sha256(b"Art").hexdigest()), False)
    for name, version, digest in fetch.table(fetch.NPM):
        equal((bool(version), len(base64.b64decode(digest, validate=True))), (True, 64))
    for name, version, digest in fetch.table(fetch.DEBIAN):
        equal((bool(version), len(bytes.fromhex(digest))), (True, 32))


def tarball(folder, members):
    path = os.path.join(folder, "package.tgz")
    with tarfile.open(path, "w:gz") as tar:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
            tar.addfile(info, io.BytesIO(content))
    return path


def test_tarballs_stay_in_their_folder(folder):
    to = os.path.join(folder, "to")
    fetch.unpack_npm(tarball(folder, [("package/a/b.json", b"{}", tarfile.REGTYPE)]), to)
    with open(os.path.join(to, "a", "b.json")) as f:
        equal(f.read(), "{}")
    for name, kind in (("package/../../out", tarfile.REGTYPE), ("package//out", tarfile.REGTYPE),
                       ("package/link", tarfile.SYMTYPE)):
        refused(fetch.unpack_npm, tarball(folder, [(name, b"", kind)]), to)


def test_downloads_are_compared(folder):
    into, want = os.path.join(folder, "into"), hashlib.sha256(b"art\n").hexdigest()
    command = ["sh", "-c", "echo art > package"]
    equal(os.path.basename(fetch.download(command, into, want)), "package")
    refused(fetch.download, command, into, "0" * 64)
    refused(fetch.download, ["false"], into, want)
    refused(fetch.download, ["true"], into, want)


# ---------------------------------------------------------------- drawing

def test_portraits_are_worded(_):
    import portraits
    extra = {"hair": "mrClean", "glasses": "round", "mouth": "smile", "shirt": "collared", "shirtColor": "#6bd9e9",
             "hairColor": "#000000", "baseColor": "#77311d"}
    equal(portraits.words("outlined portrait", portraits.MICAH, extra),
          "outlined portrait of a bald person wearing round glasses, smiling, in a teal collared shirt")
    equal(portraits.skin(extra), "dark skin")
    extra = {"hair": "bunHair", "hairColor": "#d56c0c", "eyes": "normal", "skinColor": "#ffe4c0"}
    equal(portraits.words("cartoon face", portraits.BIG_SMILE, extra), "cartoon face of a person with an orange hair bun")


def test_vectors_are_drawn(_):
    try:
        import rasterise
    except (ImportError, ValueError) as error:
        raise Skip(error)
    svg = (b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
           b'<rect x="2" y="1" width="4" height="8" fill="#f00" fill-opacity="0.5"/></svg>')
    image = rasterise.picture("svg", svg, 1, 100, False)
    equal(image.size, (40, 80))
    equal(all(abs(a - b) <= 2 for a, b in zip(image.getpixel((20, 40)), (255, 0, 0, 128))), True)
    equal(rasterise.picture("svg", svg, 0.5, 100, False).size, (20, 40))
    equal(rasterise.picture("svg", b"no picture", 1, 100, False), None)


# ---------------------------------------------------------------- the enlarger

def torch_modules():
    try:
        import torch
        import enlarger
    except ImportError as error:
        raise Skip(error)
    return torch, enlarger


def test_enlarger_files(folder):
    torch, enlarger = torch_modules()
    torch.manual_seed(1)
    net = enlarger.Enlarger(8, 2).start()
    enlarger.save(net, folder)
    with open(os.path.join(folder, "config.json")) as f:
        settings = json.load(f)
    equal(settings, {"architecture": "SRVGGNetCompact", "scale": 4, "num_feat": 8, "num_conv": 2, "act_type": "prelu"})
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    shapes = {name: (v["dtype"], v["shape"]) for name, v in header.items() if name != "__metadata__"}
    equal(shapes, {"body.0.weight": ("F16", [8, 3, 3, 3]), "body.0.bias": ("F16", [8]), "body.1.weight": ("F16", [8]),
                   "body.2.weight": ("F16", [8, 8, 3, 3]), "body.2.bias": ("F16", [8]), "body.3.weight": ("F16", [8]),
                   "body.4.weight": ("F16", [8, 8, 3, 3]), "body.4.bias": ("F16", [8]), "body.5.weight": ("F16", [8]),
                   "body.6.weight": ("F16", [48, 8, 3, 3]), "body.6.bias": ("F16", [48])})
    small = torch.rand(1, 3, 5, 7)
    with torch.no_grad():
        want, got = net(small), enlarger.load(folder)(small)
    equal((tuple(got.shape), bool((got - want).abs().max() < 0.01)), ((1, 3, 20, 28), True))
    settings["num_conv"] = 3
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(settings, f)
    try:
        enlarger.load(folder)
    except ValueError:
        return
    raise AssertionError("a config that does not fit was taken")


def test_enlarger_is_what_its_config_says(_):
    torch, enlarger = torch_modules()
    from torch.nn import functional as F
    torch.manual_seed(2)
    net, small = enlarger.Enlarger(8, 1).start(), torch.rand(1, 3, 6, 4)
    s = net.state_dict()
    x = F.prelu(F.conv2d(small, s["body.0.weight"], s["body.0.bias"], padding=1), s["body.1.weight"])
    x = F.prelu(F.conv2d(x, s["body.2.weight"], s["body.2.bias"], padding=1), s["body.3.weight"])
    x = F.conv2d(x, s["body.4.weight"], s["body.4.bias"], padding=1)
    want = x.view(1, 3, 4, 4, 6, 4).permute(0, 1, 4, 2, 5, 3).reshape(1, 3, 24, 16)
    want = want + small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    with torch.no_grad():
        equal(bool((net(small) - want).abs().max() < 1e-5), True)


def main():
    failed = 0
    for name, test in [(n[5:].replace("_", " "), f) for n, f in globals().items() if n.startswith("test_")]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print("ok -", name)
            except Skip as why:
                print("ok -", name, "# skip", why)
            except Exception:
                failed = 1
                traceback.print_exc()
                print("not ok -", name)
    sys.exit(failed)


if __name__ == "__main__":
    main()
