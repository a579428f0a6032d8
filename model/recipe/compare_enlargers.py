# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares ways of enlarging four times, in figures and side by side.

    python3 compare_enlargers.py --work DIR --net ours=../default/upscaler --net other=FILE.safetensors
    python3 compare_enlargers.py --work DIR --net ours=… --sheet enlarged.png --pictures sheet.png

On the held-out scenes of enlarger_scenes.py, shrunk only and through the autoencoder: PSNR and SSIM (Wang et al. 2004,
on luma) against the scene, and the strength of its edges (1: as strong as the scene's; the mean slope where the scene's
is among the steepest twentieth). --pictures names a contact sheet of sample.py, whose 128 pixel tiles stand for real
pictures of the model: the sheet shows them enlarged at 1:1.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import fast

fast.environment()

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import enlarger
from train_enlarger import run

WAYS = {"shrunk": 0, "spoilt": 1, "decoded": 2, "noisy latents": 3}
TILE, LABEL = 128, 12  # of sample.py's sheets


def resized(method):
    def enlarge(small):
        w, h = small.shape[1] * 4, small.shape[0] * 4
        return np.asarray(Image.fromarray(small).resize((w, h), method))
    return enlarge


def enlarged(net):
    @torch.no_grad()
    def enlarge(small):
        x = torch.from_numpy(small.copy()).permute(2, 0, 1)[None].float() / 255
        return (run(net, x)[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
    return enlarge


def luma(picture):
    return torch.from_numpy(picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))


def psnr(a, b):
    return 10 * np.log10(255 ** 2 / ((a.astype(np.float32) - b) ** 2).mean())


def ssim(a, b):
    x = torch.stack([luma(a), luma(b)])[:, None]
    k = torch.exp(-(torch.arange(11) - 5.0) ** 2 / 4.5)
    k = (k[:, None] * k[None])[None, None] / k.sum() ** 2
    p, q = x[:1], x[1:]
    mp, mq, pp, qq, pq = (F.conv2d(t, k) for t in (p, q, p * p, q * q, p * q))
    vp, vq, cov = pp - mp ** 2, qq - mq ** 2, pq - mp * mq
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (((2 * mp * mq + c1) * (2 * cov + c2)) / ((mp ** 2 + mq ** 2 + c1) * (vp + vq + c2))).mean().item()


def slope(y):
    return (y[1:, 1:] - y[:-1, 1:]).abs() + (y[1:, 1:] - y[1:, :-1]).abs()


def edges(got, want):
    got, want = slope(luma(got)), slope(luma(want))
    steep = want > max(1, np.quantile(want.numpy(), 0.95))
    return (got[steep].mean() / want[steep].mean()).item() if steep.any() else 1.0


def figures(methods, work, count):
    large, small = (np.load(os.path.join(work, name + ".npy"), mmap_mode="r") for name in ("large", "small"))
    picks = range(len(large) - count, len(large))
    for way, k in WAYS.items():
        for name, enlarge in methods.items():
            rows, started = [], time.process_time()
            for i in picks:
                got, want = enlarge(np.array(small[i, k])), np.array(large[i])
                rows.append((psnr(got, want), ssim(got, want), edges(got, want)))
            p, s, e = np.mean(rows, 0)
            print(f"{way:14} {name:10} psnr {p:5.2f}  ssim {s:.4f}  edges {e:.3f}  "
                  f"{(time.process_time() - started) / count:.2f}s", flush=True)


def beside(methods, small):
    return np.concatenate([np.repeat(np.repeat(small, 4, 0), 4, 1)] + [m(small) for m in methods.values()], 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", required=True)
    parser.add_argument("--net", action="append", default=[], help="NAME=FOLDER or NAME=FILE")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--sheet")
    parser.add_argument("--pictures", help="a contact sheet of the model's pictures")
    parser.add_argument("--tiles", type=int, nargs="*", default=[0, 5, 12, 20], help="which of them")
    parser.add_argument("--no-figures", action="store_true")
    args = parser.parse_args()
    methods = {"bicubic": resized(Image.BICUBIC), "lanczos": resized(Image.LANCZOS)}
    for pair in args.net:
        name, _, path = pair.partition("=")
        methods[name] = enlarged(enlarger.load(path).to(memory_format=torch.channels_last))
    if not args.no_figures:
        figures(methods, args.work, args.count)
    if args.sheet:
        del methods["bicubic"]
        if args.pictures:
            picture = np.asarray(Image.open(args.pictures).convert("RGB"))
            columns = picture.shape[1] // TILE
            tiles = [picture[t // columns * (TILE + LABEL):, t % columns * TILE:][:TILE, :TILE] for t in args.tiles]
        else:
            small = np.load(os.path.join(args.work, "small.npy"), mmap_mode="r")
            tiles = [np.array(small[len(small) - 1 - t, t % 4]) for t in args.tiles]
        Image.fromarray(np.concatenate([beside(methods, np.ascontiguousarray(t)) for t in tiles])).save(args.sheet)


if __name__ == "__main__":
    main()
