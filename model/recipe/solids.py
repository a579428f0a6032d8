# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sweet Home 3D's furniture, seen from six sides: models in OBJ form, drawn by solids.c.

One of the sources of sources.py: see there for what is yielded.
"""
import ctypes
import glob
import io
import os
import re
import subprocess
import tempfile
import zipfile

import numpy as np
from PIL import Image

VIEWS = {  # name: (degrees to the side, degrees up)
    "front view": [(0, 8)], "three quarter view": [(35, 20), (-35, 20)], "side view": [(90, 8)],
    "back view": [(180, 8)], "seen from above": [(25, 62)],
}
LICENCES = {"BlendSwap-CC-0": "CC0-1.0"}  # the other catalogues: CC-BY-3.0
FINER = 3  # samples a side of a pixel
PERSPECTIVE = 0.18  # how much larger what is nearest is than the middle
CREASE = 0.7  # cosine below which an edge is sharp
LARGEST = 12 << 20  # bytes of a model's file
TEXTURE = 512  # pixels, at most
HERE = os.path.dirname(os.path.abspath(__file__))

CORNER = np.dtype([("place", "f4", 3), ("normal", "f4", 3), ("uv", "f4", 2)])
MATERIAL = np.dtype([("diffuse", "f4", 3), ("specular", "f4", 3), ("shine", "f4"), ("alpha", "f4"), ("texture", "i4")])


class Texture(ctypes.Structure):
    _fields_ = [("rgba", ctypes.c_void_p), ("w", ctypes.c_int32), ("h", ctypes.c_int32)]


def compiled():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "solids.so")
        subprocess.run(["gcc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", "-o", path,
                        os.path.join(HERE, "solids.c"), "-lm"], check=True)
        return ctypes.CDLL(path)


def catalogue(book):
    """The entries of a catalogue's properties file: dictionaries by number."""
    entries, text = {}, book.read("PluginFurnitureCatalog.properties").decode("latin-1")
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*)$", text, re.M):
        value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value.strip())
        entries.setdefault(int(number), {})[key] = value
    return [entries[n] for n in sorted(entries)]


def numbers(words, count):
    return [float(w) for w in words[:count]]


def read_materials(book, path, names):
    """Material name -> (values, texture's path or None)."""
    out, now = {}, None
    if path not in names:
        return out
    for line in book.read(path).decode("latin-1").splitlines():
        word, _, rest = line.strip().partition(" ")
        words = rest.split()
        if word == "newmtl":
            now = out[rest.strip()] = {"Kd": [0.8] * 3, "Ks": [0.0] * 3, "Ns": 30.0, "d": 1.0, "map": None}
        elif now is not None and word in ("Kd", "Ks") and len(words) >= 3:
            now[word] = numbers(words, 3)
        elif now is not None and word in ("Ns", "d") and words:
            now[word] = float(words[-1])
        elif now is not None and word == "map_Kd" and words:
            now["map"] = os.path.normpath(os.path.join(os.path.dirname(path), rest.strip().replace("\\", "/")))
    return out


def read_model(book, path):
    """(places, uvs, triangles [n, 3, 2] of indices into them, material of each, materials)."""
    names = set(book.namelist())
    places, uvs, faces, which, order, materials, now = [], [], [], [], {}, {}, 0
    for line in book.read(path).decode("latin-1").splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            places.append(numbers(rest.split(), 3))
        elif word == "vt":
            uvs.append(numbers(rest.split(), 2))
        elif word == "f":
            corners = []
            for part in rest.split():
                fields = part.split("/")
                v = int(fields[0])
                t = int(fields[1]) if len(fields) > 1 and fields[1] else 0
                corners.append((v - 1 if v > 0 else len(places) + v, t - 1 if t > 0 else len(uvs) + t if t else -1))
            for k in range(1, len(corners) - 1):
                faces.append((corners[0], corners[k], corners[k + 1]))
                which.append(now)
        elif word == "usemtl":
            now = order.setdefault(rest.strip(), len(order))
        elif word == "mtllib":
            for name in [rest.strip()]:
                materials.update(read_materials(book, os.path.join(os.path.dirname(path), name), names))
    order.setdefault("", len(order))
    return (np.array(places, np.float64), np.array(uvs or [[0, 0]], np.float32), np.array(faces, np.int64),
            np.array(which, np.int32), [materials.get(name) for name in order])


def upright(places, entry):
    """Turned as the catalogue says, scaled to its centimetres, centred."""
    if "modelRotation" in entry:
        places = places @ np.array(numbers(entry["modelRotation"].split(), 9)).reshape(3, 3).T
    low, high = places.min(0), places.max(0)
    size = np.array([float(entry[k]) for k in ("width", "height", "depth")])
    return (places - (low + high) / 2) / np.maximum(high - low, 1e-9) * np.where(high - low > 1e-9, size, 1)


def normals(places, faces):
    """A normal for each corner of each triangle: smooth but at creases."""
    a, b, c = (places[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    total = np.zeros_like(places)
    for k in range(3):
        np.add.at(total, faces[:, k], flat)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    smooth = total[faces]
    sharp = (smooth * flat[:, None]).sum(-1, keepdims=True) < CREASE
    return np.where(sharp, flat[:, None], smooth)


def turn(yaw, pitch):
    y, p = np.radians(yaw), np.radians(pitch)
    sideways = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    return np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]) @ sideways


class Solid:
    """One model, ready to be drawn."""

    def __init__(self, library, book, entry):
        places, uvs, faces, self.which, materials = read_model(book, entry["model"].lstrip("/"))
        self.library, self.points = library, upright(places, entry)
        self.faces, self.uv = faces[..., 0], uvs[faces[..., 1]]
        self.uv[faces[..., 1] < 0] = 0
        self.normals = normals(self.points, self.faces)
        self.table, self.pictures = np.zeros(len(materials), MATERIAL), []
        for row, m in zip(self.table, materials):
            m = m or {"Kd": [0.7] * 3, "Ks": [0.0] * 3, "Ns": 30.0, "d": 1.0, "map": None}
            row["diffuse"], row["specular"] = m["Kd"], np.clip(m["Ks"], 0, 1)
            row["shine"], row["alpha"], row["texture"] = min(max(m["Ns"], 4), 120), min(max(m["d"], 0), 1), -1
            if m["map"] in book.namelist():
                image = Image.open(io.BytesIO(book.read(m["map"]))).convert("RGBA")
                image.thumbnail((TEXTURE, TEXTURE))
                row["texture"] = len(self.pictures)
                self.pictures.append(np.ascontiguousarray(np.asarray(image)))

    def draw(self, yaw, pitch, size):
        """RGBA, not premultiplied; the longest side fills the picture."""
        rotation, side = turn(yaw, pitch), size * FINER
        points = self.points @ rotation.T
        near = points[:, 2:] / max(np.abs(points).max(), 1e-9)
        flat = points[:, :2] / (1 - PERSPECTIVE * near)
        low, high = flat[np.unique(self.faces)].min(0), flat[np.unique(self.faces)].max(0)
        flat = (flat - (low + high) / 2) * (0.98 * side / max((high - low).max(), 1e-9))
        corners = np.zeros(self.faces.shape, CORNER)
        corners["place"][..., 0], corners["place"][..., 1] = flat[self.faces, 0] + side / 2, side / 2 - flat[self.faces, 1]
        corners["place"][..., 2] = points[self.faces, 2]
        corners["normal"], corners["uv"] = self.normals @ rotation.T, self.uv
        image, depth = np.zeros((side, side, 4), np.float32), np.full((side, side), -1e30, np.float32)
        textures = (Texture * max(1, len(self.pictures)))(*[(p.ctypes.data, p.shape[1], p.shape[0]) for p in self.pictures])
        self.library.draw_solid(*(ctypes.c_void_p(a.ctypes.data) for a in (corners, self.which)), len(self.which),
                                ctypes.c_void_p(self.table.ctypes.data), textures, ctypes.c_void_p(image.ctypes.data),
                                ctypes.c_void_p(depth.ctypes.data), side)
        image = image.reshape(size, FINER, size, FINER, 4).mean((1, 3))
        image[..., :3] /= np.maximum(image[..., 3:], 1e-3)
        return Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")


def furniture(shelf):
    library = compiled()
    for path in sorted(glob.glob(shelf.path("sweethome3d-furniture", "usr", "share", "sweethome3d", "furniture", "*.sh3f"))):
        licence = LICENCES.get(os.path.basename(path)[:-len(".sh3f")], "CC-BY-3.0")
        with zipfile.ZipFile(path) as book:
            for entry in catalogue(book):
                if book.getinfo(entry["model"].lstrip("/")).file_size > LARGEST:
                    continue
                solid, name = Solid(library, book, entry), re.sub(r"\s+", " ", entry["name"].lower())
                tags = [t.strip().lower() for t in entry.get("tags", "").split(",")]
                for view, angles in VIEWS.items():
                    for angle in angles:
                        yield ({"src": "sh3d", "lic": licence, "style": "realistic 3d render", "name": name,
                                "tags": [t for t in tags if t and t != "blend swap"], "group": entry["category"].lower(),
                                "sub": view}, ("solid", (solid, angle), 1))


SOURCES = {"sh3d": furniture}
