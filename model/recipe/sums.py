# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes SHA256SUMS into a model's folder: one line for each of its files, sorted by path, hidden files left out.

    python3 sums.py ../default        # then `sha256sum -c SHA256SUMS` in it passes

The service holds the model against it, and refuses to load one that differs; see imagined(8).
"""
import hashlib
import os
import sys

NAME = "SHA256SUMS"


def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as f:
        for chunk in iter(lambda: f.read(1 << 20), b""):
            sha.update(chunk)
    return sha.hexdigest()


def files(folder):
    for directory, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(directory, name), folder)


def write(folder):
    paths = sorted((path for path in files(folder) if path != NAME), key=os.fsencode)
    lines = "".join(f"{digest(os.path.join(folder, path))}  {path}\n" for path in paths)
    with open(os.path.join(folder, NAME), "w") as f:
        f.write(lines)


if __name__ == "__main__":
    write(sys.argv[1])
