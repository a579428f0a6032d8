# SPDX-License-Identifier: LGPL-2.1-or-later
"""AUTOMATIC1111's web UI."""
import json
import time

from fake import pictures
from fake.pictures import text

progress = {"asked": 0, "refused": 0}


def is_mine(path):
    return path.startswith("/sdapi/")


def short(fields):
    return {k: [len(x) for x in v] if k == "init_images" else len(v) if k == "mask" else v for k, v in fields.items()}


def play(peer, case, path, headers, body):
    if path.startswith("/sdapi/v1/progress"):
        progress["asked"] += 1
        step = progress["asked"] % 4
        image = text(pictures.png(8, 8, bytes([step * 9] * 3))) if "skip_current_image=false" in path else None
        peer.answer(200, {"progress": step / 4, "eta_relative": 1, "state": {"job_count": 1}, "current_image": image})
        return True
    if path.startswith("/sdapi/v1/interrupt"):
        peer.note("cancelled", "interrupt")
        peer.answer(200, {})
        return True
    if path.startswith("/sdapi/v1/sd-models"):
        if case == "ok":
            peer.answer(200, [{"title": "one.safetensors [12]", "model_name": "one"}, {"title": "two"}])
        return case == "ok"
    fields = json.loads(body or b"{}")
    n = fields.get("batch_size", 1)
    seed = fields.get("seed", 7)

    def say(images, info=None, **more):
        peer.answer(200, {"images": images, "parameters": {}, "info": json.dumps(
            {"all_seeds": [seed + i for i in range(n)], "sd_model_name": "one", **(info or {})}), **more})

    red = text(pictures.RED)
    cases = {
        "ok": lambda: say([red] * n),
        "fields": lambda: say([text(pictures.RED + json.dumps(short(fields), sort_keys=True).encode())]),
        "grid": lambda: say([text(pictures.GREY)] + [text(pictures.RED + str(i).encode()) for i in range(n)], {"index_of_first_image": 1}),
        "lying-grid": lambda: say([red] * n, {"index_of_first_image": 9}),
        "no-images": lambda: say([]),
        "null-images": lambda: say(None),
        "text-images": lambda: say(["not a picture!"]),
        "bad-info": lambda: peer.answer(200, {"images": [red] * n, "info": "{"}),
        "no-info": lambda: peer.answer(200, {"images": ["data:image/png;base64," + red] * n}),
        "404-init": lambda: peer.answer(404, {"detail": "Init image not found"}),
        "422": lambda: peer.answer(422, {"detail": [{"loc": ["body", "steps"], "msg": "value is not a valid integer", "type": "type_error"}]}),
        "500-memory": lambda: peer.answer(500, {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory."}),
        "slow": lambda: (wait_for_progress(peer), say([red] * n)),
        "never": peer.wait_for_end,
        "busy-never": lambda: be_busy(peer),
    }
    if case in cases:
        cases[case]()
    return case in cases


def be_busy(peer):
    """At first; then it draws without an end."""
    progress["refused"] += 1
    if progress["refused"] % 2 == 1:
        peer.answer(503, {"detail": "busy"})
    else:
        peer.wait_for_end()


def wait_for_progress(peer):
    """Until it was asked so often how far it is that some answers were heard: each question follows on an answer."""
    enough = progress["asked"] + 6
    while progress["asked"] < enough:
        time.sleep(0.01)
