# SPDX-License-Identifier: LGPL-2.1-or-later
"""The noise schedule, v prediction, and a DDIM sampler with classifier-free guidance.

x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise;  v = sqrt(a_t) noise - sqrt(1 - a_t) x_0  (Salimans and Ho 2022);
betas rescaled so that the last step is pure noise, trailing timesteps, guidance rescale (Lin et al. 2023).
"""
import torch

import config


def alphas_cumprod(c=config.SCHEDULER):
    n = c["num_train_timesteps"]
    betas = torch.linspace(c["beta_start"] ** 0.5, c["beta_end"] ** 0.5, n, dtype=torch.float32) ** 2
    root = torch.cumprod(1 - betas, 0).sqrt()
    if c["rescale_betas_zero_snr"]:
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root ** 2


def noised(x0, noise, a):
    """a = alphas_cumprod at the timesteps, [N]; returns (x_t, v)."""
    s, n = a.sqrt()[:, None, None, None], (1 - a).sqrt()[:, None, None, None]
    return s * x0 + n * noise, s * noise - n * x0


@torch.no_grad()
def sample(v_of, noise, context, empty, steps=20, guidance=4.0, rescale=0.7):
    """v_of(x, t, context) -> v. noise [N, C, h, w], context and empty [N, L, hidden]. Returns x_0."""
    a = alphas_cumprod()
    count = len(a)
    times = [round(count - i * count / steps) - 1 for i in range(steps)]
    x, both = noise, torch.cat([empty, context])
    for i, t in enumerate(times):
        v0, v1 = v_of(torch.cat([x, x]), torch.full((2 * len(x),), t), both).chunk(2)
        v = v0 + guidance * (v1 - v0)
        if rescale:
            v = v * (1 - rescale + rescale * v1.std((1, 2, 3), keepdim=True) / v.std((1, 2, 3), keepdim=True))
        at, after = a[t], a[times[i + 1]] if i + 1 < steps else torch.tensor(1.0)
        x0, e = at.sqrt() * x - (1 - at).sqrt() * v, at.sqrt() * v + (1 - at).sqrt() * x
        x = after.sqrt() * x0 + (1 - after).sqrt() * e
    return x
