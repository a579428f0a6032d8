# SPDX-License-Identifier: LGPL-2.1-or-later
"""ComfyUI."""
import json
import threading
from urllib.parse import parse_qs, urlsplit

from fake import openai_images, pictures

lock = threading.Lock()
tasks = {}


def is_mine(path):
    return path.startswith(("/prompt", "/history/", "/view?", "/upload/image", "/queue", "/interrupt", "/system_stats"))


def image(name, kind="output"):
    return {"filename": name, "subfolder": "a b", "type": kind}


def history(task, images, **status):
    return {task: {"outputs": {"9": {"images": images}}, "status": {"status_str": "success", "completed": True, **status}}}


def play(peer, case, path, headers, body):
    if path == "/system_stats":
        if case == "ok":
            peer.answer(200, {"system": {}})
        return case == "ok"
    if path == "/upload/image":
        fields = openai_images.fields_of(headers, body)
        if case == "no-upload-name":
            peer.answer(200, {})
        else:
            peer.answer(200, {"name": "up-" + fields["image"].split()[0] + ".png", "subfolder": fields.get("subfolder"), "type": "input"})
        return True
    if path in ("/queue", "/interrupt"):
        peer.note("cancelled", path + " " + body.decode())
        peer.answer(200, {})
        return True
    if path == "/prompt":
        return play_prompt(peer, case, json.loads(body or b"{}"))
    if path.startswith("/view?"):
        query = parse_qs(urlsplit(path).query)
        assert query["subfolder"] == ["a b"] and query["type"] == ["output"]
        peer.answer(200, pictures.RED + query["filename"][0].encode(), {"Content-Type": "image/png"})
        return True
    task = path.split("/")[2]
    return play_history(peer, case, task)


def play_prompt(peer, case, asked):
    if case == "fields":
        peer.note("asked", json.dumps(asked["prompt"], sort_keys=True))
    if case == "node-errors":
        peer.answer(400, {"error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"}, "node_errors": {}})
    elif case == "bad-id":
        peer.answer(200, {"prompt_id": "a/../b", "number": 1, "node_errors": {}})
    elif case in HISTORIES:
        with lock:
            task = f"0000-{len(tasks)}"
            tasks[task] = 0
        peer.answer(200, {"prompt_id": task, "number": 1, "node_errors": {}})
    else:
        return False
    return True


def play_history(peer, case, task):
    case = case if case in HISTORIES else "ok"
    with lock:
        tasks[task] += 1
        look = tasks[task]
    if case == "pending" or (case in ("ok", "fields") and look == 1):
        peer.answer(200, {})
    else:
        peer.answer(200, HISTORIES[case](task))
    return True


HISTORIES = {
    "ok": lambda task: history(task, [image("x.png", "temp"), image("föx & co.png"), image("2.png"), image("3.png")]),
    "fields": lambda task: history(task, [image("fox.png")]),
    "failed": lambda task: history(task, [], status_str="error", completed=False, messages=[
        ["execution_start", {}], ["execution_error", {"exception_message": "CUDA out of memory"}]]),
    "no-pictures": lambda task: history(task, []),
    "no-file-name": lambda task: history(task, [{"type": "output", "subfolder": 5}]),
    "pending": lambda task: {},
}
