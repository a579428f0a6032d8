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


def times(steps, count=1000):
    """Trailing timesteps, the noisiest first. Those of `steps` are among those of any multiple of it."""
    return [round(count - i * count / steps) - 1 for i in range(steps)]


def guided(v_of, x, t, context, empty, guidance, rescale):
    """v with classifier-free guidance; one evaluation on both captions at once."""
    both = torch.cat([empty, context])
    v0, v1 = v_of(torch.cat([x, x]), torch.full((2 * len(x),), t, device=x.device), both).chunk(2)
    v = v0 + guidance * (v1 - v0)
    if rescale:
        v = v * (1 - rescale + rescale * v1.std((1, 2, 3), keepdim=True) / v.std((1, 2, 3), keepdim=True))
    return v


def ddim(x, v, at, after):
    """From x at alphas_cumprod `at` to `after`, both tensors that fit x's shape."""
    x0, e = at.sqrt() * x - (1 - at).sqrt() * v, at.sqrt() * v + (1 - at).sqrt() * x
    return after.sqrt() * x0 + (1 - after).sqrt() * e


def leading_to(x, reached, at, after):
    """The v with which one step of ddim goes from x to `reached`."""
    along = at.sqrt() * after.sqrt() + (1 - at).sqrt() * (1 - after).sqrt()
    across = (1 - after).sqrt() * at.sqrt() - after.sqrt() * (1 - at).sqrt()
    return (reached - along * x) / across


def levels(steps):
    """alphas_cumprod at times(steps), and 1 for the end."""
    return torch.cat([alphas_cumprod()[times(steps)], torch.ones(1)])


@torch.no_grad()
def sample(v_of, noise, context, empty, steps=20, guidance=4.0, rescale=0.7):
    """v_of(x, t, context) -> v. noise [N, C, h, w], context and empty [N, L, hidden]. Returns x_0.
    With guidance 1 the empty caption is not asked."""
    a, x = levels(steps).to(noise.device), noise
    for i, t in enumerate(times(steps)):
        if guidance == 1:
            v = v_of(x, torch.full((len(x),), t, device=x.device), context)
        else:
            v = guided(v_of, x, t, context, empty, guidance, rescale)
        x = ddim(x, v, a[i], a[i + 1])
    return x
