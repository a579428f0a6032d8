# SPDX-License-Identifier: LGPL-2.1-or-later
"""What links lead to: /CASE/files/NAME."""
from fake import pictures


def is_mine(path):
    return path.startswith("/files/")


def play(peer, case, path, headers, body):
    name = path.split("/")[2].split("?")[0]
    host = headers["host"]
    if "authorization" in headers:
        peer.note("left", "a key came with a link")
    moved = {
        "to-plain": f"http://{host}/ok/files/red.png", "to-file": "file:///etc/passwd", "to-self": path, "to-here": "/ok/files/red.png",
        "to-port": "https://localhost:1/red.png", "to-private": "https://10.0.0.1/red.png", "to-ftp": "ftp://localhost/red.png",
    }
    if name in moved:
        peer.answer(302, "", {"Location": "/ok" + path if name == "to-self" else moved[name]})
    elif name == "expired":
        peer.answer(403, "<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
    elif name == "hang":
        peer.wait_for_end()
    elif name == "html":
        peer.answer(200, "<html>Sign in</html>", {"Content-Type": "image/png"})
    elif name == "untyped":
        peer.answer(200, pictures.RED, {"Content-Type": "text/html"})
    elif name == "huge":
        peer.head(200, {"Content-Type": "image/png", "Content-Length": 2 << 30})
        while True:
            peer.send(b"\0" * 65536)
    else:
        peer.answer(200, pictures.RED, {"Content-Type": "image/png"})
    return True
