#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cuts a safetensors file into several with an index, as diffusers saves large models.

    shard.py FOLDER/STEM.safetensors PIECES     writes FOLDER/STEM-0000i-of-0000n.safetensors and the index, removes the file"""
import json
import mmap
import os
import struct
import sys


def read(path):
    """{key: (dtype, shape, bytes)}; the bytes stay in the file, which may be a large one."""
    with open(path, "rb") as f:
        data = memoryview(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(bytes(data[8:start]))
    header.pop("__metadata__", None)
    return {key: (t["dtype"], t["shape"], data[start:][slice(*t["data_offsets"])]) for key, t in header.items()}


def write(path, tensors):
    header, offset = {}, 0
    for key, (dtype, shape, blob) in tensors.items():
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".new", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, _, blob in tensors.values():
            f.write(blob)
    os.replace(path + ".new", path)


def main():
    path, pieces = sys.argv[1], int(sys.argv[2])
    stem, tensors, index = path.removesuffix(".safetensors"), read(path), {}
    for i in range(pieces):
        name = f"{stem}-{i + 1:05}-of-{pieces:05}.safetensors"
        part = {key: tensors[key] for key in sorted(tensors)[i::pieces]}
        write(name, part)
        index |= {key: os.path.basename(name) for key in part}
    with open(f"{path}.index.json", "w") as f:
        json.dump({"metadata": {}, "weight_map": index}, f)
    os.remove(path)


if __name__ == "__main__":
    main()
