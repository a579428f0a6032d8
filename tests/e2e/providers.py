#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# See providers.sh. Prints TAP.

import base64
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib

import checks
import png
from checks import TESTS, WORK, check, eventually, forget, read

sys.path.insert(0, os.path.join(TESTS, "net"))
from fake.pictures import chunk # noqa: E402 pylint: disable=wrong-import-position

PRIVATE = "a confidential fox"
RED = (0xc0, 0x40, 0x20) # what good servers draw
MODELS = {"openai-images": "gpt-image-1", "stability": "core", "runway": "gen4_image", "stability-bytes": "inpaint"}

# What a fake server plays for each dialect; a program plays what its model is called.
DRAWS = {"openai-images": "ok", "webui": "slow", "stability": "ok", "runway": "long", "midjourney-proxy": "long", "comfyui": "ok",
         "program": "written"}
REFUSES = {"openai-images": "moderation", "stability": "filtered", "runway": "safety", "midjourney-proxy": "banned", "program": "refused"}
FAILS = {"openai-images": "html", "webui": "500-memory", "stability": "bytes-text", "runway": "expired", "midjourney-proxy": "no-url",
         "comfyui": "failed", "program": "dies"}
HANGS = {"openai-images": "silent", "webui": "never", "stability": "silent", "runway": "running", "midjourney-proxy": "pending",
         "comfyui": "pending", "program": "polite"}
# What the server hears when nobody wants the picture any more; the others' connections end.
TAKEN_BACK = {"webui": b"interrupt\n", "runway": b"task-", "comfyui": b"/interrupt ", "program": b"polite\n"}

PAINTS_OVER = {"openai-images": "ok", "webui": "ok", "stability": "bytes", "comfyui": "fields"}

# What OpenAI's dialect gets in place of a picture, and a part of what its user is told.
HOSTILE = {
    "bomb": "20000 x 20000 pixels", "huge-body": "more than", "endless-header": "cut off", "gzip": "list of pictures",
    "truncated": "cut off", "short": "list of pictures", "too-large": "more than", "text-as-picture": "no PNG, JPEG or WebP", "bad-base64": "no base64",
    "redirect-loop": "not followed", "redirect-host": "not followed", "redirect-port": "not followed",
    "redirect-file": "not followed", "redirect-302": "not followed", "link-html": "no PNG, JPEG or WebP", "link-huge": "more than",
    "link-expired": "not at its address", "link-loop": "not followed", "link-to-file": "not followed", "link-to-private": "not on the Internet",
    "link-to-port": "not followed", "link-file": "not followed", "link-plain": "not followed",
    "link-loopback": "not on the Internet", "link-six": "not on the Internet", "link-user": "not followed",
}
# What is a picture all the same: 256 megabytes behind its pixels or in a text, thirty-one megabytes behind its end, lies of its type.
HARMLESS = ["bomb-rows", "bomb-text", "large", "link-untyped", "ok"]


def names(plays):
    return {dialect: f"{dialect}-{play}" for dialect, play in plays.items()}


def imagine(*words, **more):
    return subprocess.run(["imagine", "--user", *words], capture_output=True, check=False, cwd=WORK, **more)


def entry(port, dialect, play):
    url = f"http://127.1:{port}/{play}" + ("/v1" if dialect == "openai-images" else "")
    model = MODELS.get(f"{dialect}-{play}", MODELS.get(dialect, ""))
    workflow = "painting-over" if play == PAINTS_OVER.get(dialect) else "workflow"
    more = f'workflow = "{WORK}/{workflow}.json";' if dialect == "comfyui" else ""
    if dialect == "program":
        url, model = os.path.join(TESTS, "net/fake-provider"), play
    return f'{{ name = "{dialect}-{play}"; dialect = "{dialect}"; url = "{url}"; model = "{model}"; price = 0.01; seconds = 60; {more} }}'


def configuration(port):
    for name, nodes in ("workflow", {"3": {"inputs": {"width": "{{width|512}}", "height": "{{height|512}}"}}}), \
            ("painting-over", {"1": {"inputs": {"image": "{{image}}"}}, "2": {"inputs": {"image": "{{mask}}"}},
                               "3": {"inputs": {"width": "{{width}}", "height": "{{height}}"}}}):
        with open(os.path.join(WORK, name + ".json"), "w", encoding="ascii") as f:
            json.dump({**nodes, "6": {"inputs": {"text": "{{prompt}}", "seed": "{{seed}}"}}}, f)
    servers = [entry(port, dialect, play) for plays in (DRAWS, REFUSES, FAILS, HANGS, PAINTS_OVER) for dialect, play in plays.items()]
    return ('remote = { budget = { currency = "USD"; day = 100; }; private = { words = ["confidential"]; pictures = false; }; };\n'
            f'servers = ( {", ".join(dict.fromkeys(servers))} );\n')


def reconfigure(text):
    """In the place of what was there, for the service that runs."""
    path = os.path.join(checks.ROOT, "imagined.conf")
    with open(path, encoding="utf-8") as f:
        kept = f.read().split("remote = {")[0]
    with open(path, "w", encoding="utf-8") as f:
        f.write(kept + text)
    pid = subprocess.run(["busctl", "--user", "--json=short", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "GetConnectionUnixProcessID", "s", "org.imagined.Imagine1"], capture_output=True, check=True)
    os.kill(json.loads(pid.stdout)["data"][0], signal.SIGHUP)


def spent():
    """Settled and reserved, in millionths."""
    rows = json.loads(imagine("costs", "--json").stdout)["costs"]
    return sum(r["settled"] for r in rows), sum(r["reserved"] for r in rows)


def pixel(path):
    """The one in the middle."""
    found = list(png.chunks(open(path, "rb").read()))
    width, height = struct.unpack(">II", found[0][1][:8])
    picture = list(png.rows(width, height, b"".join(body for kind, body in found if kind == b"IDAT")))
    return width, height, tuple(picture[height // 2][width // 2 * 3:][:3])


def generate(provider, *words, prompt="a red fox"):
    return imagine("generate", "--json", "--provider", provider, *words, prompt)


def error_of(done):
    error = json.loads(done.stdout or "{}").get("error") or {}
    return error.get("name", "").rpartition(".")[2], error.get("message", "")


def test_gate():
    """Not one byte goes out: nobody is even connected to. What a program would send goes to the same server."""
    url = f"http://127.1:{port}"
    for why, words, expected in ("without consent", [], "NoConsent"), ("of what is private", ["--private"], "Withheld"), \
            ("of private words", [], "Withheld"):
        if expected == "Withheld" and words:
            for provider in [*names(DRAWS).values(), *names(HANGS).values()]:
                assert imagine("consent", "grant", provider).returncode == 0
        for dialect, provider in {**names(DRAWS), "program": names(HANGS)["program"]}.items():
            prompt = f"confidential {url}" if "words" in why else url
            done = generate(provider, *words, prompt=prompt)
            check(f"{dialect}: nothing is sent {why}", done.returncode != 0 and error_of(done)[0] == expected and
                  read("connections") == b"" and read("received") == b"", (done, read("received")))
    check("nothing was spent", spent() == (0, 0), spent())


def test_pictures():
    for dialect, provider in names(DRAWS).items():
        path = os.path.join(WORK, f"{dialect}.png")
        before = spent()[0]
        done = generate(provider, "--size", "96x64", "--output", path)
        check(f"{dialect}: a picture", done.returncode == 0 and os.path.exists(path), done)
        if done.returncode != 0:
            continue
        width, height, middle = pixel(path)
        check(f"{dialect}: of the size that was asked for", (width, height) == (96, 64), (width, height))
        check(f"{dialect}: it is what the server drew", png.near(middle, RED), middle)
        check(f"{dialect}: it says who drew it", b"Provider: " + provider.encode() in open(path, "rb").read())
        check(f"{dialect}: its price is settled", spent() == (before + 10000, 0), spent())


def test_marked():
    """A file that is marked as private goes nowhere, whoever reads it; what is unmarked again does."""
    marked = os.path.join(WORK, "marked.png")
    shutil.copy(os.path.join(WORK, "openai-images.png"), marked)
    try:
        os.setxattr(marked, "user.imagined.private", b"")
    except OSError:
        print("ok - files marked as private # skip no extended attributes here")
        return
    forget("connections", "received")
    for dialect, provider in {**names(PAINTS_OVER), "program": names(DRAWS)["program"]}.items():
        assert imagine("consent", "grant", provider).returncode == 0
        for words in (["--from", marked], ["--from", "openai-images.png", "--mask", marked]):
            done = generate(provider, *words)
            check(f"{dialect}: nothing is sent of a marked file, {words[-2]}", done.returncode != 0 and "It is private" in error_of(done)[1] and
                  read("connections") == b"", done)
    os.removexattr(marked, "user.imagined.private")
    done = generate("openai-images-ok", "--from", marked, "--output", "unmarked.png")
    check("unmarked, it goes", done.returncode == 0 and read("connections") != b"", done)


def test_best_effort():
    """What the workflow has no place for is refused before anything is sent, or left out and said."""
    forget("requests")
    words = ["--size", "96x64", "--steps", "8", "--negative", "blur"]
    done = generate("comfyui-ok", *words)
    check("comfyui: what has no place in the workflow is refused", done.returncode != 0 and read("requests") == b"" and
          "does not have: negative-prompt, steps" in error_of(done)[1], done)
    done = imagine("generate", "--provider", "comfyui-ok", *words, "--best-effort", "--output", "effort.png", "a red fox")
    check("comfyui: or left out", done.returncode == 0 and pixel(os.path.join(WORK, "effort.png"))[:2] == (96, 64), done)
    check("comfyui: which is said", all(f"comfyui-ok does not have: {what}; left out".encode() in done.stderr for what in ("steps", "negative-prompt")), done)


def test_no_pictures():
    for plays, expected, what in (REFUSES, "Refused", "a refusal"), (FAILS, "ServerFailed", "a failure"):
        for dialect, provider in names(plays).items():
            assert imagine("consent", "grant", provider).returncode == 0
            path = os.path.join(WORK, "none.png")
            done = generate(provider, "--output", path)
            name, message = error_of(done)
            check(f"{dialect}: {what} is told, with its reason", done.returncode == 1 and name == expected and len(message) > 20, done)
            check(f"{dialect}: and there is no picture", not os.path.exists(path))


def test_cancel():
    for dialect, provider in names(HANGS).items():
        forget("received", "cancelled", "left", "requests")
        before = spent()[0]
        asking = subprocess.Popen(["imagine", "--user", "generate", "--quiet", "--provider", provider, f"http://127.1:{port}"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=WORK)
        # It is at work there: what has tasks was asked how far it is; a program says so.
        begun = {"runway": b"GET ", "midjourney-proxy": b"GET ", "comfyui": b"GET "}.get(dialect, b"POST ")
        if dialect == "program":
            begun_there = eventually(lambda: b'"progress": 0.5' in imagine("jobs", "--json").stdout or
                                     b'"progress":0.5' in imagine("jobs", "--json").stdout)
        else:
            begun_there = eventually(lambda: begun in read("requests"))
        asking.send_signal(signal.SIGINT)
        check(f"{dialect}: cancelled", begun_there and asking.wait(checks.DEADLINE) == 4, asking.returncode)
        if dialect in TAKEN_BACK:
            check(f"{dialect}: its task is taken back", eventually(lambda: TAKEN_BACK[dialect] in read("cancelled")), read("cancelled"))
        elif dialect != "midjourney-proxy":
            check(f"{dialect}: its connection ends", eventually(lambda: read("left") != b""))
        check(f"{dialect}: it may have cost what was reserved", spent() == (before + 10000, 0), spent())


def sent_pictures():
    """The PNGs in all that the server got, in base64 too."""
    data = read("received")
    data += b"".join(base64.b64decode(text) for text in re.findall(rb'"(iVBOR[A-Za-z0-9+/=]*)"', data))
    starts = [found.start() for found in re.finditer(rb"\x89PNG\r\n\x1a\n", data)]
    return [data[at:data.index(b"IEND", at) + 8] for at in starts]


def middle_row(mask, size):
    """Its pixels, of so many bytes."""
    found = list(png.chunks(mask))
    width, height = struct.unpack(">II", found[0][1][:8])
    row = list(png.rows(width, height, b"".join(body for kind, body in found if kind == b"IDAT"), size))[height // 2]
    return [row[x * size:(x + 1) * size] for x in range(width)]


def paints_right_half(dialect, mask):
    """OpenAI's is clear there, the others are bright."""
    size = 4 if dialect == "openai-images" else 3
    row = middle_row(mask, size)
    left, right = row[len(row) // 4], row[len(row) * 3 // 4]
    return (left[3], right[3]) == (255, 0) if size == 4 else (left, right) == (b"\0\0\0", b"\xff\xff\xff")


def test_masks():
    row = b"\0" + bytes(3 * 48) + b"\xff" * (3 * 48)
    with open(os.path.join(WORK, "mask.png"), "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(row * 64)) + chunk(b"IEND", b""))
    for dialect, provider in names(PAINTS_OVER).items():
        forget("received")
        assert imagine("consent", "grant", provider).returncode == 0
        done = generate(provider, "--from", "openai-images.png", "--mask", "mask.png", "--size", "96x64", "--output", f"{dialect}-mask.png")
        sent = sent_pictures()
        check(f"{dialect}: a picture and its mask are sent", done.returncode == 0 and len(sent) == 2, (done, len(sent)))
        check(f"{dialect}: what the mask covers is to be painted", len(sent) == 2 and paints_right_half(dialect, sent[1]))


def png_of(data):
    """The size of a picture, and whether the fake server's name stands in it."""
    return struct.unpack(">II", data[16:24]), b"Provider: openai-images-ok" in data


def test_assistants():
    """A chat assistant names who draws."""
    os.makedirs(os.path.join(WORK, "assistant"))
    lines = [{"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}},
             {"id": 2, "method": "tools/call", "params": {"name": "generate_image", "arguments": {
                 "prompt": "a red fox", "provider": "openai-images-ok", "width": 64, "height": 48, "name": "fox", "steps": 3, "best_effort": True}}}]
    with subprocess.Popen(["imagine", "--user", "mcp", "--folder", "assistant"], cwd=WORK, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        program.stdin.write(b"".join(json.dumps({"jsonrpc": "2.0", **line}).encode() + b"\n" for line in lines))
        program.stdin.flush()
        answers = [json.loads(program.stdout.readline()) for _ in lines]
        program.stdin.close()
    names_ = [c["name"] for c in answers[1]["result"]["content"] if c["type"] == "resource_link"]
    check("an assistant has it drawn", len(names_) == 1 and
          png_of(open(os.path.join(WORK, "assistant", names_[0]), "rb").read()) == ((64, 48), True), answers)


def test_app_draws(ask):
    for where, asked, find in (
            ("v1/images/generations", {"model": "provider/openai-images-ok", "size": "64x48"}, lambda a: a["data"][0]["b64_json"]),
            ("sdapi/v1/txt2img", {"override_settings": {"sd_model_checkpoint": "provider/openai-images-ok"}, "width": 64, "height": 48},
             lambda a: a["images"][0])):
        answer = ask(where, {"prompt": "a red fox", **asked})
        check(f"an app has it drawn through {where}", "error" not in answer and png_of(base64.b64decode(find(answer))) == ((64, 48), True), answer)
    answer = ask("v1/images/generations", {"prompt": "a red fox", "model": "provider/"})
    check("a provider without a name is none", "is missing behind provider/" in str(answer), answer)
    answer = ask("sdapi/v1/txt2img", {"prompt": "a red fox", "override_settings": {"sd_model_checkpoint": "provider/"}})
    check("nor is it a checkpoint", "is missing behind provider/" in str(answer), answer)


def test_app_lists(ask):
    assert imagine("consent", "revoke", "openai-images-silent").returncode == 0
    for where, find in ("v1/models", lambda a: [m["id"] for m in a["data"]]), ("sdapi/v1/sd-models", lambda a: [m["title"] for m in a]):
        listed = find(ask(where))
        check(f"who may draw is listed by {where}", listed[0] == "default" and "provider/openai-images-ok" in listed and
              "provider/openai-images-silent" not in listed and "provider/local" not in listed, listed)


def test_app_paints(ask):
    """Masks are as soft as was asked for, and hard where nothing was."""
    picture, mask = (base64.b64encode(open(os.path.join(WORK, name), "rb").read()).decode() for name in ("openai-images.png", "mask.png"))
    for dialect, blur, is_sent in ("openai-images", None, True), ("webui", None, True), ("webui", 4, True), ("openai-images", 4, False):
        forget("received")
        asked = {"override_settings": {"sd_model_checkpoint": f"provider/{names(PAINTS_OVER)[dialect]}"}, "width": 96, "height": 64}
        answer = ask("sdapi/v1/img2img", {"prompt": "a red fox", **asked, "init_images": [picture], "mask": mask, "mask_blur": blur})
        sent = sent_pictures()
        check(f"{dialect}: an app paints over it, blur {blur}: {is_sent}", ("images" in answer, len(sent)) == ((True, 2) if is_sent else (False, 0)), answer)
        if is_sent and dialect == "webui":
            tones = {pixel[0] for pixel in middle_row(sent[1], 3)}
            check(f"{dialect}: its mask is {'soft' if blur else 'hard'}", len(tones) > 8 if blur else tones == {0, 255}, tones)
        elif not is_sent:
            check(f"{dialect}: it has no soft masks, and that is said", "does not have: mask-blur" in str(answer), answer)


def test_apps():
    """Programs that draw over HTTP name who draws as a model."""
    path = os.path.join(WORK, "bridge.sock")
    token = imagine("http", "token", "add", "test").stdout.decode().strip()
    bridge = subprocess.Popen([os.environ["BRIDGE"], "--user", "--listen", path])
    assert eventually(lambda: os.path.exists(path))

    def ask(where, asked=None):
        body = ["-H", "Content-Type: application/json", "-d", "@-"] if asked else []
        done = subprocess.run(["curl", "-sS", "--unix-socket", path, "-H", f"Authorization: Bearer {token}", *body, f"http://localhost/{where}"],
                              input=json.dumps(asked).encode(), capture_output=True, check=False)
        return json.loads(done.stdout)
    test_app_draws(ask)
    test_app_lists(ask)
    test_app_paints(ask)
    bridge.terminate()
    bridge.wait(checks.DEADLINE)


def test_hostile():
    plays = [*HOSTILE, *HARMLESS]
    reconfigure("remote = { };\nservers = ( " + ", ".join(entry(port, "openai-images", play) for play in plays) + " );\n")
    assert eventually(lambda: imagine("consent", "grant", "openai-images-bomb").returncode == 0)
    for play in plays:
        provider, path = f"openai-images-{play}", os.path.join(WORK, "hostile.png")
        assert imagine("consent", "grant", provider).returncode == 0
        done = generate(provider, "--size", "64x64", "--output", path, "--force")
        name, message = error_of(done)
        if play in HARMLESS:
            check(f"{play}: a picture all the same", done.returncode == 0 and pixel(path)[:2] == (64, 64), done)
        else:
            check(f"{play}: {name}: {message}", done.returncode == 1 and name == "ServerFailed" and HOSTILE[play] in message and
                  not os.path.exists(path), (HOSTILE[play], done))


server, port = checks.start_fake_server()
checks.configure(configuration(port))
try:
    test_gate()
    test_pictures()
    test_marked()
    test_best_effort()
    test_no_pictures()
    test_cancel()
    test_masks()
    test_assistants()
    test_apps()
    test_hostile()
finally:
    server.kill()
sys.exit(bool(checks.failures))
