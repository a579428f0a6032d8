#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""psnr.py PNG PNG DECIBELS     how alike two pictures are; fails below that"""
import importlib.util
import math
import os
import struct
import sys

spec = importlib.util.spec_from_file_location(
    "png", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e/png.py"))
PNG = importlib.util.module_from_spec(spec)
spec.loader.exec_module(PNG)


def read(path):
    with open(path, "rb") as f:
        found = list(PNG.chunks(f.read()))
    width, height, depth, colours = struct.unpack(">IIBB", dict(found)[b"IHDR"][:10])
    assert (depth, colours) == (8, 2), "not 8-bit RGB"
    rows = PNG.rows(width, height, b"".join(body for kind, body in found if kind == b"IDAT"))
    return (width, height), b"".join(rows)


def main():
    (size, a), (other_size, b) = read(sys.argv[1]), read(sys.argv[2])
    assert size == other_size, "other sizes"
    off = [abs(x - y) for x, y in zip(a, b)]
    mean = sum(d * d for d in off) / len(off)
    psnr = 10 * math.log10(255 * 255 / mean) if mean else math.inf
    print(f"{psnr:.1f} dB; {100 * sum(map(bool, off)) / len(off):.1f} % of the bytes differ, by {max(off)} at most")
    return psnr < float(sys.argv[3])


if __name__ == "__main__":
    sys.exit(main())
