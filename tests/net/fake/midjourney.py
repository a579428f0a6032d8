# SPDX-License-Identifier: LGPL-2.1-or-later
"""A proxy for Midjourney."""
import json
import threading

lock = threading.Lock()
tasks = {}
was_full = []


def is_mine(path):
    return path.startswith("/mj/")


SUBMIT = {"full": (23, "The queue is full"), "banned": (24, "There are banned words"), "odd-code": (4, "parameter error")}
IN_QUEUE = [{"status": "NOT_START"}, {"status": "SUBMITTED"}, {"status": "IN_PROGRESS", "progress": "50%"}]
TASKS = {
    "ok": [{"status": "SUCCESS", "imageUrl": "red.png"}],
    "fields": [{"status": "SUCCESS", "imageUrl": "red.png"}],
    "full-once": [{"status": "SUCCESS", "imageUrl": "red.png"}],
    "queued": [{"status": "SUCCESS", "imageUrl": "red.png"}],
    "long": IN_QUEUE + [{"status": "SUCCESS", "progress": "100%", "imageUrl": "red.png"}],
    "failed": [{"status": "FAILURE", "failReason": "Timeout"}],
    "moderated": [{"status": "FAILURE", "failReason": "Blocked by AI moderator"}],
    "cancelled": [{"status": "CANCEL"}],
    "no-url": [{"status": "SUCCESS"}],
    "odd-status": [{"status": "DREAMING"}],
    "odd-progress": [{"status": "IN_PROGRESS", "progress": "many"}, {"status": "SUCCESS", "imageUrl": "red.png"}],
    "pending": [{"status": "IN_PROGRESS", "progress": "50%"}],
}


def play(peer, case, path, headers, body):
    files = f"{peer.scheme}://{headers.get('host')}/ok/files/"
    if path == "/mj/task/queue":
        if case == "ok":
            peer.answer(200, [])
        return case == "ok"
    if path == "/mj/submit/imagine":
        if case == "fields":
            asked = json.loads(body)
            peer.note("asked", json.dumps({**asked, "base64Array": len(asked["base64Array"])}, sort_keys=True))
        with lock:
            if case == "full-once" and not was_full:
                was_full.append(case)
                case = "full"
        if case in SUBMIT:
            code, why = SUBMIT[case]
            peer.answer(200, {"code": code, "description": why})
        elif case in TASKS:
            with lock:
                task = str(1000 + len(tasks))
                tasks[task] = 0
            peer.answer(200, {"code": 22 if case == "queued" else 1, "description": "ok", "result": task})
        return case in SUBMIT or case in TASKS
    task = path.split("/")[3]
    with lock:
        tasks[task] += 1
        look = tasks[task]
    steps = TASKS.get(case, TASKS["ok"])
    step = dict(steps[min(look, len(steps)) - 1])
    if "imageUrl" in step:
        step["imageUrl"] = files + step["imageUrl"]
    peer.answer(200, {"id": task, **step})
    return True
