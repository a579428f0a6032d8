#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# See secrets.sh. Prints TAP.

import array
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

import checks
from checks import DEADLINE, ROOT, TESTS, WORK, check, eventually, read

KEY = open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "openai"), "rb").read().strip()
MARK = b"<the key openai>"
PLAYS = ["ok", "stream", "silent", "key", "key-error", "401", "429-once", "messages", "role"]
# Who draws: what is played there, and what quotes the key.
DRAWS = {"openai-images": "ok", "webui": "ok", "stability": "ok", "runway": "ok", "midjourney-proxy": "ok", "comfyui": "ok", "program": "written"}
QUOTES = {dialect: ["401", "key-error"] for dialect in DRAWS} | {"program": ["key-told"]}


def holds_key(data):
    """Also eight characters of it in a row."""
    return any(KEY[i:i + 8] in data for i in range(len(KEY) - 7) if KEY[i:i + 8] != b"sk-test-")


class Journal:
    """All entries that reach the journal's socket, with all their fields."""

    def __init__(self):
        self.entries = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/run/systemd/journal/socket")
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            data, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
            for _, _, fds in ancillary: # one that is too long for a datagram
                for fd in array.array("i", fds):
                    data += os.pread(fd, 1 << 24, 0)
                    os.close(fd)
            self.entries.append(data)


def start_monitor():
    """All that goes over the bus, byte for byte."""
    capture = open(os.path.join(WORK, "bus"), "wb")
    monitor = subprocess.Popen(["dbus-monitor", "--session", "--binary"], stdout=capture)
    assert eventually(lambda: len(read("bus")) > 0) # it is told its name
    return monitor


def start_server():
    server, port = checks.start_fake_server()
    shutil.copy(os.path.join(TESTS, "fixtures/pictures/baseline.jpg"), os.path.join(WORK, "photo.jpg"))
    with open(os.path.join(WORK, "role.txt"), "w") as f:
        f.write("You draw \"foxes\".\n")
    more = {"stream": " stream = true; temperature = 0.7; tokens = 300;", "role": f' role = "{WORK}/role.txt";'}
    servers = [f'{{ name = "{p}"; url = "http://127.0.0.1:{port}/{p if p != "role" else "ok"}/v1"; model = "fake-1"; key = "openai"; '
               f'vision = true;{more.get(p, "")} }}' for p in PLAYS]
    with open(os.path.join(WORK, "workflow.json"), "w", encoding="ascii") as f:
        json.dump({"6": {"inputs": {"text": "{{prompt}}", "seed": "{{seed}}"}}}, f)
    servers += [painter(port, dialect, play) for dialect in DRAWS for play in [DRAWS[dialect], *QUOTES[dialect], AT_WORK.get(dialect)] if play]
    checks.configure(f'log_level = "debug";\nservers = ( {", ".join(servers)} );\n')
    return server, port


AT_WORK = {"openai-images": "silent", "program": "polite"} # that do not end by themselves


def painter(port, dialect, play):
    url, more = f"http://127.0.0.1:{port}/{play}", ""
    if dialect == "openai-images":
        url += "/v1"
    elif dialect == "comfyui":
        more = f' workflow = "{WORK}/workflow.json";'
    elif dialect == "program":
        url, more = os.path.join(TESTS, "net/fake-provider"), f' model = "{play}";'
    return f'{{ name = "{dialect}-{play}"; dialect = "{dialect}"; url = "{url}"; key = "openai";{more} }}'


answers = [] # all that programs have said


def imagine(*words):
    done = subprocess.run(["imagine", "--user", *words], capture_output=True, check=False, cwd=WORK)
    answers.append(done.stdout + done.stderr)
    return done


def shown(*words):
    """What a dry run shows."""
    said = json.loads(imagine(*words, "--dry-run", "--json").stdout)
    assert "error" not in said, said
    text = said.get("description") or (said["enhanced"] if "enhanced" in said else said["prompts"][0])["prompt"]
    return text.encode()


def test_dry_run():
    with open(os.path.join(WORK, "earlier.json"), "w") as f:
        json.dump({"prompts": [{"prompt": "A fox in snow, \"red\"", "lineage": ["a fox"]}]}, f)
    enhance = ["enhance", "--engine", "chat", "--seed", "5", "--server"]
    cases = {
        "an idea": [*enhance, "ok", "a \"red\" fox\\ in fünf Bäumen 🦊"],
        "a streamed answer": [*enhance, "stream", "a fox"],
        "a role of the user's": [*enhance, "role", "a fox"],
        "fields": [*enhance, "ok", "--field", "palette=teal", "--field", "mood=", "a fox"],
        "a refinement": [*enhance, "ok", "--earlier", "earlier.json", "--refine", "warmer"],
        "generate --enhance": ["generate", "--enhance", "--prompt-only", "--engine", "chat", "--seed", "5", "--server", "ok", "a fox"],
        "a picture": ["describe", "--server", "ok", "photo.jpg"],
    }
    before = {name: shown(*words) for name, words in cases.items()}
    check("a dry run needs no consent, and sends nothing", read("connections") == b"", read("received"))
    for play in PLAYS:
        imagine("consent", "grant", play)
    for name, words in cases.items():
        checks.forget("received")
        done = imagine(*words)
        check(f"dry run of {name}: has the mark, once", before[name].count(MARK) == 1, before[name])
        check(f"dry run of {name}: what is sent, byte for byte", done.returncode == 0 and
              before[name].replace(MARK, KEY) == read("received"), (done, before[name], read("received")))
    done = imagine(*enhance, "ok", "--dry-run", "a fox")
    check("as text it is the same, and a line break", done.stdout == shown(*enhance, "ok", "a fox") + b"\n", done)


def test_drawn():
    """Pictures of others: with the key where it belongs, and nowhere in what comes of it."""
    for dialect, play in DRAWS.items():
        checks.forget("received")
        path = os.path.join(WORK, f"{dialect}.png")
        dry = imagine("generate", "--provider", f"{dialect}-{play}", "--dry-run", "a fox").stdout
        check(f"{dialect}: a dry run has a mark in the place of the key", (MARK in dry or dialect == "program") and not holds_key(dry), dry)
        imagine("consent", "grant", f"{dialect}-{play}")
        done = imagine("generate", "--provider", f"{dialect}-{play}", "--size", "64x64", "--output", path, "a fox")
        check(f"{dialect}: draws with the key", done.returncode == 0 and (holds_key(read("received")) or dialect == "program"), (done, read("received")))
        answers.append(open(path, "rb").read())
        for quote in QUOTES[dialect]:
            imagine("consent", "grant", f"{dialect}-{quote}")
            done = imagine("generate", "--json", "--provider", f"{dialect}-{quote}", "a fox")
            check(f"{dialect}: {quote} is told", done.returncode == 1 and len(json.loads(done.stdout)["error"]["message"]) > 20, done)
    imagine("providers", "--check", "--json")
    imagine("history", "--json")
    imagine("costs", "--json")


def core_files():
    """How much of a core file is kept of each process that may have the key."""
    limits = {}
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f, open(path.replace("cmdline", "limits"), "rb") as g:
                command, text = f.read(), g.read()
        except OSError:
            continue
        if b"imagined-net" in command or b"fake-provider" in command:
            limits[command] = [line.split()[4] for line in text.splitlines() if line.startswith(b"Max core file size")][0]
    return limits


def at_work(program, what, *words):
    """What others see of the processes while one waits for a server, and has the key."""
    checks.forget("received")
    asking = subprocess.Popen(["imagine", "--user", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    has_key = {b"imagined-net": lambda: KEY in read("received")}.get(program, lambda: any(program in command for command in core_files()))
    assert eventually(has_key)
    cores = core_files()
    check(f"{what}: no core files", any(program in c for c in cores) and set(cores.values()) == {b"0"}, cores)
    seen, workers = [], 0
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, "rb") as f:
                data = f.read()
        except OSError:
            continue
        workers += program in data and path.endswith("cmdline")
        seen.append(data)
    asking.terminate()
    asking.wait(DEADLINE)
    check(f"{what}: was among the processes", workers > 0)
    check(f"{what}: no command line and no environment has the key", not holds_key(b"\0".join(seen)))


def test_answers():
    for play in PLAYS:
        if play != "silent":
            imagine("enhance", "--engine", "chat", "--server", play, "a fox")
            imagine("describe", "--server", play, "photo.jpg")
            imagine("--json", "generate", "--enhance", "--prompt-only", "--engine", "chat", "--server", play, "a fox")
    imagine("consent", "list")
    imagine("status", "--json")
    imagine("jobs", "--json")
    said = b"\n".join(answers)
    check("programs have said much", b"watercolour" in said and b"does not accept the key openai" in said)
    check("and never the key", not holds_key(said))


def test_recorded(journal, monitor):
    subprocess.run(["dbus-send", "--session", "--type=signal", "/end", "org.imagined.Test.TheEndOfTheCapture"], check=True)
    check("the capture of the bus is whole", eventually(lambda: b"TheEndOfTheCapture" in read("bus")))
    monitor.terminate()
    capture, entries = read("bus"), b"\0\0".join(journal.entries)
    with open(os.path.join(ROOT, "log"), "rb") as f:
        log = f.read()
    kept = b"".join(open(p, "rb").read() for p in glob.glob(os.path.join(WORK, "state", "**"), recursive=True) if os.path.isfile(p))
    check("the server got the key", KEY in read("received") and holds_key(read("received")))
    check("the bus has the calls", b"Enhance" in capture and b"SetConsent" in capture)
    check("and not the key", not holds_key(capture))
    check("the journal has the jobs", entries.count(b"IMAGINED_JOB=") > 10 and b"MESSAGE_ID=" in entries, entries)
    check("and neither the key nor a prompt", not holds_key(entries) and b"fox" not in entries and b"watercolour" not in entries, entries)
    check("the log has lines", b"<" in log, log)
    check("and neither the key nor a prompt", not holds_key(log) and b"a fox" not in log and b"watercolour" not in log, log)
    check("the state has the consent", b"servers" in kept, kept)
    check("and not the key", not holds_key(kept))


os.environ["IMAGINED_ENGINE"] = glob.glob(f"{ROOT}/**/imagined-engine", recursive=True)[0]
journal = Journal()
subprocess.run(["dbus-update-activation-environment", "JOURNAL_STREAM=1:1"], check=True) # the bus does not hand its own on
monitor = start_monitor()
server, port = start_server()
test_dry_run()
test_drawn()
test_answers()
for dialect, program in ("program", b"fake-provider"), ("openai-images", b"imagined-net"):
    imagine("consent", "grant", f"{dialect}-{AT_WORK[dialect]}")
    at_work(program, dialect, "generate", "--provider", f"{dialect}-{AT_WORK[dialect]}", f"http://127.0.0.1:{port}")
at_work(b"imagined-net", "a chat", "enhance", "--engine", "chat", "--server", "silent", "a fox")
test_recorded(journal, monitor)
server.kill()
sys.exit(bool(checks.failures))
