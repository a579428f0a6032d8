# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the text encoder and the UNet on latents that lie on the GPU, by train_unet.py's rules; then the few-step UNet."""
import os

import torch
import torch.nn.functional as F

import config
import diffusion
import nets
from distil import Pupil, psnr
from machine import Plan, load, save
from optimizer import Optimizer
from train_unet import EMPTY, TOWARDS_NOISE, is_matrix, is_slow, networks

BATCH, LR, WARMUP, DECAY_FROM = 768, 6e-4, 500, 0.5
EMA_RATE = 0.0005
LOG_EVERY, SAVE_MINUTES = 500, 3
GUIDANCE, RESCALE = 3.0, 0.7
FEW_LR, FEW_WARMUP, FEW_PATHS, FEW_BATCH = 3e-4, 20, 256, 512
FEW_STEPS, FEW_SUBSTEPS = 6, 4


class Latents:
    """Batches drawn from what `encode` wrote: everything is on the GPU."""

    def __init__(self, machine, work, lot, empty):
        saved = load(os.path.join(work, "latents.pt"), machine.device)
        self.latents, self.ids, self.empty = saved["latents"], lot["ids"], empty.to(machine.device)

    def rows(self, size):
        rows = torch.randint(len(self.latents), (size,), device=self.latents.device)
        wording = torch.randint(self.ids.shape[1], (size,), device=self.latents.device)
        return rows, self.ids[rows, wording].long()

    def without(self, ids, share):
        """A share of the captions left out."""
        out = torch.rand(len(ids), 1, device=ids.device) < share
        return torch.where(out, self.empty, ids)


def asked(unet, machine):
    def v_of(x, t, context):
        with machine.autocast():
            return unet(x.contiguous(memory_format=torch.channels_last), t, context).float()
    return v_of


def last_step(x0, t, noise, alphas):
    return diffusion.noised(x0, noise, alphas[t])


@torch.no_grad()
def probe(text, unet, latents, alphas, machine):
    """Loss at high noise with the right, the empty and a wrong caption: they must lie in this order, well apart."""
    torch.manual_seed(7)
    rows, ids = latents.rows(256)
    t = torch.randint(800, 1000, (256,), device=machine.device)
    x0 = latents.latents[rows].float()
    x, v = diffusion.noised(x0, torch.randn_like(x0), alphas[t])
    out = []
    for words in (ids, latents.empty.expand_as(ids), ids.roll(1, 0)):
        with machine.autocast():
            out.append(F.mse_loss(unet(x, t, text(words)).float(), v).item())
    return "right %.4f empty %.4f wrong %.4f" % tuple(out)


def draw_batch(latents, size, alphas, device):
    rows, ids = latents.rows(size)
    x0 = latents.latents[rows].float()
    t = ((torch.arange(size, device=device) + torch.rand(1, device=device)) / size) ** TOWARDS_NOISE
    t = (t * 1000).long().clamp(0, 999)
    x, v = diffusion.noised(x0, torch.randn_like(x0), alphas[t])
    return x.contiguous(memory_format=torch.channels_last), t, latents.without(ids, EMPTY), v


def train(machine, clock, latents, vectors, work, preset, seed, steps=None, minutes=13.0, size=BATCH):
    """Returns whether the training is over. Writes WORK/unet.pt."""
    text, unet = networks(vectors, seed, preset)
    machine.placed(text, unet)
    optimizer, plan = Optimizer({"text": text, "unet": unet}, is_matrix, is_slow), Plan(steps, minutes)
    path = os.path.join(work, "unet.pt")
    if os.path.exists(path):
        saved = load(path, machine.device)
        optimizer.restore(saved["optimizer"])
        plan.steps = saved["plan"] or plan.steps
    elif steps is None:
        print(f"{sum(p.numel() for p in optimizer.params) / 1e6:.1f} M parameters", flush=True)
    alphas = diffusion.alphas_cumprod().to(machine.device)

    def loss_of(x, t, ids, v):
        return F.mse_loss(unet(x, t, text(ids)).float(), v)

    torch.manual_seed(seed)
    loss_of_ = machine.compiled(loss_of, *draw_batch(latents, size, alphas, machine.device))
    for p in optimizer.params:
        p.grad = None
    losses, kept = [], clock.spent()
    while not plan.over(optimizer.steps) and not clock.over(20):
        step = optimizer.steps
        plan.tick(step, machine)
        torch.manual_seed(seed * 10**7 + step)
        with machine.autocast():
            loss = loss_of_(*draw_batch(latents, size, alphas, machine.device))
        loss.backward()
        lr = LR * min(1, (step + 1) / WARMUP) * min(1, (1 - plan.share(step)) / (1 - DECAY_FROM))
        optimizer.step(lr, max(EMA_RATE, 1 / (1 + step / 10)))
        losses.append(loss.detach())
        if optimizer.steps % LOG_EVERY == 0:
            print(f"denoiser {optimizer.steps} loss {torch.stack(losses).mean():.4f} lr {lr:.1e} "
                  f"{probe(text, unet, latents, alphas, machine)} {clock.spent():.0f}s", flush=True)
            losses = []
        if clock.spent() - kept > 60 * SAVE_MINUTES:
            save(path, {"optimizer": optimizer.state(), "plan": plan.steps})
            kept = clock.spent()
    save(path, {"optimizer": optimizer.state(), "plan": plan.steps})
    print(f"denoiser: {optimizer.steps} steps of {plan.steps}, {probe(text, unet, latents, alphas, machine)}", flush=True)
    return plan.over(optimizer.steps)


def averaged(machine, vectors, work, preset):
    """The text encoder and the UNet with their averaged weights."""
    text, unet = networks(vectors, 0, preset)
    weights = load(os.path.join(work, "unet.pt"))["optimizer"]["average"]
    for key, module in (("text.", text), ("unet.", unet)):
        module.load_state_dict({n[len(key):]: w for n, w in weights.items() if n.startswith(key)})
    machine.placed(text, unet)
    return text.eval().requires_grad_(False), unet.eval().requires_grad_(False)


def few_steps(machine, clock, latents, vectors, work, preset, seed, steps=None, minutes=3.0, paths=FEW_PATHS):
    """distil.py's lessons with paths drawn anew for every few steps. Returns whether it is over. Writes WORK/few.pt."""
    text, teacher = averaged(machine, vectors, work, preset)
    student = nets.UNet(config.PRESETS[preset]["unet"])
    student.load_state_dict(teacher.state_dict())
    machine.placed(student)
    optimizer, plan = Optimizer({"unet": student}, is_matrix, average=False), Plan(steps, minutes)
    path = os.path.join(work, "few.pt")
    if os.path.exists(path):
        saved = load(path, machine.device)
        optimizer.restore(saved["optimizer"])
        plan.steps = saved["plan"] or plan.steps
    pupil = Pupil(FEW_STEPS, FEW_SUBSTEPS, GUIDANCE, RESCALE, machine.device)
    times = torch.tensor(pupil.times, device=machine.device)
    ask, say, shape = asked(teacher, machine), asked(student, machine), latents.latents.shape[1:]
    each = max(paths * pupil.steps // FEW_BATCH, 1)  # steps of training from one set of paths
    while not plan.over(optimizer.steps) and not clock.over(20):
        first = optimizer.steps
        torch.manual_seed(seed * 10**7 + first)
        ids = latents.without(latents.rows(paths)[1], EMPTY)
        with torch.no_grad(), machine.autocast():
            context, empty = text(ids), text(latents.empty[None]).expand(paths, -1, -1)
        noise = torch.randn(paths, *shape, device=machine.device)
        x, v = (part.flatten(0, 1) for part in pupil.paths(ask, say if first else None, noise, context, empty))
        for rows in torch.randperm(len(x), device=machine.device).chunk(each):
            plan.tick(optimizer.steps, machine)
            loss = F.mse_loss(say(x[rows], times[rows % pupil.steps], context[rows // pupil.steps]), v[rows])
            loss.backward()
            share = min(plan.share(optimizer.steps), 1)
            optimizer.step(FEW_LR * (1 - share) * min(1, (optimizer.steps + 1) / FEW_WARMUP))
        if (first // each) % 20 == 0:
            print(f"few steps {optimizer.steps} loss {loss.item():.4f} {clock.spent():.0f}s", flush=True)
    save(path, {"optimizer": optimizer.state(), "plan": plan.steps})
    print(f"few steps: {optimizer.steps} of {plan.steps}; {likeness(pupil, ask, say, noise, context, empty)}", flush=True)
    return plan.over(optimizer.steps)


def likeness(pupil, teacher, student, noise, context, empty, steps=20):
    """The student's latents against those of the teacher's many steps, in dB of latents clamped to one deviation."""
    n = min(len(noise), 64)
    noise, context, empty = noise[:n], context[:n], empty[:n]
    full = diffusion.sample(teacher, noise, context, empty, steps, pupil.guidance, pupil.rescale)
    few = diffusion.sample(teacher, noise, context, empty, pupil.steps, pupil.guidance, pupil.rescale)
    return f"latents {psnr(pupil.draw(student, noise, context), full):.1f} dB, the teacher's in as many {psnr(few, full):.1f}"
