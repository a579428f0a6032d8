#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What prompts mean: their parts with weights, and the chunks of tokens they are cut into.

    make-prompts.py       writes tests/fixtures/prompts.json (needs Python 3.11, Unicode 14)

Written after the description of AUTOMATIC1111's web UI: attention by one regular expression, chunks token by token with a
back-off to commas. It departs from it as daemon/engine/text/prompt.h says: a break inside brackets breaks, too."""
import importlib.util
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "fixtures")
PIECE = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|]|[^\\()\[\]:]+|:", re.A)
BREAK = re.compile(r"\s*\bBREAK\b\s*", re.S)
LORA = re.compile(r"<lora:([^:>]+)(?::([^:>]*))?[^>]*>")

PROMPTS = [
    "", "a red fox", "a (red) fox", "a ((red)) fox", "a [red] fox", "a [[red]] (fox)", "(a red fox:1.3)", "(a (red:1.5) fox:0.5)",
    "(a red fox : 1.3 )", "(fox:1.2.3)", "(fox:.)", "(fox:)", "(fox:-1)", "(fox:+.5)", "fox:1.3)", "a \\(red\\) \\[fox\\] \\\\ \\x", "((fox", "[[fox", "(fox]",
    "[fox)", ")fox(", "]fox[", "()", "[]", "(:1.2)", "fox \\", "(a:b:1.1)", "[fox:1.5]", "(([fox:2):3]):4)", "a BREAK b", "aBREAK b", "a BREAKb", "BREAK", "a BREAK BREAK b",
    "(a BREAK b:1.3) c", "break", "the dog BREAK", "BREAK the dog", "a <lora:style:0.8> fox", "<lora:one><lora:two:-1.5:0.5> fox <lora:one:2>", "<lora:a b.c:1e-1>fox",
    "<hypernet:x:1> fox", "<lora:open", "naïve (café:1.1) 日本語の猫", "the (quick:1.1) (brown:1.1)(fox:1.10)", "\t(\n:\n1.5\n)",
    "the cat, " * 30, "fox " * 74 + "the", "fox " * 75, "fox " * 76, "fox " * 60 + ", " + "dog " * 40, "fox " * 54 + ", " + "dog " * 40, "fox " * 53 + ", " + "dog " * 40,
    "fox " * 74 + ", " + "dog " * 40, "fox " * 75 + ", " + "dog " * 90, "(" + "fox " * 70 + ":1.2), (" + "dog " * 30 + ":0.9), [" + "cat " * 100 + "]",
    "a fox BREAK " * 20, "fox " * 2000, ", " * 160, "fox " * 40 + "BREAK " + "dog " * 80 + "BREAK cat",
]


def load(path):
    spec = importlib.util.spec_from_file_location("module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOKENIZER = load(f"{FIXTURES}/make-tokenizer.py")
with open(f"{FIXTURES}/tokenizer/vocab.json") as f:
    VOCAB = json.load(f)
RANKS = {m: i for i, m in enumerate(TOKENIZER.learn())}
START, END, COMMA = (VOCAB[t] for t in (TOKENIZER.START, TOKENIZER.END, ",</w>"))


def is_number(text):
    try:
        float(text)
        return True
    except (TypeError, ValueError):
        return False


def take_loras(text):
    """Adapters out of a prompt, one after the other, since what is left may join to another one."""
    loras = []
    while m := LORA.search(text):
        loras.append([m[1], float(m[2]) if m[2] is not None else 1.0])
        text = text[:m.start()] + text[m.end():]
    return text, loras


def parts_of(text):
    """[text, weight], or None for a break."""
    res, rounds, squares = [], [], []

    def multiply(start, factor):
        for p in res[start:]:
            if p:
                p[1] *= factor

    at = 0
    while at < len(text):
        m = PIECE.match(text, at)
        piece, weight = m[0], m[1]
        if weight is not None and not (rounds and is_number(weight)):
            piece, weight = ":", None
        at += len(piece)
        if piece[0] == "\\":
            res.append([piece[1:], 1.0])
        elif piece == "(":
            rounds.append(len(res))
        elif piece == "[":
            squares.append(len(res))
        elif weight is not None:
            multiply(rounds.pop(), float(weight))
        elif piece == ")" and rounds:
            multiply(rounds.pop(), 1.1)
        elif piece == "]" and squares:
            multiply(squares.pop(), 1 / 1.1)
        else:
            for i, part in enumerate(BREAK.split(piece)):
                if i > 0:
                    res.append(None)
                res.append([part, 1.0])
    for start in reversed(rounds):
        multiply(start, 1.1)
    for start in reversed(squares):
        multiply(start, 1 / 1.1)
    merged = []
    for p in res or [["", 1.0]]:
        if p and merged and merged[-1] and merged[-1][1] == p[1]:
            merged[-1][0] += p[0]
        else:
            merged.append(p)
    return merged


def chunks_of(parts, room):
    """Chunks of [token, weight], filled up to `room`."""
    chunks, chunk, comma = [], [], -1
    for part in parts:
        if part is None:
            chunks.append(chunk)
            chunk, comma = [], -1
            continue
        for token in TOKENIZER.encode(part[0], VOCAB, RANKS)[1:-1]:
            if token == COMMA:
                comma = len(chunk)
            elif len(chunk) == room and comma != -1 and room - comma <= room * 20 // 75:
                chunks.append(chunk[:comma + 1])
                chunk, comma = chunk[comma + 1:], -1
            if len(chunk) == room:
                chunks.append(chunk)
                chunk, comma = [], -1
            chunk.append([token, part[1]])
    if chunk or not chunks:
        chunks.append(chunk)
    return chunks


def case(prompt):
    text, loras = take_loras(prompt)
    parts = parts_of(text)
    out = {"prompt": prompt, "parts": parts, "loras": loras}
    for room in (75, 22):
        # tokens and weights without the padding
        chunks = chunks_of(parts, room)
        if len(chunks) <= 16:
            out[f"chunks_{room}"] = [{"ids": [t for t, _ in c], "weights": [w for _, w in c]} for c in chunks]
    return out


with open(f"{FIXTURES}/prompts.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(case(p)) for p in PROMPTS) + "\n]\n")
