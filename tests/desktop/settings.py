#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A picture that claims to have been made with other settings:    settings.py FROM TO [WORDS OTHERS]…"""
import struct
import sys
import zlib


def chunks(data):
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


data = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "wb") as output:
    output.write(data[:8])
    for kind, body in chunks(data):
        if kind == b"tEXt":
            for words, others in zip(sys.argv[3::2], sys.argv[4::2]):
                assert words.encode() in body, body
                body = body.replace(words.encode(), others.encode())
        output.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
