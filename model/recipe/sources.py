# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each fetched package holds: its pictures, undrawn, with their names and words.

    for row, picture in SOURCES["noto"](Shelf(folder)): ...

row is what the pack's index says of a picture (src, lic, style, name, tags, group, sub, and skin, head or mask where
they apply). picture is (kind, content, share): "svg" and its bytes, "page" and those of a sheet of paper with a drawing
somewhere on it, "file" and the path of a picture, or "solid" and a model with an angle; share is how much of the pack's
picture size it gets. The order never changes. Models are in solids.py, people in portraits.py.
"""
import glob
import hashlib
import json
import os
import re
import xml.etree.ElementTree as ElementTree

import fetch
import portraits
import solids
from wordnet import Nouns

EMOJI = {  # source: (package, licence, style, share of toned people to keep)
    "fluent-emoji": ("@iconify-json/fluent-emoji", "MIT", "fluent", 0),
    "fluent-emoji-flat": ("@iconify-json/fluent-emoji-flat", "MIT", "flat", 0),
    "noto": ("@iconify-json/noto", "Apache-2.0", "emoji", 0.5),
    "noto-v1": ("@iconify-json/noto-v1", "Apache-2.0", "blob emoji", 0),
    "twemoji": ("@iconify-json/twemoji", "CC-BY-4.0", "flat", 0.5),
    "emojione": ("@iconify-json/emojione", "CC-BY-4.0", "flat shaded", 0),
    "fxemoji": ("@iconify-json/fxemoji", "Apache-2.0", "flat", 0),
    "streamline-emojis": ("@iconify-json/streamline-emojis", "CC-BY-4.0", "outlined cartoon", 0),
}
ICONS = {  # source: (package, licence, style, share of the picture size)
    "game-icons": ("@iconify-json/game-icons", "CC-BY-3.0", "silhouette icon", 0.5),
    "streamline-kameleon-color": ("@iconify-json/streamline-kameleon-color", "CC-BY-4.0", "flat icon in a circle", 0.875),
    "streamline-ultimate-color": ("@iconify-json/streamline-ultimate-color", "CC-BY-4.0", "outlined icon", 0.875),
    "flat-color-icons": ("@iconify-json/flat-color-icons", "MIT", "flat icon", 0.875),
    "meteocons": ("@iconify-json/meteocons", "MIT", "weather icon", 0.875),
}
SOLID_TONES_3D = 0.45  # share of fluent-3d's toned people to keep
GROUPS = {0: "smileys", 1: "people", 3: "animals", 4: "food", 5: "travel", 6: "activities", 7: "objects", 8: "symbols"}
SYMBOLS = ("circle", "square", "diamond", "triangle", "radio button")  # the only symbols worth drawing
WEATHER = ("cloud sun moon rain snow sleet hail fog haze mist wind tornado hurricane lightning thunder drizzle dust "
           "smoke star rainbow barometer thermometer compass umbrella beanie glove overcast pollen horizon").split()


def kept(key, share):
    """A choice that depends on the key alone."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) < share * 2 ** 32


def plain(text):
    return text.replace("’", "'").replace("“", "").replace("”", "")


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", plain(text).replace("'", "").lower()).strip("-")


class Shelf:
    """The folder of fetched packages, and what several sources need to know."""

    def __init__(self, root):
        self.root = root
        self.emoji, self.by_slug, self.by_code = [], {}, {}
        keywords = self.json("emojilib", "dist", "emoji-en-US.json")
        data = self.json("emojibase-data", "en", "data.json")
        subgroups = self.json("emojibase-data", "meta", "groups.json")["subgroups"]
        for base in data:
            if base.get("group") not in GROUPS:
                continue
            tags = [t.lower() for t in base.get("tags", [])]
            tags += [k.replace("_", " ") for k in keywords.get(base["emoji"], [])]
            tags = list(dict.fromkeys(t for t in tags if re.fullmatch(r"[a-z0-9][a-z0-9 '-]*", t)))
            common = {"tags": tags, "group": GROUPS[base["group"]], "sub": subgroups[str(base["subgroup"])]}
            for one in [base] + base.get("skins", []):
                if isinstance(one.get("tone"), list):
                    continue  # two people of two tones
                row = {"name": plain(one["label"]), **common, "skin": int("tone" in one)}
                self.emoji.append(row)
                self.by_slug[slug(one["label"])] = row
                self.by_code[one["hexcode"].lower().replace("-fe0f", "")] = row
        words = {w for row in self.emoji for t in [row["name"], *row["tags"]] for w in t.lower().split() if w.isalpha()}
        self.squashed = {s.replace("-", ""): row for s, row in self.by_slug.items()}
        self.nouns = Nouns(self.path("wordnet-base", "usr", "share", "wordnet"), {w for w in words if len(w) > 2})

    def path(self, package, *parts):
        return os.path.join(fetch.folder(self.root, package), *parts)

    def json(self, package, *parts):
        with open(self.path(package, *parts), encoding="utf-8") as f:
            return json.load(f)

    def icons(self, package):
        """(key, SVG) of an Iconify set, in its order."""
        book = self.json(package, "icons.json")
        for key, icon in book["icons"].items():
            if icon.get("hidden"):
                continue
            left, top, w, h = (icon.get(k, book.get(k, d)) for k, d in
                               (("left", 0), ("top", 0), ("width", 16), ("height", 16)))
            yield key, (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                        f'width="{w}" height="{h}" viewBox="{left} {top} {w} {h}">{icon["body"]}</svg>').encode()


def wanted(row, share):
    """Whether an emoji is to be drawn: things with a look of their own, and a part of the toned people."""
    if row["group"] == "symbols" and not any(w in row["name"].split() or row["name"] == w for w in SYMBOLS):
        return row["name"] == "diamond with a dot" or row["name"].startswith("red triangle")
    if re.match(r"(kiss|couple|family)\b", row["name"]) and row["skin"]:
        return False
    return not row["skin"] or kept(row["name"], share)


def emoji(source):
    package, licence, style, share = EMOJI[source]

    def pictures(shelf):
        codes = {}
        if os.path.exists(shelf.path(package, "chars.json")):
            codes = {key: code for code, key in shelf.json(package, "chars.json").items()}
        seen = {}
        for key, svg in shelf.icons(package):
            name = re.sub(r"-\d+$", "", key) if source == "streamline-emojis" else key
            row = (shelf.by_code.get(codes.get(key, "").replace("-fe0f", "")) or shelf.by_slug.get(name)
                   or shelf.squashed.get(name.replace("-", "")))
            if row is None and source in ("fxemoji", "streamline-emojis"):
                row = unmatched(shelf, name)
            if row is None or not wanted(row, share):
                continue
            if source != "streamline-emojis" and seen.setdefault(row["name"], key) != key:
                continue
            yield {"src": source, "lic": licence, "style": style, **row}, ("svg", svg, 1)
    return pictures


def unmatched(shelf, name):
    """A row for an emoji with a name of its own, or None where it is no thing one can draw."""
    words = " ".join(shelf.nouns.split(part) for part in name.split("-"))
    if shelf.nouns.head(words) == (None, None) and "face" not in words:
        return None
    return {"name": words, "tags": [], "group": "other", "sub": "", "skin": 0}


def fluent_3d(shelf):
    folder = shelf.path("@lobehub/fluent-emoji-3d", "assets")
    for name in sorted(os.listdir(folder)):
        row = shelf.by_code.get(name[:-len(".webp")].replace("-fe0f", "")) if name.endswith(".webp") else None
        if row and wanted(row, SOLID_TONES_3D):
            yield ({"src": "fluent-3d", "lic": "MIT", "style": "3d", **row}, ("file", os.path.join(folder, name), 1))


def icons(source):
    package, licence, style, share = ICONS[source]

    def pictures(shelf):
        for key, svg in shelf.icons(package):
            words = re.sub(r"\b3d-|-\d+(?=-|$)|-(duo|fill|alternate|bold|flat)\b", "", key).replace("-", " ").strip()
            if key.endswith("-duo") or "logo" in key or (source == "meteocons") != key.endswith("-fill"):
                continue  # the same once more
            head, kind = shelf.nouns.head(words)
            if source == "meteocons" and any(w in words for w in WEATHER):
                kind = kind or "phenomenon"
            if kind is None:
                continue
            row = {"src": source, "lic": licence, "style": style, "name": words, "tags": [], "group": "icon", "sub": kind}
            if source == "game-icons":
                row["mask"] = 1
            yield row, ("svg", svg, share)
    return pictures


def flags(shelf):
    names = {row["hexcode"].lower(): row["label"] for row in shelf.json("emojibase-data", "en", "data.json")
             if row["label"].startswith("flag: ")}
    book = dict(shelf.icons("@iconify-json/circle-flags"))
    for code, label in sorted(names.items(), key=lambda item: item[1]):
        country = "".join(chr(int(part, 16) - 0x1F1E6 + ord("a")) for part in code.split("-")) \
            if code.startswith("1f1") else ""
        if country in book:
            yield ({"src": "circle-flags", "lic": "MIT", "style": "round flag", "name": "flag of " + label[6:].strip(),
                    "tags": [], "group": "flags", "sub": "flag"}, ("svg", book[country], 0.625))


CLIP_ART_LEFT_OUT = ("special", "logos", "geography", "shapes", "decorations", "buttons")


def local(tag):
    return tag.rsplit("}", 1)[-1]


def clip_art_words(svg):
    """(title, keywords) from the RDF of a clip art file, or None where it is no public domain or has no title."""
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError:
        return None
    works = [e for e in root.iter() if local(e.tag) == "Work"]
    if not works:
        return None
    title = next(("".join(e.itertext()) for e in works[0] if local(e.tag) == "title"), "")
    licence = next((v for e in works[0] if local(e.tag) == "license" for v in e.attrib.values()), "")
    tags = [(e.text or "").strip().lower() for s in works[0] if local(s.tag) == "subject"
            for e in s.iter() if local(e.tag) == "li"]
    title = re.sub(r"\b(\d+|v|md|lum?en|svg|clip ?art)\b", " ", re.sub(r"[^a-z' ]+", " ", title.lower()))
    title = " ".join(title.split())
    tags = sorted({t for t in tags if re.fullmatch(r"[a-z][a-z '-]{2,24}", t)})
    return (title, tags) if title and "publicdomain" in licence.lower().replace("_", "") else None


def openclipart(shelf):
    root = shelf.path("openclipart-svg", "usr", "share", "openclipart", "svg")
    for path in sorted(glob.glob(os.path.join(root, "**", "*.svg"), recursive=True)):
        group = os.path.relpath(path, root).split(os.sep)[0]
        if group in CLIP_ART_LEFT_OUT or os.path.getsize(path) > 400000:
            continue
        with open(path, "rb") as f:
            svg = f.read()
        words = clip_art_words(svg)
        if words is None or b"<image" in svg:
            continue
        title, tags = words
        head, kind = shelf.nouns.head(title)
        if kind and len(title) <= 40:
            yield ({"src": "openclipart", "lic": "PD", "style": "clip art", "name": title, "head": head, "tags": tags,
                    "group": group, "sub": kind}, ("page", svg, 1))


SOURCES = {**{name: emoji(name) for name in EMOJI}, "fluent-3d": fluent_3d, "openclipart": openclipart,
           **{name: icons(name) for name in ICONS}, **solids.SOURCES, **portraits.SOURCES, "circle-flags": flags}
