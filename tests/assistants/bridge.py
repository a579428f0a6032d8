#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The HTTP bridge: both interfaces, tokens, what browsers try, and clients that lie about what they send. Prints TAP. Runs in
# $IMAGINED_ROOT's service (tests/with-service); BRIDGE is the program.

import base64
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import threading
import time

import bridge_client
from bridge_client import BRIDGE, DEADLINE, Bridge, at_work, check, eventually, imagine, make_token, png


def test_tokens(b):
    path = os.path.join(os.environ["XDG_STATE_HOME"], "imagined/http-tokens.json")
    first, second = make_token("first"), make_token("second")
    check("tokens are for the user's eyes alone", stat.S_IMODE(os.stat(path).st_mode) == 0o600)
    check("and not in the file", first not in open(path).read())
    check("names are listed, tokens are not", imagine("http", "token", "list").stdout.split()[2::2] == ["first", "second"])
    check("a name once", imagine("http", "token", "add", "first").returncode == 1)
    check("no name with a space", imagine("http", "token", "add", "a b").returncode == 2)
    check("nothing to remove", imagine("http", "token", "remove", "none").returncode == 3)
    check("nothing else", imagine("http", "token", "steal").returncode == 2)

    status, headers, answer = b.get("/v1/models", None)
    check("without a token", status == 401 and answer["error"]["code"] == "invalid_api_key", answer)
    check("web UIs are asked for a password", b.get("/sdapi/v1/progress", None)[1]["WWW-Authenticate"].startswith("Basic"))
    for wrong in ("x", first[:-1], first + "x", "", "x" * 5000):
        check(f"the token {wrong[:10]!r}", b.get("/v1/models", None, headers={"Authorization": f"Bearer {wrong}"})[0] == 401)
    for header in ("Basic " + base64.b64encode(f"anybody:{first}".encode()).decode(), f"bearer  {first}"):
        check(f"{header.split()[0]}", b.get("/v1/models", None, headers={"Authorization": header})[0] == 200)
    for header in ("Basic !", "Basic " + base64.b64encode(b"none").decode(), "Basic", f"Digest {first}"):
        check(f"{header[:12]!r} is none", b.get("/v1/models", None, headers={"Authorization": header})[0] == 401)
    adding = [subprocess.Popen(["imagine", "http", "token", "add", f"n{i}"], stdout=subprocess.DEVNULL) for i in range(8)]
    check("added at once", all(one.wait(DEADLINE) == 0 for one in adding))
    check("none of them is lost", all(imagine("http", "token", "remove", f"n{i}").returncode == 0 for i in range(8)))
    third = make_token("third")
    check("a third works", b.get("/v1/models", third)[0] == 200)
    imagine("http", "token", "remove", "third")
    check("until it is taken back", b.get("/v1/models", third)[0] == 401)
    os.chmod(path, 0o644)
    check("a file that others may read is not believed", b.get("/v1/models", first)[0] == 503)
    os.chmod(path, 0o600)
    return first, second


def test_browsers(b, token):
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "[::2]", "192.168.1.1", "localhost:x"):
        check(f"Host {host}", b.get("/v1/models", token, headers={"Host": host})[0] == 403)
    for host in ("localhost", "LOCALHOST:7860", f"127.0.0.1:{b.port}", "[::1]:80", "[::1]"):
        check(f"Host {host} is ours", b.get("/v1/models", token, headers={"Host": host})[0] == 200)
    for headers in ({"Origin": "http://localhost"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        check(f"{headers}", b.get("/v1/models", token, headers=headers)[0] == 403)
    check("typed into a browser", b.get("/v1/models", token, headers={"Sec-Fetch-Site": "none"})[0] == 200)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        check(f"Content-Type {kind!r}", b.post("/sdapi/v1/interrupt", "{}", token, headers={"Content-Type": kind})[0] == 200 and
              b.post("/sdapi/v1/txt2img", "{}", token, headers={"Content-Type": kind})[0] == 415)


def test_openai(b, token):
    status, _, models = b.get("/v1/models", token)
    check("models", status == 200 and [m["id"] for m in models["data"]] == ["default"], models)
    asked = {"prompt": "a red fox", "model": "gpt-image-1", "size": "64x48", "seed": 7, "steps": 3, "user": "x", "moderation": "low"}
    status, headers, answer = b.post("/v1/images/generations", asked, token)
    check("a picture", status == 200 and png(answer["data"][0]["b64_json"]) == (64, 48) and answer["size"] == "64x48", answer)
    check("of that seed", answer["data"][0]["seed"] == 7 and answer["created"] > 0, answer)
    check("nobody keeps it", headers["Cache-Control"] == "no-store")
    again = b.post("/v1/images/generations", {**asked, "n": 2, "model": None, "response_format": "b64_json"}, token)[2]
    check("two, and the first is the same", [again["data"][0]["b64_json"], len(again["data"])] == [answer["data"][0]["b64_json"], 2])
    webp = b.post("/v1/images/generations", {**asked, "output_format": "webp", "output_compression": 80}, token)[2]
    check("as WebP", base64.b64decode(webp["data"][0]["b64_json"])[8:12] == b"WEBP" and webp["output_format"] == "webp", webp)
    for change, status, words in [({"prompt": None}, 400, "prompt"), ({"prompt": 5}, 400, "prompt"), ({"n": 11}, 400, "n is 1 to 10"),
                                  ({"n": 0}, 400, "n:"), ({"size": "huge"}, 400, "size"), ({"size": "9999x9999"}, 400, "size"),
                                  ({"model": "none"}, 404, "none"), ({"output_format": "gif"}, 400, "output_format"),
                                  ({"steps": "x"}, 400, "steps"), ({"partial_images": 9}, 400, "partial_images"),
                                  ({"prompt": "x" * 9000}, 400, "8192")]:
        got = b.post("/v1/images/generations", {**asked, **change}, token)
        check(f"openai {str(change)[:30]} is {status}", got[0] == status and words in got[2]["error"]["message"], got)
    for body in ("", "{", "[]", "5", '{"prompt": "x", "prompt": "y"}', "[" * 200000, b"\xff", '{"prompt": "\\u0000"}', '{"prompt": "\\ufffe"}'):
        check(f"the body {body[:12]!r} is 400", b.post("/v1/images/generations", body, token)[0] == 400)
    check("a large body is 413", b.post("/v1/images/generations", "x" * 300000, token)[0] == 413)

    # Through curl, as scripts do.
    done = subprocess.run(["curl", "-sSN", "-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json", "-d",
                           json.dumps({**asked, "steps": 200, "stream": True, "partial_images": 2}),
                           f"http://127.0.0.1:{b.port}/v1/images/generations"], capture_output=True, text=True, check=True).stdout
    events = [dict(line.split(": ", 1) for line in event.split("\n")) for event in done.strip().split("\n\n")]
    kinds = [e["event"] for e in events]
    check("a stream ends with the picture", kinds[-1] == "image_generation.completed" and set(kinds[:-1]) <= {"image_generation.partial_image"}, kinds)
    data = [json.loads(e["data"]) for e in events]
    check("of that size", png(data[-1]["b64_json"]) == (64, 48) and data[-1]["type"] == kinds[-1] and "usage" in data[-1], kinds)
    check("partial pictures are numbered", [d["partial_image_index"] for d in data[:-1]] == list(range(len(data) - 1)), kinds)
    status, headers, answer = b.post("/v1/images/generations", {"prompt": "x", "stream": True, "model": "none"}, token)
    check("a stream that cannot begin is a plain error", status == 404 and "error" in answer, answer)


def test_webui(b, token):
    asked = {"prompt": "a red fox", "negative_prompt": "", "seed": 7, "steps": 3, "width": 64, "height": 48, "cfg_scale": 4, "styles": [],
             "sampler_name": "Euler a", "scheduler": "Automatic", "eta": None, "restore_faces": False, "alwayson_scripts": {},
             "override_settings": {}, "subseed": -1, "subseed_strength": 0}
    status, _, answer = b.post("/sdapi/v1/txt2img", asked, token)
    check("txt2img", status == 200 and png(answer["images"][0]) == (64, 48), answer)
    info = json.loads(answer["info"])
    check("its info is a text with JSON", info["seed"] == 7 and info["all_seeds"] == [7] and "Seed: 7" in info["infotexts"][0], info)
    check("its parameters come back", answer["parameters"]["prompt"] == "a red fox")
    first = answer["images"][0]
    two = b.post("/sdapi/v1/txt2img", {**asked, "batch_size": 2, "n_iter": 2, "sampler_index": "Euler a"}, token)[2]
    check("batches", len(two["images"]) == 4 and two["images"][0] == first and json.loads(two["info"])["all_seeds"] == [7, 8, 9, 10])
    check("send_images", b.post("/sdapi/v1/txt2img", {**asked, "send_images": False}, token)[2]["images"] == [])
    large = b.post("/sdapi/v1/txt2img", {**asked, "enable_hr": True, "hr_scale": 2, "denoising_strength": 0.5}, token)[2]
    check("enable_hr makes it twice as large", "images" in large and png(large["images"][0]) == (128, 96), large)
    sizeless = {key: value for key, value in asked.items() if key != "height"}
    tall = b.post("/sdapi/v1/txt2img", {**sizeless, "steps": 1, "enable_hr": True, "hr_scale": 1.5}, token)[2]
    check("what it has no size for is 512 at first", "images" in tall and png(tall["images"][0]) == (96, 768), tall)

    made = b.post("/sdapi/v1/img2img", {**asked, "init_images": [first], "denoising_strength": 0.5, "width": None, "height": None}, token)
    check("img2img", made[0] == 200 and png(made[2]["images"][0])[0] > 0 and "init_images" not in made[2]["parameters"], made)
    masked = b.post("/sdapi/v1/img2img", {**asked, "init_images": ["data:image/png;base64," + first], "mask": first}, token)
    check("with a mask, as a data: URL", masked[0] == 200 and png(masked[2]["images"][0]) == (64, 48), masked)
    shown = b.post("/sdapi/v1/png-info", {"image": first}, token)[2]
    check("png-info", "a red fox" in shown["info"] and "Seed: 7" in shown["items"]["parameters"], shown)
    check("png-info of what says nothing", b.post("/sdapi/v1/png-info", {"image": "AAAA"}, token)[2]["info"] == "")
    check("png-info of no base64", b.post("/sdapi/v1/png-info", {"image": "*"}, token)[0] == 422)

    for path in ("samplers", "schedulers", "sd-models", "upscalers", "loras", "prompt-styles", "latent-upscale-modes", "sd-vae", "embeddings",
                 "memory", "cmd-flags", "scripts", "options", "progress"):
        status, _, answer = b.get(f"/sdapi/v1/{path}", token)
        check(f"{path}", status == 200 and isinstance(answer, (dict, list)), answer)
    for name in [s["name"] for s in b.get("/sdapi/v1/samplers", token)[2]]:
        got = b.post("/sdapi/v1/txt2img", {**asked, "sampler_name": name}, token)
        check(f"the sampler {name}", got[0] == 200, got[2])
    for name in [s["name"] for s in b.get("/sdapi/v1/schedulers", token)[2]]:
        got = b.post("/sdapi/v1/txt2img", {**asked, "scheduler": name}, token)
        check(f"the scheduler {name}", got[0] == 200, got[2])
    check("a model can be chosen", b.post("/sdapi/v1/options", {"sd_model_checkpoint": "none"}, token)[0] == 200 and
          b.post("/sdapi/v1/txt2img", asked, token)[0] == 404)
    check("and is told of", b.get("/sdapi/v1/options", token)[2]["sd_model_checkpoint"] == "none")
    b.post("/sdapi/v1/options", {"sd_model_checkpoint": "default [0123456789]"}, token)
    check("by its title, too", b.post("/sdapi/v1/txt2img", asked, token)[0] == 200)
    for change, path, status, words in [({"steps": 0}, "txt2img", 422, "steps"), ({"sampler_name": "none"}, "txt2img", 422, "Sampler"),
                                        ({"width": 99999}, "txt2img", 422, "width"), ({"batch_size": 100}, "txt2img", 422, "batch_size"),
                                        ({"batch_size": 0}, "txt2img", 422, "batch_size"), ({"prompt": []}, "txt2img", 422, "prompt"),
                                        ({}, "img2img", 404, "Init image not found"), ({"init_images": []}, "img2img", 404, "Init image"),
                                        ({"init_images": ["*"]}, "img2img", 422, "base64"), ({"init_images": [5]}, "img2img", 404, "Init"),
                                        ({"init_images": ["AAAA"]}, "img2img", 422, ""), ({"override_settings": 5}, "txt2img", 200, None),
                                        ({"override_settings": {"sd_model_checkpoint": "none"}}, "txt2img", 404, "none")]:
        got = b.post(f"/sdapi/v1/{path}", {**asked, **change}, token)
        check(f"{path} {str(change)[:40]} is {status}", got[0] == status and (words is None or words in got[2]["detail"]), got)
    check("another path", b.get("/sdapi/v1/none", token)[0] == 404 and b.get("/", token)[0] == 404)
    check("another method", b.get("/sdapi/v1/txt2img", token)[0] == 405 and b.post("/v1/models", {}, token)[0] == 405)


def test_apps(b, first, second):
    """One app neither sees nor ends another one's job; whoever goes takes its job along."""
    long = {"prompt": "a long one", "width": 128, "height": 128, "steps": 500, "batch_size": 64}
    answers = {}
    thread = threading.Thread(target=lambda: answers.update(long=b.post("/sdapi/v1/txt2img", long, first)))
    thread.start()
    check("progress is told", eventually(lambda: b.get("/sdapi/v1/progress", first)[2]["progress"] > 0))
    mine = b.get("/sdapi/v1/progress?skip_current_image=true", first)[2]
    check("with its steps", mine["state"]["job_count"] == 64 and mine["state"]["sampling_steps"] == 500 and mine["current_image"] is None, mine)
    check("and a preview", eventually(lambda: b.get("/sdapi/v1/progress", first)[2]["current_image"] is not None))
    other = b.get("/sdapi/v1/progress", second)[2]
    check("another app sees nothing of it", other["progress"] == 0 and other["state"]["job_count"] == 0 and other["current_image"] is None, other)
    check("another app's interrupt", b.post("/sdapi/v1/interrupt", "", second)[0] == 200)
    check("leaves it alone", len(at_work()) == 1 and b.get("/sdapi/v1/progress", first)[2]["state"]["interrupted"] is False)
    check("its own interrupt", b.post("/sdapi/v1/interrupt", "", first)[0] == 200)
    thread.join(DEADLINE)
    check("ends it, with the pictures so far", answers["long"][0] == 200 and isinstance(answers["long"][2]["images"], list), answers)

    line = b.raw()
    body = json.dumps({**long, "prompt": "left alone"}).encode()
    line.sendall(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " +
                 first.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    check("a job begins", eventually(at_work))
    line.close()
    check("and ends when its client goes", eventually(lambda: not at_work()))
    body = json.dumps({"prompt": "left alone", "size": "64x64", "steps": 500, "stream": True, "partial_images": 3}).encode()
    line = b.raw()
    line.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " +
                 first.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    check("a stream begins", line.recv(10) == b"HTTP/1.1 2")
    line.close()
    check("and ends, too", eventually(lambda: not at_work()))
    test_half_closed(b, first)

    statuses, stop = [], threading.Event()

    def ask():
        status, headers, answer = b.post("/v1/images/generations", {"prompt": "many", "size": "128x128", "steps": 500, "n": 10}, second)
        statuses.append((status, headers["Retry-After"], answer))
        stop.set()
    threads = [threading.Thread(target=ask) for _ in range(24)]
    for t in threads:
        t.start()
    stop.wait(DEADLINE)
    check("too many are 429, with the reason", statuses[0][0] == 429 and statuses[0][1] and "limit" in statuses[0][2]["error"]["message"], statuses)
    while any(t.is_alive() for t in threads):
        b.post("/sdapi/v1/interrupt", "", second)
        threads[0].join(0.2)
        for t in threads:
            t.join(0.01)
    check("and all come to an end", all(s[0] in (200, 400, 429) for s in statuses), [s[0] for s in statuses])


def everything(line):
    data = b""
    while True:
        more = line.recv(65536)
        if not more:
            return data
        data += more


def test_half_closed(b, token):
    """Who closes the sending half is taken for gone where work would go on for it, and gets lists."""
    head = b"Host: localhost\r\nConnection: close\r\nAuthorization: Bearer " + token.encode() + b"\r\n"
    for path in (b"/v1/models", b"/sdapi/v1/sd-models", b"/sdapi/v1/progress"):
        with b.raw() as line:
            line.sendall(b"GET " + path + b" HTTP/1.1\r\n" + head + b"\r\n")
            line.shutdown(socket.SHUT_WR)
            answer = everything(line)
        check(f"half closed, {path.decode()} is answered", answer.startswith(b"HTTP/1.1 200"), answer)
    body = json.dumps({"prompt": "half of it", "size": "128x128", "steps": 500, "n": 8}).encode()
    with b.raw() as line:
        line.sendall(b"POST /v1/images/generations HTTP/1.1\r\n" + head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) +
                     body)
        check("a job begins", eventually(at_work))
        line.shutdown(socket.SHUT_WR)
        answer = everything(line)
    check("half closed, it is told that nothing comes", answer.startswith(b"HTTP/1.1 503"), answer)
    check("and the job ends", eventually(lambda: not at_work()))


def test_liars(b, token):
    head = b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token.encode()
    slow = [b.raw() for _ in range(8)]
    for line in slow[:4]:
        line.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localh")
    for line in slow[4:]:
        line.sendall(head + b"\r\nContent-Length: 100\r\n\r\n{")
    sent = [
        (b"GET /v1/models HTTP/1.1\r\n\r\n", b"400"), (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", None), (b"GET\r\n\r\n", None),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", None), (b"\0" * 1000 + b"\r\n\r\n", None),
        (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100000 + b"\r\n\r\n", None),
        (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50000 + b"\r\n", None),
        (b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", None),
        (head + b"\r\nContent-Length: -1\r\n\r\n{}", b"4"), (head + b"\r\nContent-Length: 99999999999999999999\r\n\r\n{}", b"4"),
        (head + b"\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}", None), (head + b"\r\nContent-Length: x\r\n\r\n{}", b"4"),
        (head + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", None),
        (head + b"\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n", None),
        (head + b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"", None),
        (head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + b"40000\r\n" + b"x" * 0x40000 + b"\r\n10000\r\n" + b"x" * 0x10000 + b"\r\n0\r\n\r\n", b"413"),
        (head + b"\r\nContent-Length: 100000\r\n\r\n{\"prompt\": \"cut", None),
    ]
    for data, expected in sent:
        with b.raw() as line:
            try:
                line.sendall(data)
                line.shutdown(socket.SHUT_WR)
                answer = line.recv(4096)
            except OSError:
                answer = b""
            status = answer[9:12]
            check(f"{data[:16]!r}… {data[-24:]!r} is refused", (status.startswith(expected) if expected else True) and not status.startswith(b"2"),
                  answer[:200])
        check("and others are served", b.get("/v1/models", token)[0] == 200)
    check("no job came of it", not at_work())
    for line in slow[:4]:
        try: # until the time for headers is over
            said = line.recv(4096)
        except ConnectionError:
            said = b""
        check("whoever dawdles is left", not said.startswith(b"HTTP/1.1 2"), said)
        line.close()
    for line in slow[4:]:
        line.close()
    many = [b.raw() for _ in range(100)]
    for line in many:
        line.close()
    check("a crowd that says nothing is outlived", b.get("/v1/models", token)[0] == 200)


def processor_ticks(pid):
    return sum(int(n) for n in open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13])


def test_crowd(b, token):
    crowd = [b.raw() for _ in range(40)]  # more than are let in, who ask for nothing
    answered = b.get("/v1/models", token)[0] == 200
    crowd[0].setblocking(False)
    try:
        was_first = crowd[0].recv(1) == b""
    except BlockingIOError:
        was_first = False
    check("who asks is heard beside a crowd that does not", answered and not was_first)
    for one_of_them in crowd:
        one_of_them.close()


def test_shortage(b, token):
    """Where no descriptor is left it waits until there is one."""
    pid = b.process.pid
    allowed = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, allowed[1]))
    with b.raw() as line:
        line.sendall(f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        before = processor_ticks(pid)
        time.sleep(3)
        used = processor_ticks(pid) - before
        check("it does not turn in circles meanwhile", used < os.sysconf("SC_CLK_TCK") / 5, used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, allowed)
        check("whoever waits is served then", line.recv(4096).startswith(b"HTTP/1.1 200"))


def test_program(token):
    done = subprocess.run([BRIDGE, "--listen", "0.0.0.0:0"], capture_output=True, text=True, check=False)
    check("nothing that others reach", done.returncode == 1 and "no loopback" in done.stderr, done)
    check("no socket, no service", subprocess.run([BRIDGE], capture_output=True, check=False).returncode == 1)
    check("wrong options", subprocess.run([BRIDGE, "--none"], capture_output=True, check=False).returncode == 2)
    path = os.path.abspath("bridge.sock")
    process = subprocess.Popen([BRIDGE, "--user", "--listen", path, "--allow-host", "studio.example"])
    check("a Unix socket", eventually(lambda: os.path.exists(path)) and stat.S_IMODE(os.stat(path).st_mode) == 0o600)
    done = subprocess.run(["curl", "-sS", "--unix-socket", path, "-H", f"Authorization: Bearer {token}", "http://studio.example/v1/models"],
                          capture_output=True, text=True, check=True)
    check("and a name that is allowed", "default" in done.stdout, done)
    second = subprocess.run([BRIDGE, "--user", "--listen", path], capture_output=True, check=False)
    check("which is not taken from who listens there", second.returncode == 1 and os.path.exists(path))
    process.kill()
    process.wait(DEADLINE)
    process = subprocess.Popen([BRIDGE, "--user", "--listen", path])
    check("one who was killed is followed", eventually(lambda: subprocess.run(["curl", "-sS", "--unix-socket", path, "http://localhost/"],
                                                                              capture_output=True, check=False).returncode == 0))
    process.terminate()
    check("it ends when told to, and leaves nothing", process.wait(DEADLINE) == 0 and not os.path.exists(path))


os.chdir(os.environ["IMAGINED_ROOT"])
os.environ["XDG_STATE_HOME"] = os.path.join(os.getcwd(), "state")
bridge = Bridge()
one, two = test_tokens(bridge)
test_browsers(bridge, one)
test_openai(bridge, one)
test_webui(bridge, one)
test_apps(bridge, one, two)
test_liars(bridge, one)
test_crowd(bridge, one)
test_shortage(bridge, one)
test_program(one)
check("it is still there", bridge.process.poll() is None)
bridge.process.terminate()
check("and ends when told to", bridge.process.wait(DEADLINE) == 0)
said = open("errors").read()
check("it says no prompt and no token", "fox" not in said and one not in said and "long one" not in said, said)
check("and nothing that a sanitizer says", "Sanitizer" not in said and "runtime error" not in said, said)
sys.exit(bridge_client.failed)
