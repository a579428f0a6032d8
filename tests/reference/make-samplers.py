#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Samplers and schedules on a denoiser that is a formula, in float64, after the definitions in k-diffusion and ComfyUI.

    make-samplers.py      writes tests/fixtures/samplers.json (needs Debian's python3-torch, for its normals)

The denoiser is the exact one for pictures that are normally distributed with MEAN and DEVIATION. Everything is computed on
picture + sigma * noise, also for those samplers that the engine computes in another form."""
import json
import math
import os

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
N = 16
MEAN, DEVIATION = 0.3, 0.8
ALPHAS = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000)**2, 0).double().numpy()
SIGMAS = np.sqrt((1 - ALPHAS) / ALPHAS)


def denoised(x, sigma):
    return (DEVIATION**2 * x + sigma**2 * MEAN) / (DEVIATION**2 + sigma**2)


def slope(x, sigma):
    return (x - denoised(x, sigma)) / sigma


# ---- schedules

def at(t):
    low, high = math.floor(t), math.ceil(t)
    return math.exp((1 - t + low) * math.log(SIGMAS[low]) + (t - low) * math.log(SIGMAS[high]))


def incomplete_beta(x, a, n=200000):
    """The distribution with both shapes a, by substituting away the singular ends: t = u^(1/a)."""
    if x > 0.5:
        return 1 - incomplete_beta(1 - x, a)
    u = (np.arange(n) + 0.5) / n * x**a
    t = u**(1 / a)
    integral = np.sum((1 - t)**(a - 1)) * x**a / n / a
    return integral * math.gamma(2 * a) / math.gamma(a)**2


def beta_quantile(p, a=0.6):
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if incomplete_beta(middle, a, 20000) < p else (low, middle)
    return low


def schedule(name, n):
    high, low = SIGMAS[-1], SIGMAS[0]
    if name == "normal":
        return [at(t) for t in np.linspace(999, 0, n)]
    if name == "sgm-uniform":
        return [at(t) for t in np.linspace(999, 0, n + 1)[:-1]]
    if name == "karras":
        return list((high**(1 / 7) + np.linspace(0, 1, n) * (low**(1 / 7) - high**(1 / 7)))**7)
    if name == "exponential":
        return list(np.exp(np.linspace(math.log(high), math.log(low), n)))
    if name == "simple":
        return [SIGMAS[-(1 + int(i * 1000 / n))] for i in range(n)]
    out = []
    for p in 1 - np.linspace(0, 1, n, endpoint=False):
        t = int(np.rint((1.0 if p == 1 else beta_quantile(p)) * 999))
        if not out or out[-1] != t:
            out.append(t)
    return [SIGMAS[t] for t in out]


# ---- samplers: x, sigmas with the final zero, a function that draws normals

def ancestral(sigma, following, eta=1.0):
    up = min(following, eta * math.sqrt(following**2 * (sigma**2 - following**2) / sigma**2))
    return math.sqrt(following**2 - up**2), up


def euler(x, s, draw):
    for a, b in zip(s, s[1:]):
        x = x + slope(x, a) * (b - a)
    return x


def euler_a(x, s, draw):
    for a, b in zip(s, s[1:]):
        down, up = ancestral(a, b)
        x = x + slope(x, a) * (down - a) + draw() * up
    return x


def heun(x, s, draw):
    for a, b in zip(s, s[1:]):
        d = slope(x, a)
        x = x + d * (b - a) if b == 0 else x + (d + slope(x + d * (b - a), b)) / 2 * (b - a)
    return x


def dpm2(x, s, draw):
    for a, b in zip(s, s[1:]):
        d = slope(x, a)
        if b > 0:
            middle = math.exp((math.log(a) + math.log(b)) / 2)
            d = slope(x + d * (middle - a), middle)
        x = x + d * (b - a)
    return x


def dpm2_a(x, s, draw):
    for a, b in zip(s, s[1:]):
        d = slope(x, a)
        if b == 0:
            x = x + d * (b - a)
            continue
        down, up = ancestral(a, b)
        middle = math.exp((math.log(a) + math.log(down)) / 2)
        x = x + slope(x + d * (middle - a), middle) * (down - a) + draw() * up
    return x


def dpmpp_2s_a(x, s, draw):
    for a, b in zip(s, s[1:]):
        if b == 0:
            x = x + slope(x, a) * (b - a)
            continue
        down, up = ancestral(a, b)
        t, end = -math.log(a), -math.log(down)
        h, between = end - t, t + (end - t) / 2
        x2 = math.exp(-between) / math.exp(-t) * x - math.expm1(-h / 2) * denoised(x, a)
        x = math.exp(-end) / math.exp(-t) * x - math.expm1(-h) * denoised(x2, math.exp(-between)) + draw() * up
    return x


def dpmpp_2m(x, s, draw):
    old = None
    for i, (a, b) in enumerate(zip(s, s[1:])):
        now = denoised(x, a)
        if b == 0:
            return now
        h, d = math.log(a / b), now
        if old is not None:
            r = math.log(s[i - 1] / a) / h
            d = (1 + 1 / (2 * r)) * now - 1 / (2 * r) * old
        x, old = b / a * x - math.expm1(-h) * d, now
    return x


def dpmpp_2m_sde(x, s, draw, eta=1.0):
    old = None
    for i, (a, b) in enumerate(zip(s, s[1:])):
        now = denoised(x, a)
        if b == 0:
            return now
        h = math.log(a / b)
        new = b / a * math.exp(-eta * h) * x - math.expm1(-h - eta * h) * now
        if old is not None:
            new = new - 0.5 * math.expm1(-h - eta * h) * h / math.log(s[i - 1] / a) * (now - old)
        x, old = new + draw() * b * math.sqrt(-math.expm1(-2 * eta * h)), now
    return x


def dpmpp_sde(x, s, draw):
    for a, b in zip(s, s[1:]):
        now = denoised(x, a)
        if b == 0:
            return now
        middle = math.sqrt(a * b)
        down, up = ancestral(a, middle)
        first = draw()
        x2 = down / a * x + (1 - down / a) * now + first * up
        second = denoised(x2, middle)
        down, up = ancestral(a, b)
        # A Brownian motion over sigma: its two increments make the whole one.
        whole = (math.sqrt(a - middle) * first + math.sqrt(middle - b) * draw()) / math.sqrt(a - b)
        x = down / a * x + (1 - down / a) * second + whole * up
    return x


def lms(x, s, draw):
    slopes = []
    for i, (a, b) in enumerate(zip(s, s[1:])):
        slopes = [slope(x, a)] + slopes[:3]
        for j, d in enumerate(slopes):
            p = np.poly1d([1.0])
            for k in range(len(slopes)):
                if k != j:
                    p = p * np.poly1d([1, -s[i - k]]) / (s[i - j] - s[i - k])
            p = p.integ()
            x = x + (p(b) - p(a)) * d
    return x


def ddim(x, s, draw, eta=0.0):
    """In the form of Song et al., on picture * signal + noise."""
    for a, b in zip(s, s[1:]):
        alpha, after = 1 / (1 + a * a), 1 / (1 + b * b)
        now, eps = denoised(x, a), slope(x, a)
        spread = eta * math.sqrt((1 - after) / (1 - alpha) * (1 - alpha / after))
        y = math.sqrt(after) * now + math.sqrt(1 - after - spread**2) * eps
        if eta > 0:
            y = y + spread * draw()
        x = y / math.sqrt(after)
    return x


def ddpm(x, s, draw):
    return ddim(x, s, draw, 1.0)


def unipc(x, s, draw):
    """Zhao et al. 2023 of order 2, B(h) = e^h - 1, with the linear system solved as such."""
    signal = [1 / math.sqrt(1 + v * v) for v in s]
    lam = [-math.log(v) if v > 0 else math.inf for v in s]
    x = x * signal[0]
    pictures, order, last = [], 1, None
    for i in range(len(s) - 1):
        now = denoised(x / signal[i], s[i])
        if last is not None:
            x = unipc_solve(last, pictures, now, s, signal, lam, i - 1, order)
        order = min(2, len(s) - 1 - i, i + 1)
        pictures, last = [now] + pictures[:1], x
        x = unipc_solve(last, pictures, None, s, signal, lam, i, order)
    return x


def unipc_solve(x, pictures, now, s, signal, lam, i, order):
    h = lam[i + 1] - lam[i]
    phi = math.expm1(-h)
    r = [(lam[i - k] - lam[i]) / h for k in range(1, order)] + [1.0]
    slopes = [(pictures[k] - pictures[0]) / r[k - 1] for k in range(1, order)]
    if now is not None:
        slopes.append(now - pictures[0])
    keep = (s[i + 1] * signal[i + 1]) / (s[i] * signal[i])
    out = keep * x - signal[i + 1] * phi * pictures[0]
    if order == 1:
        rho = [0.5]
    elif now is None:
        rho = [0.5]
    else:
        b, factorial, phi_k = [], 1, phi / -h - 1
        for k in range(1, order + 1):
            b.append(phi_k * factorial / phi)
            factorial *= k + 1
            phi_k = phi_k / -h - 1 / factorial
        rho = np.linalg.solve(np.array([[v**k for v in r] for k in range(order)]), np.array(b))
    for c, d in zip(rho, slopes):
        out = out - signal[i + 1] * phi * c * d
    return out


def lcm(x, s, draw):
    for a, b in zip(s, s[1:]):
        t = 10 * timestep(a)
        signal = 1 / math.sqrt(1 + a * a)
        now = t / math.sqrt(t * t + 0.25) * denoised(x, a) + 0.25 / (t * t + 0.25) * x * signal
        x = now + draw() * b if b > 0 else now
    return x


def timestep(sigma):
    return float(np.interp(math.log(sigma), np.log(SIGMAS), np.arange(1000)))


SAMPLERS = {
    "euler": euler, "euler-a": euler_a, "heun": heun, "dpm2": dpm2, "dpm2-a": dpm2_a, "dpm++-2s-a": dpmpp_2s_a, "dpm++-2m": dpmpp_2m,
    "dpm++-2m-sde": dpmpp_2m_sde, "dpm++-sde": dpmpp_sde, "lms": lms, "ddim": ddim, "ddpm": ddpm, "unipc": unipc, "lcm": lcm,
}


def run(sampler, name, n):
    generator = torch.Generator().manual_seed(7)

    def draw():
        return torch.randn(N, generator=generator).double().numpy()

    sigmas = schedule(name, n + (sampler in ("dpm2", "dpm2-a")))
    if sampler in ("dpm2", "dpm2-a"):
        sigmas = sigmas[:-1] if len(sigmas) > 1 else sigmas
        # The web UIs leave out the last but one of the list that ends in zero.
    x = SAMPLERS[sampler](draw() * sigmas[0], sigmas + [0.0], draw)
    return {"sampler": sampler, "schedule": name, "steps": n, "sigmas": [float(v) for v in sigmas], "latents": [float(v) for v in x]}


runs = [run(s, name, n) for s in SAMPLERS for name in ("normal", "karras", "exponential", "sgm-uniform", "simple", "beta") for n in (3, 10)]
with open(f"{HERE}/../fixtures/samplers.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r) for r in runs) + "\n]\n")
