#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A client of the Model Context Protocol that knows both eras, and what a server has to answer in each. Prints TAP. Runs in
# $IMAGINED_ROOT's service (tests/with-service).

import base64
import json
import os
import subprocess
import sys
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEADLINE = 120
MODERN = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
failed = False


def check(what, holds, said=""):
    global failed
    failed = failed or not holds
    print(f"{'ok' if holds else 'not ok'} - {what}" + ("" if holds or said == "" else f"\n    {said}"), flush=True)


class Server:
    def __init__(self, folder, *options):
        self.errors = open("errors", "ab")
        self.process = subprocess.Popen(["imagine", "--user", "mcp", "--folder", folder, *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        self.notes = []
        self.early = {}
        self.last = 0

    def write(self, line):
        self.process.stdin.write(line if isinstance(line, bytes) else line.encode() + b"\n")
        self.process.stdin.flush()

    def send(self, method, params=None, id=None):
        message = {"jsonrpc": "2.0", "method": method}
        if id is not None:
            message["id"] = id
        if params is not None:
            message["params"] = params
        self.write(json.dumps(message))

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError
        assert line.endswith(b"\n")
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def wait(self, id):
        """The answer to that request; what else comes is kept."""
        while id not in self.early:
            message = self.read()
            if "method" in message:
                assert "id" not in message, "servers do not ask"
                self.notes.append(message)
            else:
                self.early[message["id"]] = message
        return self.early.pop(id)

    def ask(self, method, params=None):
        self.last += 1
        self.send(method, params, self.last)
        return self.wait(self.last)

    def raw(self, line):
        """The answer to a line that has no id of its own."""
        self.write(line)
        return self.wait(None)

    def call(self, tool, arguments, meta=None):
        params = {"name": tool, "arguments": arguments}
        if meta:
            params["_meta"] = meta
        return self.ask("tools/call", params)

    def progress(self, token):
        return [n["params"] for n in self.notes if n["params"]["progressToken"] == token]

    def close(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        return self.process.wait(60), rest


def legacy(folder, version="2025-11-25"):
    server = Server(folder)
    answer = server.ask("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
    server.send("notifications/initialized")
    return server, answer["result"]


def is_error(answer, code):
    return "error" in answer and answer["error"]["code"] == code


def says(answer, text):
    """A tool that failed, and says that."""
    return answer.get("result", {}).get("isError") is True and text in answer["result"]["content"][0]["text"]


def kinds(answer):
    return [c["type"] for c in answer["result"]["content"]]


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def increases(notes):
    values = [n["progress"] for n in notes]
    return len(values) > 0 and all(a < b for a, b in zip(values, values[1:])) and values[-1] <= notes[0]["total"]


def test_legacy():
    server, begun = legacy("pictures")
    check("legacy: its version is spoken", begun["protocolVersion"] == "2025-11-25", begun)
    check("legacy: it has tools", begun["capabilities"] == {"tools": {}} and begun["serverInfo"]["name"] == "imagined", begun)
    check("legacy: ping", server.ask("ping")["result"] == {})
    tools = server.ask("tools/list")["result"]
    names = [t["name"] for t in tools["tools"]]
    check("legacy: the tools", names == ["generate_image", "enhance_prompt", "list_models", "get_image"], names)
    check("legacy: always in the same order", names == [t["name"] for t in server.ask("tools/list")["result"]["tools"]])
    check("legacy: results are plain", "resultType" not in tools and "ttlMs" not in tools, tools)
    check("legacy: schemas are objects that take nothing else", all(
        t["inputSchema"]["type"] == "object" and t["inputSchema"]["additionalProperties"] is False for t in tools["tools"]))

    made = server.call("generate_image", {"prompt": "a red fox", "seed": 42, "steps": 4}, {"progressToken": "p1"})
    content = made["result"]["content"]
    check("a link, a thumbnail, a text", kinds(made) == ["resource_link", "image", "text"] and not made["result"]["isError"], made)
    path = os.path.realpath("pictures/a-red-fox-42.png")
    check("the link leads to the file", content[0]["uri"] == "file://" + path and os.path.exists(path), content[0])
    size = png_size(open(path, "rb").read())
    small = png_size(base64.b64decode(content[1]["data"]))
    check("the thumbnail is a PNG of at most 256 pixels", max(small) == min(256, max(size)), small)
    check("the text has the settings", "Seed 42" in content[2]["text"] and "4 steps" in content[2]["text"], content[2])
    check("progress strictly increases", increases(server.progress("p1")), server.progress("p1"))
    first = open(path, "rb").read()
    again = server.call("generate_image", {"prompt": "a red fox", "seed": "42", "steps": 4.0})
    check("nothing is overwritten", again["result"]["content"][0]["name"] == "a-red-fox-42-2.png", again)
    check("the same seed draws the same", open("pictures/a-red-fox-42-2.png", "rb").read() == first)
    check("no progress without a token", all(n["params"]["progressToken"] == "p1" for n in server.notes))

    two = server.call("generate_image", {"prompt": "two", "count": 2, "seed": 5, "steps": 2, "name": "../../Etc/pass wd"})
    names = [c["name"] for c in two["result"]["content"] if c["type"] == "resource_link"]
    check("a name is words and no path", names == ["etc-pass-wd-5.png", "etc-pass-wd-6.png"], names)
    more = server.call("generate_image", {"prompt": "x", "from": names[0], "strength": 0.5, "seed": 9, "steps": 2, "name": "from"})
    check("a picture to start from", kinds(more) == ["resource_link", "image", "text"], more)

    models = server.call("list_models", {})
    check("models", [m["name"] for m in json.loads(models["result"]["content"][0]["text"])["models"]] == ["default"], models)
    check("without their paths", "directory" not in models["result"]["content"][0]["text"])

    seen = server.call("get_image", {"name": "a-red-fox-42.png", "side": 16})
    check("get_image shows it small", max(png_size(base64.b64decode(seen["result"]["content"][0]["data"]))) == 16, seen)
    check("and how it was made", "Seed: 42" in seen["result"]["content"][2]["text"], seen)
    check("by its URI", kinds(server.call("get_image", {"name": content[0]["uri"]})) == ["image", "text", "text"])
    check("by its path", kinds(server.call("get_image", {"name": path})) == ["image", "text", "text"])
    return server


def prompts_of(answer):
    return answer["result"]["structuredContent"]["prompts"]


def test_enhance(server):
    idea = {"idea": "a beach sunset", "seed": 7, "count": 2}
    made = server.call("enhance_prompt", idea, {"progressToken": "e1"})
    first, second = prompts_of(made)
    texts = [c["text"] for c in made["result"]["content"]]
    check("enhance_prompt: a text for each variation", kinds(made) == ["text", "text"] and made["result"]["isError"] is False, made)
    check("which begins with the prompt", texts[0].startswith(first["prompt"]) and texts[1].startswith(second["prompt"]), texts)
    check("they differ", first["prompt"] != second["prompt"])
    check("it says more than the idea", "beach" in first["prompt"] and len(first["prompt"]) > 4 * len(idea["idea"]), first)
    check("by field", {"subject", "style", "palette", "lighting", "camera", "texture", "mood"} <= set(first["fields"]), first)
    check("with its seed in digits", [p["seed"] for p in (first, second)] == ["7", "8"], made)
    check("with what it was made of", first["lineage"] == [idea["idea"]], first)
    notes = server.progress("e1")
    check("its progress increases to the end", increases(notes) and notes[-1]["progress"] == notes[-1]["total"], notes)
    check("the same seed writes the same", prompts_of(server.call("enhance_prompt", idea)) == [first, second])
    refined = prompts_of(server.call("enhance_prompt", {"idea": first["prompt"], "refine": "at night", "lineage": first["lineage"], "seed": 7}))[0]
    check("a refinement", refined["prompt"] != first["prompt"] and refined["fields"]["style"] == first["fields"]["style"], refined)
    check("keeps the lineage", refined["lineage"] == [idea["idea"], first["prompt"], "at night"], refined)
    pinned = prompts_of(server.call("enhance_prompt", {**idea, "fields": {"palette": "teal and orange"}, "purpose": "wallpaper"}))[0]
    check("settled fields and a purpose", pinned["fields"]["palette"] == "teal and orange" and pinned["purpose"] == "wallpaper", pinned)
    for arguments, text in [({}, "idea is missing"), ({"idea": 5}, "idea is missing"), ({"idea": ""}, ""), ({"idea": "x", "count": 17}, "count"),
                            ({"idea": "x", "count": 0}, "count"), ({"idea": "x", "seed": -1}, "seed"), ({"idea": "x", "model": "none"}, "none"),
                            ({"idea": "x", "purpose": "none"}, "none"), ({"idea": "x", "engine": "none"}, "engine"),
                            ({"idea": "x", "fields": []}, "fields is an object"), ({"idea": "x", "fields": {"palette": 5}}, "fields has texts"),
                            ({"idea": "x", "fields": {"none": "y"}}, "none"), ({"idea": "x", "fields": {"a=b": "y"}}, "fields has texts"),
                            ({"idea": "x", "fields": {str(i): "y" for i in range(100)}}, "fields is an object"),
                            ({"idea": "x", "lineage": "y"}, "lineage is an array"), ({"idea": "x", "lineage": [5]}, "lineage is an array"),
                            ({"idea": "x", "server": "y"}, "there is no argument server"), ({"idea": "x" * 8193}, "8192")]:
        answer = server.call("enhance_prompt", arguments)
        check(f"enhance_prompt {json.dumps(arguments)[:40]} is refused in words", says(answer, text), answer)


class ChatServer:
    """tests/net/fake-server, configured as the chat server."""

    def __init__(self, play):
        os.mkdir("chat")
        self.process = subprocess.Popen(["python3", os.path.join(TESTS, "net/fake-server"), "chat"])
        while not os.path.exists("chat/port"):
            assert self.process.poll() is None
            time.sleep(0.01)
        port = open("chat/port").read()
        with open("imagined.conf", "a") as f:
            f.write(f'servers = ( {{ name = "chat"; url = "http://127.0.0.1:{port}/{play}/v1"; model = "fake-1"; }} );\n')

    def wait_for(self, name):
        """Until it has noted something there."""
        end = time.monotonic() + DEADLINE
        while os.path.getsize(f"chat/{name}") == 0:
            assert time.monotonic() < end
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()


def test_chat(chat):
    """Through a chat server that never answers."""
    server, _ = legacy("pictures")
    asked = {"idea": "a fox", "engine": "chat"}
    check("a chat server is not asked without consent", says(server.call("enhance_prompt", asked), "consent"))
    check("not one byte goes there", os.path.getsize("chat/connections") == 0)
    subprocess.run(["imagine", "--user", "consent", "grant", "chat"], check=True, capture_output=True)
    server.send("tools/call", {"name": "enhance_prompt", "arguments": asked, "_meta": {"progressToken": "chat"}}, "chat")
    chat.wait_for("received")
    check("with consent it is", b"a fox" in open("chat/received", "rb").read())
    server.send("notifications/cancelled", {"requestId": "chat"})
    chat.wait_for("left")
    check("and left when that is cancelled", server.ask("ping")["result"] == {})
    check("without an answer", "chat" not in server.early)
    server.send("tools/call", {"name": "enhance_prompt", "arguments": asked}, "last")
    check("at the end of the input", server.close() == (0, b""))
    jobs = json.loads(subprocess.run(["imagine", "--user", "--json", "jobs"], capture_output=True, check=True).stdout)["jobs"]
    check("nothing is left of it", not any(j["state"] in ("queued", "running") for j in jobs), jobs)


def test_folder(server):
    os.symlink("/etc/passwd", "pictures/passwd.png")
    os.symlink("/etc", "pictures/etc")
    os.mkfifo("pictures/fifo.png")
    open("pictures/text.png", "w").write("no picture")
    open("outside.png", "w").write("outside")
    only = "only pictures in"
    for name, text in [("../outside.png", only), ("/etc/passwd", only), ("passwd.png", only), ("etc/passwd", only),
                       ("pictures/../../outside.png", "no such picture"), ("fifo.png", "that is no file"), (".", "that is no file"),
                       ("none.png", "no such picture"), ("", "no such picture"), ("text.png", "that is no PNG"),
                       ("file:///etc/passwd", "no such picture"), ("a" * 5000, "no such picture")]:
        answer = server.call("get_image", {"name": name})
        check(f"get_image {name[:30]!r} is refused", says(answer, text), answer)
        answer = server.call("generate_image", {"prompt": "x", "from": name})
        check(f"from {name[:30]!r} is refused", answer["result"]["isError"], answer)
    os.rename("pictures", "moved")
    os.symlink("/tmp", "pictures")
    server.call("generate_image", {"prompt": "elsewhere", "seed": 1, "steps": 2})
    check("the folder is held, whatever its name becomes", os.path.exists("moved/elsewhere-1.png"))
    os.remove("pictures")
    os.rename("moved", "pictures")


def test_wrong(server):
    for arguments, text in [({}, "prompt is missing"), ({"prompt": 5}, "prompt is missing"),
                            ({"prompt": "x", "steps": 0}, "steps"), ({"prompt": "x", "steps": "many"}, "steps"),
                            ({"prompt": "x", "steps": []}, "steps is a number"), ({"prompt": "x", "negative_prompt": 5}, "is a text"),
                            ({"prompt": "x", "fast": "yes"}, "true or false"), ({"prompt": "x", "sampler": "none"}, "there is no 'none'"),
                            ({"prompt": "x", "width": 1}, "width"), ({"prompt": "x", "width": 4096}, "width"),
                            ({"prompt": "x", "width": 1.5}, "width"), ({"prompt": "x", "seed": -1}, "seed"),
                            ({"prompt": "x", "count": 9}, "count"), ({"prompt": "x", "model": "none"}, "none"),
                            ({"prompt": "x", "size": 5}, "there is no argument size"), ({"prompt": "x", "mask": "y"}, "mask needs from"),
                            ({"prompt": "x" * 8193}, "8192")]:
        answer = server.call("generate_image", arguments)
        check(f"{json.dumps(arguments)[:40]} is refused in words", says(answer, text), answer)
    check("an unknown tool is -32602", is_error(server.call("none", {}), -32602))
    check("arguments are an object", is_error(server.call("list_models", []), -32602))
    check("an unknown method is -32601", is_error(server.ask("resources/list"), -32601))
    check("a cursor is -32602", is_error(server.ask("tools/list", {"cursor": "x"}), -32602))
    for line, code, what in [("{", -32700, "half an object"), ("[]", -32600, "a batch"), ("5", -32600, "a number"), ("\x00", -32700, "a zero"),
                             ('{"jsonrpc":"1.0","method":"ping"}', -32600, "another version"), ('{"jsonrpc":"2.0"}', -32600, "no method"),
                             ('{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, "id null"),
                             ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, "a broken id"),
                             ('{"jsonrpc":"2.0","jsonrpc":"2.0","method":"ping"}', -32700, "a key twice"),
                             ("[" * 100000, -32700, "much within each other"), ('{"a":"\\ud800"}', -32700, "half a letter"),
                             (b'{"jsonrpc":"2.0","id":"\xff","method":"ping"}\n', -32700, "no UTF-8"),
                             ('"' + "x" * (1 << 20) + '"', -32600, "a line that is too long")]:
        answer = server.raw(line)
        check(f"{what} is {code}", is_error(answer, code), answer)
    server.write('{"jsonrpc":"2.0","method":5}')
    check("a method that is no text", is_error(server.wait(None), -32600))
    server.write("\r\n\n")
    server.write('{"jsonrpc":"2.0","id":77,"result":{}}')
    server.send("notifications/unknown")
    server.send("notifications/cancelled", {"requestId": "none"})
    check("what is no request is not answered", server.ask("ping") == {"jsonrpc": "2.0", "id": server.last, "result": {}})


def test_together():
    """Several at once, and one of them cancelled."""
    server, _ = legacy("pictures")
    long = {"name": "generate_image", "arguments": {"prompt": "long", "width": 128, "height": 128, "steps": 500, "count": 8}, "_meta": {"progressToken": 1}}
    server.send("tools/call", long, "long")
    while not server.progress(1):
        server.notes.append(server.read())
    check("the same id twice is refused", is_error(server.raw_id("ping", "long"), -32600))
    others = [f"id{i}" for i in range(4)]
    for id in others:
        server.send("tools/call", {"name": "generate_image", "arguments": {"prompt": id, "steps": 2, "seed": 3}}, id)
    check("quick ones are answered beside it", server.ask("ping")["result"] == {})
    server.send("notifications/cancelled", {"requestId": "long", "reason": "test"})
    answers = [server.wait(id) for id in others]
    check("all are answered", all(a["result"]["isError"] is False for a in answers), answers)
    check("the files are there", all(os.path.exists(f"pictures/{id}-3.png") for id in others))
    check("of the cancelled one comes nothing", "long" not in server.early)
    for i in range(20):
        server.send("tools/call", long, f"many{i}")
    refused = server.wait("many16")
    check("there is a limit", says(refused, "at work already") or says(refused, "limit"), refused)
    status, rest = server.close()
    check("the end of the input ends it", status == 0, status)
    jobs = json.loads(subprocess.run(["imagine", "--user", "--json", "jobs"], capture_output=True, check=True).stdout)["jobs"]
    check("and its jobs", not any(j["state"] in ("queued", "running", "loading") for j in jobs), jobs)


def raw_id(self, method, id):
    self.send(method, None, id)
    return self.wait(id)


Server.raw_id = raw_id


def test_versions():
    for version, spoken in [("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("1999-01-01", "2025-11-25"),
                            (MODERN, "2025-11-25")]:
        server, begun = legacy("pictures", version)
        check(f"asked for {version} it speaks {spoken}", begun["protocolVersion"] == spoken, begun)
        if version == "2024-11-05":
            made = server.call("generate_image", {"prompt": "old", "steps": 2, "seed": 1})
            check("no links before they were known", kinds(made) == ["text", "image", "text"], made)
            told = server.call("enhance_prompt", {"idea": "old", "seed": 1})["result"]
            check("prompts as texts alone", "structuredContent" not in told and "old" in told["content"][0]["text"], told)
            check("but the path", made["result"]["content"][0]["text"].startswith("file:///"), made)
        server.close()
    server = Server("pictures")
    check("ping before all", server.ask("ping")["result"] == {})
    check("initialize without a version", is_error(server.ask("initialize", {}), -32602))
    check("nothing else before", is_error(server.ask("tools/list"), -32602))
    server.close()


def test_modern():
    server = Server("pictures")
    meta = dict(META)
    found = server.ask("server/discover", {"_meta": meta})["result"]
    check("modern: discover", found["supportedVersions"] == [MODERN] and found["resultType"] == "complete" and
          found["capabilities"] == {"tools": {}} and found["ttlMs"] > 0 and found["cacheScope"] == "public", found)
    check("modern: who it is", found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "imagined", found)
    tools = server.ask("tools/list", {"_meta": meta})["result"]
    check("modern: lists have a lifetime", tools["resultType"] == "complete" and tools["ttlMs"] > 0 and len(tools["tools"]) >= 3, tools)
    made = server.call("generate_image", {"prompt": "modern", "steps": 3, "seed": 1}, {**meta, "progressToken": 7})
    check("modern: a picture", made["result"]["resultType"] == "complete" and kinds(made) == ["resource_link", "image", "text"], made)
    check("modern: progress", increases(server.progress(7)), server.notes)
    made = server.call("enhance_prompt", {"idea": "modern", "seed": 3}, {**meta, "progressToken": 8})
    check("modern: a prompt", made["result"]["resultType"] == "complete" and prompts_of(made)[0]["seed"] == "3", made)
    check("modern: its progress", increases(server.progress(8)), server.notes)
    check("modern: a failure is a result", server.call("generate_image", {}, meta)["result"]["isError"] is True)
    check("modern: no ping", is_error(server.ask("ping", {"_meta": meta}), -32601))
    check("modern: no initialize", is_error(server.ask("initialize", {"_meta": meta}), -32601))
    check("modern: without a version", is_error(server.ask("tools/list", {"_meta": {}}), -32602))
    check("modern: without capabilities", is_error(server.ask("tools/list", {"_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN}}), -32602))
    wrong = server.ask("tools/list", {"_meta": {**meta, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}})
    check("modern: another version", is_error(wrong, -32022) and
          wrong["error"]["data"] == {"supported": [MODERN], "requested": "2099-01-01"}, wrong)
    check("modern: a version that is no text", is_error(server.ask("tools/list", {"_meta": {
        **meta, "io.modelcontextprotocol/protocolVersion": 5}}), -32602))
    check("both eras at once", "protocolVersion" in server.ask("initialize", {"protocolVersion": "2025-11-25"})["result"] and
          "resultType" not in server.ask("tools/list")["result"] and
          "resultType" in server.ask("tools/list", {"_meta": meta})["result"])
    check("modern: it ends", server.close()[0] == 0)


def test_ends():
    with open("lines", "w") as f:
        f.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":"2.0","id":2,"me')
    with open("lines") as f, open("answers", "w") as out:
        status = subprocess.run(["imagine", "--user", "mcp", "--folder", "pictures"], stdin=f, stdout=out, check=False).returncode
    check("files do, too, and half a line is none", status == 0 and open("answers").read() == '{"jsonrpc":"2.0","id":1,"result":{}}\n')
    server, _ = legacy("pictures")
    server.process.stdout.close()
    server.send("ping", None, 5)
    check("it ends when nobody reads", server.process.wait(60) == 0)
    missing = subprocess.run(["imagine", "mcp", "--folder", "none"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    check("a folder that is not there", missing.returncode == 1 and b"cannot open the folder none" in missing.stderr, missing)


os.chdir(os.environ["IMAGINED_ROOT"])
os.environ["XDG_STATE_HOME"] = os.path.join(os.getcwd(), "state")
os.makedirs("pictures", exist_ok=True)
chat = ChatServer("silent")
server = test_legacy()
test_enhance(server)
test_folder(server)
test_wrong(server)
check("the end of the input ends it", server.close() == (0, b""))
test_together()
test_chat(chat)
test_versions()
test_modern()
test_ends()
chat.stop()
said = open("errors").read()
check("stderr has no word of a prompt", "fox" not in said and "modern" not in said and "beach" not in said, said)
sys.exit(failed)
