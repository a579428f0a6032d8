#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal that plays what it is told to, and notes what it is sent.

    preview.py [--answer TEXT] [--type-at PATTERN TYPED] [--end-at PATTERN] [--stdout FILE] [--size COLUMNS ROWS WIDTH HEIGHT] NOTES COMMAND...
    preview.py kitty NOTES FILE    all pictures in NOTES stand in one place, and the last is FILE
    preview.py drafts NOTES        likewise, without an end
    preview.py sixel NOTES FILE    the one picture in NOTES looks like FILE

The answer is there before the command asks: nothing depends on how fast anybody is. The exit status is the command's,
128 + its signal, or 99 if it leaves the terminal otherwise than it was."""

import argparse
import base64
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

sys.dont_write_bytecode = True
import png  # noqa: E402, beside this file

SECONDS_MAX = 240


def play():
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer", default="")
    parser.add_argument("--type-at", nargs=2, default=("", ""))
    parser.add_argument("--end-at", default="")
    parser.add_argument("--stdout")
    parser.add_argument("--size", nargs=4, type=int, default=(80, 24, 640, 384))
    parser.add_argument("notes")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    columns, rows, width, height = args.size

    begin_read, begin_write = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        os.close(begin_write)
        os.read(begin_read, 1)
        if args.stdout:
            os.dup2(os.open(args.stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.execvp(args.command[0], args.command)
    os.close(begin_read)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, width, height))
    os.write(master, args.answer.encode().decode("unicode_escape").encode())
    before = termios.tcgetattr(master)
    os.close(begin_write)

    seen, status, after = b"", None, None
    at, typed = args.type_at[0].encode(), args.type_at[1].encode().decode("unicode_escape").encode()
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        try:
            if select.select([master], [], [], 0.1)[0]:
                seen += os.read(master, 65536)
        except OSError:  # all have left it
            pass
        if at and re.search(at, seen, re.DOTALL):
            os.write(master, typed)
            at = b""
        if args.end_at and re.search(args.end_at.encode(), seen, re.DOTALL):
            os.kill(pid, signal.SIGTERM)  # a typed Ctrl-C takes what is under way with it
            args.end_at = ""
        if status is None:
            done, raw = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(raw) if done else None
            continue
        after = termios.tcgetattr(master)
        if not select.select([master], [], [], 0)[0]:
            break
        try:
            seen += os.read(master, 65536)
        except OSError:
            break
    with open(args.notes, "wb") as f:
        f.write(seen)
    if status is None:
        os.kill(pid, 9)
        sys.exit("it hangs: " + repr(seen[-2000:]))
    if after != before:
        print("the terminal was left otherwise:", before, after)
        return 99
    return status if status >= 0 else 128 - status


def read_png(data):
    """8 bits a channel, RGB, no interlacing: what the service writes."""
    found = list(png.chunks(data))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", dict(found)[b"IHDR"])
    assert (depth, colour, interlaced) == (8, 2, 0)
    packed = b"".join(body for kind, body in found if kind == b"IDAT")
    return width, height, list(png.rows(width, height, packed))


def read_sixels(text):
    found = re.fullmatch(r'\d*;\d*;\d*q"1;1;(\d+);(\d+)([^\x1b]*)', text)
    width, height = int(found[1]), int(found[2])
    rows = [bytearray(3 * width) for _ in range(height)]
    palette, colour, x, top = {}, 0, 0, 0
    for number, r, g, b, run, sixel, move in re.findall(
            r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|(?:!(\d+))?([?-~])|([$-])", found[3]):
        if number:
            colour = int(number)
            if r:
                palette[colour] = bytes(round(int(value) * 255 / 100) for value in (r, g, b))
        elif sixel:
            for _ in range(int(run or 1)):
                for bit in range(6):
                    if ord(sixel) - 63 >> bit & 1:
                        rows[top + bit][3 * x:3 * x + 3] = palette[colour]
                x += 1
        else:
            x, top = 0, top + (6 if move == "-" else 0)
    return width, height, rows


def means(picture, across, down):
    width, height, rows = picture
    for v in range(down):
        for u in range(across):
            for channel in range(3):
                values = [rows[y][3 * x + channel]
                          for y in range(v * height // down, (v + 1) * height // down)
                          for x in range(u * width // across, (u + 1) * width // across)]
                yield sum(values) / len(values)


def check_sixel(notes, path):
    found = re.findall(rb"\x1bP([^\x1b]*)\x1b\\", open(notes, "rb").read())
    assert len(found) == 1, len(found)
    shown, made = read_sixels(found[0].decode()), read_png(open(path, "rb").read())
    print("shown", shown[:2], "made", made[:2])
    error = [abs(a - b) for a, b in zip(means(shown, 4, 4), means(made, 4, 4))]
    print("blocks are off by", sum(error) / len(error))
    assert sum(error) / len(error) < 8
    return 0


def check_kitty(notes, path):
    pictures = []
    for keys, data in re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", open(notes, "rb").read()):
        keys = dict(key.split("=") for key in keys.decode().split(","))
        if "a" in keys:
            pictures.append((keys, b""))
        assert len(data) <= 4096 and len(data) % 4 == 0
        pictures[-1] = (pictures[-1][0], pictures[-1][1] + base64.b64decode(data))
    print([(keys, len(data)) for keys, data in pictures])
    assert len({(keys["i"], keys["c"], keys["r"]) for keys, _ in pictures}) == 1, "they stand in one place"
    assert all(data.startswith(b"\x89PNG") for _, data in pictures)
    assert path is None or pictures[-1][1] == open(path, "rb").read()
    return 0


if sys.argv[1] in ("kitty", "drafts"):
    sys.exit(check_kitty(sys.argv[2], sys.argv[3] if sys.argv[1] == "kitty" else None))
if sys.argv[1] == "sixel":
    sys.exit(check_sixel(sys.argv[2], sys.argv[3]))
sys.exit(play())
