#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Thumbnails of a picture as the Thumbnail Managing Standard has them, read without what the window writes them with.

    thumbnail.py check FOLDER PICTURE    the one in that folder (large, fail/NAME, …) is sound; its size, WIDTHxHEIGHT
    thumbnail.py path FOLDER PICTURE     where it would be
"""
import hashlib
import os
import struct
import sys
import urllib.parse

sys.path.insert(0, f"{sys.path[0]}/../e2e")
sys.dont_write_bytecode = True
import png  # noqa: E402


def main():
    what, folder, picture = sys.argv[1:]
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ["HOME"] + "/.cache"
    # As RFC 2396 has them in paths, but for ; which GLib escapes.
    uri = "file://" + urllib.parse.quote(os.path.abspath(picture), safe="/-_.!~*'():@&=+$,")
    path = f"{cache}/thumbnails/{folder}/{hashlib.md5(uri.encode()).hexdigest()}.png"
    if what == "path":
        print(path)
        return
    with open(path, "rb") as file:
        found = list(png.chunks(file.read()))
    texts = dict(body.split(b"\0", 1) for kind, body in found if kind == b"tEXt")
    assert texts[b"Thumb::URI"].decode() == uri, texts
    assert int(texts[b"Thumb::MTime"]) == int(os.stat(picture).st_mtime), texts
    assert os.stat(path).st_mode & 0o777 == 0o600, oct(os.stat(path).st_mode)
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    print("%dx%d" % struct.unpack(">II", found[0][1][:8]))


main()
