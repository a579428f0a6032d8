# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stability's v2beta."""
import json

from fake import openai_images, pictures
from fake.pictures import text


def is_mine(path):
    return path.startswith("/v2beta/") or path.startswith("/v1/user/")


def play(peer, case, path, headers, body):
    if path == "/v1/user/balance":
        if case == "ok":
            peer.answer(200, {"credits": 12.5})
        return case == "ok"
    fields = openai_images.fields_of(headers, body)

    def refuse(status, name, *errors):
        peer.answer(status, {"id": "x", "name": name, "errors": errors})

    def say(picture, reason="SUCCESS", **more):
        peer.answer(200, {"image": text(picture), "finish_reason": reason, "seed": int(fields.get("seed", 5)), **more})

    cases = {
        "ok": lambda: say(pictures.RED),
        "fields": lambda: say(pictures.RED + json.dumps({"path": path, "accept": headers["accept"], **fields}, sort_keys=True).encode()),
        "filtered": lambda: say(pictures.GREY, "CONTENT_FILTERED"),
        "failed": lambda: say(pictures.GREY, "ERROR"),
        "bytes": lambda: peer.answer(200, pictures.RED, {"Content-Type": "image/png", "finish-reason": "SUCCESS", "seed": 77}),
        "bytes-filtered": lambda: peer.answer(200, pictures.GREY, {"Content-Type": "image/png", "finish-reason": "CONTENT_FILTERED"}),
        "bytes-text": lambda: peer.answer(200, "I am a fox", {"Content-Type": "image/png"}),
        "no-image": lambda: peer.answer(200, {"finish_reason": "SUCCESS"}),
        "403-moderation": lambda: refuse(403, "content_moderation", "Your request was flagged"),
        "413": lambda: refuse(413, "payload_too_large", "too large"),
        "422": lambda: refuse(422, "invalid", "aspect_ratio: must be one of"),
        "402": lambda: refuse(402, "payment_required", "You lack sufficient credits"),
    }
    if case in cases:
        cases[case]()
    return case in cases
