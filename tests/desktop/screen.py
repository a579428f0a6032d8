#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Xvfb shows (-fbdir, a file as xwd has them).

    screen.py FILE at X Y        the brightness there, 0 to 255
    screen.py FILE png OUTPUT    all of it as a PNG
"""
import struct
import sys
import zlib


def read(path):
    """Width, height and rows of red, green, blue."""
    with open(path, "rb") as file:
        data = file.read()
    header = struct.unpack(">25I", data[:100])
    size, width, height, bits, row, colours = header[0], header[4], header[5], header[11], header[12], header[19]
    assert bits == 32, bits
    begin = size + 12 * colours
    lines = []
    for y in range(height):
        pixels = data[begin + y * row : begin + y * row + 4 * width]
        line = bytearray(3 * width)
        line[0::3], line[1::3], line[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
        lines.append(bytes(line))
    return width, height, lines


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


width, height, lines = read(sys.argv[1])
if sys.argv[2] == "at":
    x, y = int(sys.argv[3]), int(sys.argv[4])
    print(sum(lines[y][3 * x : 3 * x + 3]) // 3)
else:
    with open(sys.argv[3], "wb") as output:
        output.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        output.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines))) + chunk(b"IEND", b""))
