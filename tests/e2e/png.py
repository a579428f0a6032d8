#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a PNG without any library and checks all of it.

    png.py size FILE      WIDTHxHEIGHT
    png.py left FILE      a digest of the left half's pixels; right: of the other one's
    png.py all FILE       a digest of all of its pixels
    png.py text FILE      the text chunk "parameters"
    png.py colours FILE   how many different pixels there are
    png.py border FILE    share in percent of the outermost pixels that are nearly of their most frequent colour
    png.py extent FILE    succeeds if what differs from the border fills a good part of the picture's shorter side,
                          and leaves room on the longer one
"""
import collections
import hashlib
import struct
import sys
import zlib


def chunks(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        (crc,) = struct.unpack(">I", data[at + 8 + size:at + 12 + size])
        assert len(body) == size and crc == zlib.crc32(kind + body), f"broken chunk {kind}"
        yield kind, body
        at += 12 + size
    assert kind == b"IEND", "no end"


def parameters(found):
    for kind, body in found:
        if kind == b"tEXt":
            key, value = body.split(b"\0", 1)
            encoding = "latin-1"
        elif kind == b"iTXt":
            key, rest = body.split(b"\0", 1)
            packed, value = rest[0], rest[2:].split(b"\0", 2)[2]
            value = zlib.decompress(value) if packed else value
            encoding = "utf-8"
        elif kind == b"zTXt":
            key, rest = body.split(b"\0", 1)
            value, encoding = zlib.decompress(rest[1:]), "latin-1"
        else:
            continue
        if key == b"parameters":
            return value.decode(encoding)
    return ""


def paeth(left, above, corner):
    estimate = left + above - corner
    return min((left, above, corner), key=lambda v: abs(estimate - v))


def rows(width, height, data, pixel=3):
    """The rows of an 8-bit RGB picture, unfiltered."""
    raw, stride, last = zlib.decompress(data), width * pixel, bytes(width * pixel)
    assert len(raw) == height * (stride + 1), "the picture has not the size that it claims"
    for y in range(height):
        line = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        kind = raw[y * (stride + 1)]
        for i in range(stride):
            left, corner = (line[i - pixel], last[i - pixel]) if i >= pixel else (0, 0)
            line[i] = (line[i] + (0, left, last[i], (left + last[i]) // 2, paeth(left, last[i], corner))[kind]) & 255
        last = bytes(line)
        yield last


def near(a, b, most=24):
    return all(abs(x - y) <= most for x, y in zip(a, b))


def framed(picture):
    """The most frequent colour of the border, and how much of it is near that."""
    ring = picture[0] + picture[-1] + [row[0] for row in picture] + [row[-1] for row in picture]
    common = collections.Counter(tuple(v // 8 for v in pixel) for pixel in ring).most_common(1)[0][0]
    colour = tuple(v * 8 + 4 for v in common)
    return colour, sum(near(pixel, colour) for pixel in ring) * 100 // len(ring)


def whole(picture):
    colour, share = framed(picture)
    rows_with = [y for y, row in enumerate(picture) if any(not near(p, colour, 60) for p in row)]
    columns_with = [x for x in range(len(picture[0])) if any(not near(row[x], colour, 60) for row in picture)]
    if share < 90 or not rows_with:
        print(f"{share} percent of the border are of one colour")
        return False
    tall, wide = rows_with[-1] - rows_with[0], columns_with[-1] - columns_with[0]
    short, long = (tall, wide) if len(picture) < len(picture[0]) else (wide, tall)
    print(f"{wide}x{tall} of {len(picture[0])}x{len(picture)}")
    return short > 0.45 * min(len(picture), len(picture[0])) and long < 0.7 * max(len(picture), len(picture[0]))


def main():
    what, path = sys.argv[1:]
    with open(path, "rb") as file:
        found = list(chunks(file.read()))
    assert found[0][0] == b"IHDR", "no header"
    width, height, depth, colour = struct.unpack(">IIBB", found[0][1][:10])
    assert (depth, colour) == (8, 2), "not 8-bit RGB"
    if what == "size":
        print(f"{width}x{height}")
    elif what == "text":
        print(parameters(found))
    else:
        data = b"".join(body for kind, body in found if kind == b"IDAT")
        picture = [[tuple(row[i:i + 3]) for i in range(0, len(row), 3)] for row in rows(width, height, data)]
        if what == "colours":
            print(len({pixel for row in picture for pixel in row}))
        elif what in ("left", "right", "all"):
            part = {"left": slice(width // 2), "right": slice(width // 2, width), "all": slice(width)}[what]
            half = [row[part] for row in picture]
            print(hashlib.sha256(repr(half).encode()).hexdigest())
        elif what == "border":
            print(framed(picture)[1])
        else:
            sys.exit(not whole(picture))


if __name__ == "__main__":
    main()
