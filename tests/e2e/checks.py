# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the programs in Python here share. They run in $IMAGINED_ROOT's service (tests/with-service), have a folder $WORK for
themselves and the fake server, and print TAP."""
import os
import subprocess
import time

WORK, ROOT = os.environ["WORK"], os.environ["IMAGINED_ROOT"]
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEADLINE = 120
failures = []


def check(what, holds, said=""):
    if not holds:
        failures.append(what)
    print(f"{'ok' if holds else 'not ok'} - {what}" + ("" if holds or said == "" else f"\n    {str(said)[:3000]}"), flush=True)


def read(name):
    with open(os.path.join(WORK, name), "rb") as f:
        return f.read()


def eventually(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def start_fake_server():
    """The server, and its port once it listens."""
    server = subprocess.Popen(["python3", os.path.join(TESTS, "net/fake-server"), WORK])
    assert eventually(lambda: os.path.exists(os.path.join(WORK, "port")))
    return server, int(read("port"))


def forget(*names):
    """What the server has noted so far."""
    for name in names:
        os.truncate(os.path.join(WORK, name), 0)


def configure(text):
    """Adds to the service's configuration, before it starts."""
    with open(os.path.join(ROOT, "imagined.conf"), "a", encoding="utf-8") as f:
        f.write(text)
