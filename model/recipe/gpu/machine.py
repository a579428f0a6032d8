# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine that training runs on: what it has, and which of its faster ways are taken. PyTorch 1.13 and 2.x."""
import contextlib
import os
import time

import torch
import torch.nn.functional as F

import nets


class Ops(nets.PlainOps):
    """Attention by PyTorch's fused kernels where it has them (2.0)."""

    @staticmethod
    def attention(q, k, v, heads, mask=None):
        n, lq, c = q.shape
        q, k, v = (x.reshape(n, x.shape[1], heads, c // heads).transpose(1, 2) for x in (q, k, v))
        if mask is not None:
            mask = mask.to(q.dtype)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(n, lq, c)


class Machine:
    def __init__(self, work):
        self.cuda = torch.cuda.is_available()
        self.device = torch.device("cuda" if self.cuda else "cpu")
        self.cores = len(os.sched_getaffinity(0))
        fused = hasattr(F, "scaled_dot_product_attention")
        nets.use_ops(Ops if fused else nets.PlainOps)
        if self.cuda:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True
        # Kernels compiled once serve all later runs on the same machine.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(work, "compiled"))
        name = torch.cuda.get_device_name() if self.cuda else "no GPU"
        print(f"PyTorch {torch.__version__}, {name}, {self.cores} cores; fused attention {'yes' if fused else 'no'}, "
              f"compiler {'yes' if self.cuda and hasattr(torch, 'compile') else 'no'}", flush=True)

    def autocast(self):
        return torch.autocast("cuda", torch.bfloat16) if self.cuda else contextlib.nullcontext()

    def now(self):
        if self.cuda:
            torch.cuda.synchronize()
        return time.time()

    def placed(self, *modules):
        for module in modules:
            module.to(self.device, memory_format=torch.channels_last if self.cuda else torch.preserve_format)

    def compiled(self, function, *example):
        """`function` compiled, if that works for `example` with gradients; itself otherwise."""
        if not (self.cuda and hasattr(torch, "compile")):
            return function
        started = time.time()
        try:
            faster = torch.compile(function)
            with self.autocast():
                faster(*example).backward()
            print(f"compiled in {time.time() - started:.0f} s", flush=True)
            return faster
        except Exception as error:  # whatever the compiler lacks there: it is slower without, not wrong
            print(f"not compiled: {type(error).__name__}: {str(error)[:200]}", flush=True)
            return function


class Clock:
    """When this run has to end, and what a stage may take of the whole."""

    def __init__(self, minutes):
        self.started, self.end = time.time(), time.time() + 60 * minutes

    def spent(self):
        return time.time() - self.started

    def over(self, margin=0.0):
        return time.time() + margin >= self.end


class Plan:
    """How many steps a training takes: as given, or as many as fit into `minutes` at the speed of its first steps. The
    number is kept with the checkpoint, so that a resumed training ends where it was to end."""

    FROM, MEASURED = 20, 60  # steps before the measurement, and of it

    def __init__(self, steps, minutes):
        self.steps, self.minutes, self.first, self.began = steps, minutes, None, None

    def tick(self, step, machine):
        """At the start of each step. Until the plan is made the share of it that is done is nought."""
        if self.steps is not None:
            return
        self.first = step if self.first is None else self.first
        if step < self.first + self.FROM:
            return
        if self.began is None:
            self.began, self.first = machine.now(), step - self.FROM
        elif step >= self.first + self.FROM + self.MEASURED:
            each = (machine.now() - self.began) / (step - self.first - self.FROM)
            self.steps = max(int(60 * self.minutes / each), step + 1)
            print(f"{1000 * each:.1f} ms a step: {self.steps} steps", flush=True)

    def share(self, step):
        return step / self.steps if self.steps else 0.0

    def over(self, step):
        return self.steps is not None and step >= self.steps


def save(path, value):
    torch.save(value, path + ".new")
    os.replace(path + ".new", path)


def load(path, device="cpu"):
    """What this recipe saved itself."""
    return torch.load(path, map_location=device, weights_only=False)
