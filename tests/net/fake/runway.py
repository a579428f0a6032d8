# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runway: tasks that are looked at until they end."""
import json
import threading

lock = threading.Lock()
tasks = {}


def is_mine(path):
    return path.startswith(("/v1/text_to_image", "/v1/tasks/", "/v1/organization"))


def play(peer, case, path, headers, body):
    files = f"{peer.scheme}://{headers.get('host')}/ok/files/"
    if path == "/v1/organization":
        if case == "ok" and headers.get("x-runway-version") == "2024-11-06":
            peer.answer(200, {"creditBalance": 99, "tier": {"models": {"gen4_image": {"maxConcurrentGenerations": 2}}}})
            return True
        return False
    if path == "/v1/text_to_image":
        with lock:
            task = f"task-{len(tasks)}"
            tasks[task] = {"looks": 0, "asked": json.loads(body or b"{}")}
        good = {"bad-id": {"id": "../../x"}, "no-id": {}, "long-id": {"id": "x" * 200}}
        if case == "moderated":
            peer.answer(400, {"error": "Content moderation", "code": "SAFETY.INPUT.TEXT"})
        elif case in TASKS or case in good:
            peer.answer(200, good.get(case, {"id": task}))
        return case in TASKS or case in good or case == "moderated"
    task = path.split("/")[3]
    if peer.method == "DELETE":
        peer.note("cancelled", task)
        peer.head(204, {"Connection": "close"})
        return True
    with lock:
        tasks[task]["looks"] += 1
        look = tasks[task]["looks"]
    steps = TASKS.get(case, TASKS["ok"])
    step = steps[min(look, len(steps)) - 1]
    if step == "500-once" and look == 1:
        peer.answer(503, {"error": "not now"})
        return True
    if step == "hang":
        peer.wait_for_end()
        return True
    if case == "fields":
        peer.note("asked", json.dumps({k: v if k != "referenceImages" else len(v) for k, v in tasks[task]["asked"].items()}, sort_keys=True))
    status = {"id": task, "createdAt": "2026-01-01T00:00:00Z", **step}
    if "output" in status:
        status["output"] = [files + name if name and ":" not in name else name for name in status["output"]]
    peer.answer(200, status)
    return True


WAITING = [{"status": "PENDING"}, {"status": "THROTTLED"}, {"status": "RUNNING", "progress": 0.4}]
DONE = {"status": "SUCCEEDED", "output": ["red.png"]}
TASKS = {
    "ok": [DONE],
    "fields": [DONE],
    "long": WAITING + [DONE],
    "safety": WAITING + [{"status": "FAILED", "failure": "No celebrities", "failureCode": "SAFETY.INPUT.TEXT"}],
    "failed": [{"status": "FAILED", "failure": "It broke", "failureCode": "INTERNAL.BAD_OUTPUT.CODE01"}],
    "cancelled": [{"status": "CANCELLED"}],
    "no-status": [{}],
    "odd-status": [{"status": "DREAMING"}],
    "no-output": [{"status": "SUCCEEDED", "output": []}],
    "null-output": [{"status": "SUCCEEDED"}],
    "expired": [{"status": "SUCCEEDED", "output": ["expired"]}],
    "output-loopback": [{"status": "SUCCEEDED", "output": ["https://127.0.0.1/red.png"]}],
    "output-file": [{"status": "SUCCEEDED", "output": ["file:///etc/passwd"]}],
    "flaky": ["500-once", DONE],
    "pending": [{"status": "PENDING"}],
    "running": [{"status": "RUNNING", "progress": 0.4}],
    "hanging": [{"status": "RUNNING", "progress": 0.4}, "hang"],
    "fetch-hangs": [{"status": "SUCCEEDED", "output": ["hang"]}],
    "endless-task": [{"status": "RUNNING", "progress": 2}],
}
