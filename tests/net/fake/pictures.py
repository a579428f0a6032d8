# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures that a server may send."""
import base64
import os
import struct
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=16, height=16, colour=b"\xc0\x40\x20", rows=None):
    """One colour; rows: how many of them are really there."""
    line = b"\0" + colour * width
    data = zlib.compress(line * (height if rows is None else rows), 9)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", data) +
            chunk(b"IEND", b""))


def text(picture):
    return base64.b64encode(picture).decode()


def noise(side):
    """What cannot be packed: three bytes a pixel."""
    data = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(data, 0)) + chunk(b"IEND", b""))


RED = png()
GREEN = png(colour=b"\x20\xc0\x40")
GREY = png(8, 8, b"\x80\x80\x80")


def inflated(size):
    """So many zeros, compressed."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def bomb(kind, before, size):
    """A small picture with a chunk that becomes a large one; IDAT: in the place of its pixels."""
    good = png()
    end, data = chunk(b"IEND", b""), chunk(kind, before + inflated(size))
    return good[:33] + data + end if kind == b"IDAT" else good[:33] + data + good[33:]


# Four hundred million pixels in some kilobytes.
BOMB = png(20000, 20000, b"\0\0\0", rows=64)
