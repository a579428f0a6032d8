# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the HTTP bridge, for tests that print TAP. Runs in $IMAGINED_ROOT's service (tests/with-service); BRIDGE is the
program."""

import base64
import http.client
import json
import os
import socket
import subprocess
import time

BRIDGE = os.environ["BRIDGE"]
DEADLINE = 120
JSON = {"Content-Type": "application/json"}
failed = False


def check(what, holds, said=""):
    global failed
    failed = failed or not holds
    print(f"{'ok' if holds else 'not ok'} - {what}" + ("" if holds or said == "" else f"\n    {str(said)[:2000]}"), flush=True)


def eventually(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def imagine(*words, **more):
    return subprocess.run(["imagine", "--user", *words], capture_output=True, text=True, check=False, **more)


def make_token(name):
    made = imagine("http", "token", "add", name)
    assert made.returncode == 0, made
    return made.stdout.strip()


class Bridge:
    """With a listening socket as systemd gives it, of which the port is known before."""

    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.errors = open("errors", "ab")
        self.process = subprocess.Popen(["bash", "-c", f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" --user', BRIDGE],
                                        stderr=self.errors, pass_fds=[listener.fileno()])
        listener.close()

    def ask(self, method, path, body=None, token=None, headers=None):
        """Status, headers and what the body has."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        sent = dict(JSON if body is not None else {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        sent.update(headers or {})
        connection.request(method, path, body if isinstance(body, (bytes, str, type(None))) else json.dumps(body), sent)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            return answer.status, answer.headers, json.loads(text) if text else None
        except ValueError:
            return answer.status, answer.headers, text

    def get(self, path, token, **more):
        return self.ask("GET", path, None, token, **more)

    def post(self, path, body, token, **more):
        return self.ask("POST", path, body, token, **more)

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)


def png(text):
    data = base64.b64decode(text, validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def jobs():
    return json.loads(imagine("--json", "jobs").stdout)["jobs"]


def at_work():
    return [j for j in jobs() if j["state"] in ("queued", "loading", "running")]
