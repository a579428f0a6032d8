# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenAI's Images."""
import json
import re

from fake import pictures
from fake.pictures import text


def is_mine(path):
    return "/images/" in path or path.endswith("/models")


USAGE = {"total_tokens": 100, "input_tokens": 50, "output_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}


def answer_of(*pictures_, **more):
    return {"created": 1713833628, "background": "opaque", "output_format": "png", "quality": "high", "size": "1024x1024",
            "data": [{"b64_json": text(p)} for p in pictures_], "usage": USAGE, **more}


def event(kind, data):
    return f"event: {kind}\ndata: " + json.dumps({"type": kind, **data}) + "\n\n"


def partial(i, what="image_generation"):
    return event(f"{what}.partial_image", {"b64_json": text(pictures.GREY), "partial_image_index": i, "created_at": 1,
                                           "output_format": "png"})


def completed(what="image_generation"):
    return event(f"{what}.completed", {"b64_json": text(pictures.RED), "usage": USAGE, "output_format": "png"})


def stream(peer, events, size=997):
    peer.begin_stream()
    data = events.encode()
    for i in range(0, len(data), size):
        peer.send(data[i:i + size])


def fields_of(headers, body):
    """Of either way of asking; of files their sizes."""
    if not headers.get("content-type", "").startswith("multipart/"):
        return json.loads(body or b"{}")
    boundary = re.search("boundary=(.*)", headers["content-type"])[1].encode()
    fields = {}
    for piece in body.split(b"--" + boundary)[1:-1]:
        head, value = piece[2:-2].split(b"\r\n\r\n", 1)
        name = re.search(b'name="([^"]*)"', head)[1].decode()
        fields[name] = f"{len(value)} bytes" if b"filename=" in head else value.decode()
    return fields


def picture_with(fields):
    """What was asked, behind the end of a picture: where a test finds it."""
    return pictures.RED + json.dumps(fields, sort_keys=True).encode()


def play(peer, case, path, headers, body):
    if path.endswith("/models"):
        if case == "ok":
            peer.answer(200, {"object": "list", "data": [{"id": "gpt-image-1", "object": "model"}, {"id": "dall-e-3"}]})
        return case == "ok"
    fields = fields_of(headers, body)
    links = f"{peer.scheme}://{headers.get('host')}/ok/files/"
    what = "image_edit" if path.endswith("/edits") else "image_generation"
    n = int(fields.get("n", 1))
    good = answer_of(*[pictures.RED] * n)

    def say(value, **headers_):
        peer.answer(200, value, headers_)

    def refuse(status, code, kind="some_error", message="not allowed here"):
        peer.answer(status, {"error": {"message": message, "type": kind, "param": "", "code": code}})

    def link(address):
        say({"created": 1, "data": [{"url": address, "revised_prompt": "A very red fox"}]})

    cases = {
        "ok": lambda: say(good),
        "fields": lambda: say(answer_of(picture_with(fields))),
        "seeds": lambda: say({"data": [{"b64_json": text(pictures.RED), "seed": fields.get("seed")}]}),
        "photographs": lambda: say(answer_of(*[pictures.noise(1400)] * n)),
        "large": lambda: say(answer_of(pictures.RED + bytes(31 << 20))),
        "too-large": lambda: say(answer_of(pictures.RED + bytes(33 << 20))),
        "stream-large": lambda: stream(peer, event(what + ".completed", {"b64_json": text(pictures.RED + bytes(31 << 20))}), 1 << 20),
        "fewer": lambda: say(answer_of(pictures.RED)),
        "more": lambda: say(answer_of(*[pictures.RED] * (n + 3))),
        "empty-data": lambda: say({"created": 1, "data": []}),
        "no-data": lambda: say({"created": 1}),
        "null-picture": lambda: say({"data": [{"b64_json": None}]}),
        "bad-base64": lambda: say({"data": [{"b64_json": "§%&"}]}),
        "cut-base64": lambda: say({"data": [{"b64_json": text(pictures.RED)[:-3]}]}),
        "text-as-picture": lambda: say({"data": [{"b64_json": text(b"I am a fox")}]}),
        "data-url": lambda: say({"data": [{"b64_json": "data:image/png;base64," + text(pictures.RED)}]}),
        "bomb": lambda: say(answer_of(pictures.BOMB)),
        "bomb-rows": lambda: say(answer_of(pictures.bomb(b"IDAT", b"", 256 << 20))),
        "bomb-text": lambda: say(answer_of(pictures.bomb(b"zTXt", b"parameters\0\0", 256 << 20))),
        "half-characters": lambda: say({"data": [{"b64_json": text(pictures.RED), "revised_prompt": "half \ud83e a \0 fox"}]}),
        "error-200": lambda: say({"error": {"message": "out of soup"}}),
        "moderation": lambda: refuse(400, "moderation_blocked", "image_generation_user_error"),
        "moderation-type": lambda: refuse(400, None, "image_generation_user_error"),
        "noncharacter": lambda: refuse(400, "moderation_blocked", message="not \ufffe here"),
        "policy": lambda: refuse(400, "content_policy_violation"),
        "quota": lambda: refuse(429, "insufficient_quota"),
        "huge-body": lambda: peer_floods(peer),
        "stream": lambda: stream(peer, partial(0, what) + partial(1, what) + completed(what) + "data: [DONE]\n\n"),
        "stream-bits": lambda: stream(peer, partial(0, what) + completed(what), 7),
        "stream-fewer": lambda: stream(peer, completed(what)),
        "stream-cut": lambda: stream(peer, (partial(0, what) + completed(what))[:-200]),
        "stream-partials": lambda: stream(peer, partial(0, what) + partial(1, what)),
        "stream-error": lambda: stream(peer, partial(0) + event("error", {"error": {"message": "out of soup"}})),
        "stream-refused": lambda: stream(peer, partial(0) + event("error", {"error": {
            "message": "not allowed here", "code": "moderation_blocked", "type": "image_generation_user_error"}})),
        "stream-garbage": lambda: stream(peer, partial(0) + "data: {]\n\n"),
        "stream-text": lambda: stream(peer, event(what + ".completed", {"b64_json": text(b"I am a fox")})),
        "link": lambda: link(links + "red.png?token=%2F"),
        "link-expired": lambda: link(links + "expired"),
        "link-html": lambda: link(links + "html"),
        "link-untyped": lambda: link(links + "untyped"),
        "link-huge": lambda: link(links + "huge"),
        "link-loop": lambda: link(links + "to-self"),
        "link-moved": lambda: link(links + "to-here"),
        "link-to-file": lambda: link(links + "to-file"),
        "link-to-private": lambda: link(links + "to-private"),
        "link-to-port": lambda: link(links + "to-port"),
        "link-to-ftp": lambda: link(links + "to-ftp"),
        "link-file": lambda: link("file:///etc/passwd"),
        "link-ftp": lambda: link("ftp://localhost/red.png"),
        "link-plain": lambda: link("http://localhost:1/red.png"),
        "link-loopback": lambda: link("https://127.0.0.1/red.png"),
        "link-name": lambda: link("https://localhost/red.png"),
        "link-number": lambda: link("https://2130706433/red.png"),
        "link-six": lambda: link("https://[::1]/red.png"),
        "link-user": lambda: link("https://user:password@localhost/red.png"),
        "link-none": lambda: link("https://nowhere.invalid/red.png"),
        "link-number-type": lambda: link(5),
    }
    if case.startswith("elsewhere-"):  # a server with another port: elsewhere-PORT-NAME
        _, port, name = case.split("-", 2)
        link(f"https://localhost:{port}/ok/files/{name}")
        return True
    if case in cases:
        cases[case]()
    return case in cases


def peer_floods(peer):
    peer.head(200, {"Content-Type": "application/json", "Content-Length": 2 << 30})
    peer.send('{"data": [{"b64_json": "')
    while True:
        peer.send(b"A" * 65536)
