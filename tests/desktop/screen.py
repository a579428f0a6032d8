#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Xvfb shows (-fbdir, a file as xwd has them).

    screen.py FILE at X Y                      the brightness there, 0 to 255
    screen.py FILE png OUTPUT                  all of it as a PNG
    screen.py FILE find PNG [WIDTH HEIGHT]     whether that picture is to be seen, of that size, and where
    screen.py FILE twice OTHER WIDTH HEIGHT    whether it has twice as large what OTHER has in the upper left corner
"""
import itertools
import struct
import sys
import zlib

sys.path.insert(0, f"{sys.path[0]}/../e2e")
sys.dont_write_bytecode = True
import png  # noqa: E402

BLOCKS = 8  # a side of a picture that is looked for; dithering does not change what they are like on average
ALIKE_TWICE = 40  # letters are drawn otherwise when they are larger, and a cursor blinks
ALIKE = 8  # how far they may differ, of 255, on average


class Pixels:
    """Rows of red, green, blue, and the means of rectangles."""

    def __init__(self, width, height, lines):
        self.width, self.height, self.lines = width, height, lines
        self.sums = None

    def sum_up(self):
        """Of all above and to the left of each pixel, channel by channel."""
        self.sums = []
        for channel in range(3):
            table = [[0] * (self.width + 1)]
            for line in self.lines:
                row = itertools.accumulate(line[channel::3], initial=0)
                table.append([above + left for above, left in zip(table[-1], row)])
            self.sums.append(table)

    def mean(self, channel, x, y, to_x, to_y):
        table = self.sums[channel]
        return (table[to_y][to_x] - table[y][to_x] - table[to_y][x] + table[y][x]) / ((to_x - x) * (to_y - y))


def read_screen(path):
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
    return Pixels(width, height, lines)


def read_png(path):
    with open(path, "rb") as file:
        found = list(png.chunks(file.read()))
    width, height = struct.unpack(">II", found[0][1][:8])
    return Pixels(width, height, list(png.rows(width, height, b"".join(body for kind, body in found if kind == b"IDAT"))))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, pixels):
    with open(path, "wb") as output:
        header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, 2, 0, 0, 0)
        output.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        output.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in pixels.lines))) + chunk(b"IEND", b""))


def grid(width, height):
    """The corners of the blocks."""
    for by, bx in itertools.product(range(BLOCKS), repeat=2):
        yield bx * width // BLOCKS, by * height // BLOCKS, (bx + 1) * width // BLOCKS, (by + 1) * height // BLOCKS


def find(screen, picture, width, height):
    """Where the blocks differ least, and by how much."""
    screen.sum_up()
    picture.sum_up()
    wanted = [[picture.mean(c, *corners) for c in range(3)] for corners in grid(picture.width, picture.height)]
    blocks = list(zip(grid(width, height), wanted))
    most, place = float(ALIKE) * len(blocks) * 3, None
    for y, x in itertools.product(range(screen.height - height + 1), range(screen.width - width + 1)):
        total = 0.0
        for (x0, y0, x1, y1), means in blocks:
            total += sum(abs(screen.mean(c, x + x0, y + y0, x + x1, y + y1) - means[c]) for c in range(3))
            if total >= most:
                break
        else:
            most, place = total, (x, y)
    return place, most / len(blocks) / 3


def twice(large, small, width, height):
    """The largest difference of two blocks that should be alike."""
    large.sum_up()
    small.sum_up()
    corners = [(x, y, x + BLOCKS, y + BLOCKS) for y in range(0, height, BLOCKS) for x in range(0, width, BLOCKS)]
    return max(abs(large.mean(c, *(2 * v for v in at)) - small.mean(c, *at)) for at in corners for c in range(3))


def main():
    screen, what, rest = read_screen(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if what == "at":
        x, y = int(rest[0]), int(rest[1])
        print(sum(screen.lines[y][3 * x : 3 * x + 3]) // 3)
    elif what == "png":
        write_png(rest[0], screen)
    elif what == "find":
        picture = read_png(rest[0])
        width, height = map(int, rest[1:]) if rest[1:] else (picture.width, picture.height)
        place, difference = find(screen, picture, width, height)
        print(place, difference)
        return place is None
    elif what == "twice":
        difference = twice(screen, read_screen(rest[0]), int(rest[1]), int(rest[2]))
        print(difference)
        return difference > ALIKE_TWICE
    return 0


sys.exit(main())
