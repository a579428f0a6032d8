#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""transpose.py FILE TENSOR     turns a square matrix of 16-bit numbers in a safetensors file over, in place"""
import array
import json
import struct
import sys


def main():
    path, name = sys.argv[1:]
    with open(path, "r+b") as f:
        length, = struct.unpack("<Q", f.read(8))
        tensor = json.loads(f.read(length))[name]
        (rows, columns), (begin, end) = tensor["shape"], tensor["data_offsets"]
        assert rows == columns and end - begin == 2 * rows * columns, "not square, or not of 16 bits"
        f.seek(8 + length + begin)
        old = array.array("H", f.read(end - begin))
        new = array.array("H", bytes(end - begin))
        for i in range(rows):
            new[i::rows] = old[i * rows:(i + 1) * rows]
        f.seek(8 + length + begin)
        f.write(new.tobytes())


if __name__ == "__main__":
    main()
