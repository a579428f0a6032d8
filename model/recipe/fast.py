# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes training bearable on one CPU core: bfloat16, kernels in C, Muon and a fused AdamW.

Start training processes through `environment` below (it re-executes python once):
page faults on fresh memory otherwise cost more than the arithmetic.
"""
import ctypes
import os
import subprocess
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "SKYLAKEX",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "1000000000000",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def environment():
    """Re-execute this process with the allocator's and the libraries' settings."""
    if os.environ.get("GLIBC_TUNABLES") != SETTINGS["GLIBC_TUNABLES"]:
        os.execve(sys.executable, [sys.executable] + sys.argv, {**os.environ, **SETTINGS})
    torch.set_num_threads(1)


def _build(folder):
    sources = [os.path.join(HERE, name) for name in ("fast_kernels.c", "fast_products.c")]
    library = os.path.join(folder, "fast.so")
    if not os.path.exists(library) or os.path.getmtime(library) < max(map(os.path.getmtime, sources)):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["gcc", "-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared",
                        "-fPIC", "-o", library + ".new", *sources, "-lm"], check=True)
        os.replace(library + ".new", library)
    return ctypes.CDLL(library)


C, PRODUCTS, WORK = None, 0, None  # PRODUCTS: 2 with AMX, 1 with AVX512-BF16


def load_kernels(folder):
    global C, PRODUCTS, WORK
    C = _build(folder)
    C.square_sum.restype = ctypes.c_double
    PRODUCTS = C.products_init()
    WORK = torch.zeros(64 << 20, dtype=torch.uint8)


def ptr(t):
    return ctypes.c_void_p(t.data_ptr())


def last(x):
    return x.contiguous(memory_format=torch.channels_last)


class GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, groups, eps, silu):
        x = last(x)
        n, c, h, wd = x.shape
        y, stats = torch.empty_like(x), torch.empty(n, 2, groups)
        C.gn_forward(ptr(x), ptr(w), ptr(b), ptr(y), ptr(stats), n, h * wd, c, groups, ctypes.c_float(eps), silu)
        ctx.save_for_backward(x, w, b, stats)
        ctx.silu = silu
        return y

    @staticmethod
    def backward(ctx, dy):
        x, w, b, stats = ctx.saved_tensors
        n, c, h, wd = x.shape
        dy, dx = last(dy), torch.empty_like(x)
        dw, db, tmp = torch.zeros(c), torch.zeros(c), torch.empty(h * wd * c)
        C.gn_backward(ptr(dy), ptr(x), ptr(w), ptr(b), ptr(stats), ptr(dx), ptr(dw), ptr(db), ptr(tmp),
                      n, h * wd, c, stats.shape[2], ctx.silu)
        return dx, dw.to(w.dtype), db.to(w.dtype), None, None, None


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, eps):
        x = x.contiguous()
        c = x.shape[-1]
        y, stats = torch.empty_like(x), torch.empty(x.numel() // c, 2)
        C.ln_forward(ptr(x), ptr(w), ptr(b), ptr(y), ptr(stats), x.numel() // c, c, ctypes.c_float(eps))
        ctx.save_for_backward(x, w, stats)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, w, stats = ctx.saved_tensors
        c = x.shape[-1]
        dy, dx, dw, db = dy.contiguous(), torch.empty_like(x), torch.zeros(c), torch.zeros(c)
        C.ln_backward(ptr(dy), ptr(x), ptr(w), ptr(stats), ptr(dx), ptr(dw), ptr(db), x.numel() // c, c)
        return dx, dw.to(w.dtype), db.to(w.dtype), None


class Geglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        c = x.shape[-1] // 2
        y = x.new_empty(*x.shape[:-1], c)
        C.geglu_forward(ptr(x), ptr(y), y.numel() // c, c)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved_tensors
        dy, dx = dy.contiguous(), torch.empty_like(x)
        C.geglu_backward(ptr(dy), ptr(x), ptr(dx), dy.numel() // dy.shape[-1], dy.shape[-1])
        return dx


class Upsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = last(x)
        n, c, h, w = x.shape
        y = torch.empty((n, c, 2 * h, 2 * w), dtype=x.dtype, memory_format=torch.channels_last)
        C.up_forward(ptr(x), ptr(y), n, h, w, c)
        return y

    @staticmethod
    def backward(ctx, dy):
        dy = last(dy)
        n, c, h, w = dy.shape
        dx = torch.empty((n, c, h // 2, w // 2), dtype=dy.dtype, memory_format=torch.channels_last)
        C.up_backward(ptr(dy), ptr(dx), n, h // 2, w // 2, c)
        return dx


class Conv3(torch.autograd.Function):
    """3x3 convolution; the weight's gradient goes straight into .grad (every layer is used once a step)."""

    @staticmethod
    def forward(ctx, x, w, b, layer):
        x = last(x)
        ctx.save_for_backward(x, w)
        ctx.layer = layer
        return torch.conv2d(x, w, b, padding=1)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dy, layer = last(dy), ctx.layer
        n, ci, h, wd = x.shape
        C.conv3_weight_grad(ptr(x), ptr(dy), ptr(layer.weight.grad), ptr(layer.bias.grad), ptr(WORK),
                            n, h, wd, ci, dy.shape[1])
        dx = torch.ops.aten.convolution_backward(dy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1,
                                                 [True, False, False])[0]
        return dx, None, None, None


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, layer):
        x = x.contiguous()
        n, k = w.shape
        y = x.new_empty(*x.shape[:-1], n)
        C.linear(ptr(x), ptr(w), None if b is None else ptr(b), ptr(y), ptr(WORK), x.numel() // k, n, k, 1)
        ctx.save_for_backward(x, w)
        ctx.layer = layer
        return y

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        n, k = w.shape
        dy, dx, layer = dy.contiguous(), torch.empty_like(x), ctx.layer
        m = x.numel() // k
        C.linear_weight_grad(ptr(x), ptr(dy), ptr(layer.weight.grad),
                             None if layer.bias is None else ptr(layer.bias.grad), ptr(WORK), m, n, k)
        C.linear(ptr(dy), ptr(w), None, ptr(dx), ptr(WORK), m, k, n, 0)
        return dx, None, None, None


def linear_forward(layer, x):
    n, k = layer.weight.shape
    if torch.is_grad_enabled() and x.numel() // k % 32 == 0 and n % 32 == 0 and k % 32 == 0:
        return Linear.apply(x, layer.weight, layer.bias, layer)
    return torch.nn.functional.linear(x, layer.weight, layer.bias)


def conv_forward(layer, x):
    co, ci, size, _ = layer.weight.shape
    if torch.is_grad_enabled() and ci % 32 == 0 and co % 32 == 0 and layer.stride == (1, 1) and size in (1, 3):
        if size == 3 and PRODUCTS == 2:  # elsewhere torch's own is as fast
            return Conv3.apply(x, layer.weight, layer.bias, layer)
        n, _, h, w = x.shape
        if size == 1 and n * h * w % 32 == 0:
            y = Linear.apply(last(x).permute(0, 2, 3, 1), layer.weight.flatten(1), layer.bias, layer)
            return y.permute(0, 3, 1, 2)
    return torch.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding)


def use_products(*modules):
    """Let the layers of these networks run on the kernels of fast_products.c, where the core can."""
    for module in modules:
        for layer in module.modules() if PRODUCTS else ():
            if isinstance(layer, torch.nn.Linear):
                layer.forward = linear_forward.__get__(layer)
            elif isinstance(layer, torch.nn.Conv2d):
                layer.forward = conv_forward.__get__(layer)


class FastOps:
    """Stands in for nets.PlainOps while training in bfloat16."""

    @staticmethod
    def group_norm(x, norm, silu):
        return GroupNorm.apply(x, norm.weight, norm.bias, norm.num_groups, norm.eps, int(silu))

    @staticmethod
    def layer_norm(x, norm):
        return LayerNorm.apply(x, norm.weight, norm.bias, norm.eps)

    @staticmethod
    def geglu(x):
        return Geglu.apply(x)

    @staticmethod
    def attention(q, k, v, heads, mask=None):
        n, lq, c = q.shape
        d = c // heads
        q, k, v = (x.reshape(n, x.shape[1], heads, d).transpose(1, 2).reshape(n * heads, x.shape[1], d)
                   for x in (q * d ** -0.5, k, v))
        scores = torch.bmm(q, k.transpose(1, 2))
        if mask is not None:
            scores = scores + mask
        out = torch.bmm(scores.softmax(-1), v)
        return out.reshape(n, heads, lq, d).transpose(1, 2).reshape(n, lq, c)

    @staticmethod
    def upsample(x, size):
        return Upsample.apply(x)


def orthogonal(x, rounds=5):
    """[k, r, c] -> about the nearest matrices with orthonormal rows or columns (Newton-Schulz, as Muon does it)."""
    tall = x.shape[1] > x.shape[2]
    x = (x.transpose(1, 2) if tall else x).bfloat16()
    x = (x / (x.float().flatten(1).norm(dim=1)[:, None, None] + 1e-12)).bfloat16().contiguous()
    for _ in range(rounds):
        a = torch.bmm(x, x.transpose(1, 2))
        b = torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, b, x, beta=3.4445)
    return x.transpose(1, 2) if tall else x


class Trainer:
    """AdamW over flat arrays: bfloat16 weights and gradients, float32 masters, an average (EMA) when asked for.

    Parameters that `muon` (a function of name and parameter) picks are matrices whose momentum is made orthogonal
    before it is applied (Muon, Jordan 2024; scaled to AdamW's usual step as by Liu et al. 2025): about the same
    learning rate, fewer steps. Those that `slow` picks take a part of the learning rate (SLOW).
    state() and restore() make training resumable.
    """

    SLOW = 0.2

    def __init__(self, modules, beta1=0.9, beta2=0.99, decay=0.01, clip=1.0, muon=None, slow=None):
        params = [(f"{key}.{name}", p) for key, m in modules.items() for name, p in m.named_parameters()]
        square = [(name, p) for name, p in params if muon and muon(name, p)]
        square.sort(key=lambda item: (len(item[1]), item[1].numel()))
        rest = [item for item in params if item[0] not in {name for name, _ in square}]
        rest.sort(key=lambda item: bool(slow and slow(item[0])))
        self.params = square + rest
        self.slow_at = sum(p.numel() for name, p in self.params if not (slow and slow(name)))
        self.groups, self.split = [], 0  # (offset, count, rows, columns); where AdamW's parameters begin
        for _, p in square:
            rows, columns = len(p), p.numel() // len(p)
            if self.groups and self.groups[-1][2:] == [rows, columns]:
                self.groups[-1][1] += 1
            else:
                self.groups.append([self.split, 1, rows, columns])
            self.split += p.numel()
        self.names = [name for name, _ in self.params]
        sizes = [p.numel() for _, p in self.params]
        n = sum(sizes)
        self.master = torch.cat([p.data.float().reshape(-1) for _, p in self.params])
        self.grads = torch.zeros(n, dtype=torch.bfloat16)
        self.weights = self.master.bfloat16()
        self.m, self.v, self.ema = torch.zeros(n), torch.zeros(n), self.master.clone()
        self.shapes, at = [], 0
        for (_, p), size in zip(self.params, sizes):
            self.shapes.append((at, size, p.shape))
            p.data = self.weights[at:at + size].view(p.shape)
            p.grad = self.grads[at:at + size].view(p.shape)
            at += size
        self.steps, self.betas, self.decay, self.clip = 0, (beta1, beta2), decay, clip

    def update(self, lr, ema_rate=0.0):
        """One step from the accumulated gradients, which are cleared; returns their norm."""
        for (_, p), (at, size, shape) in zip(self.params, self.shapes):
            if p.grad.data_ptr() != self.grads.data_ptr() + 2 * at:
                raise RuntimeError("a gradient left the flat array")
        n, f = self.master.numel(), ctypes.c_float
        norm = C.square_sum(ptr(self.grads), ctypes.c_long(n)) ** 0.5
        if norm != norm or norm == float("inf"):
            self.grads.zero_()
            return norm
        self.steps += 1
        scale = min(1.0, self.clip / (norm + 1e-12))
        self.update_matrices(lr, scale)
        b1, b2 = self.betas
        for at, end, rate in ((self.split, self.slow_at, lr), (self.slow_at, n, lr * self.SLOW)):
            C.adamw(*(ptr(x[at:]) for x in (self.weights, self.grads, self.master, self.m, self.v)),
                    ptr(self.ema[at:]) if ema_rate else None, ctypes.c_long(end - at), f(rate), f(b1), f(b2),
                    f(1e-8), f(self.decay), f(scale), f(1 - b1 ** self.steps), f(1 - b2 ** self.steps), f(ema_rate))
        if self.split and ema_rate:
            self.ema[:self.split].lerp_(self.master[:self.split], ema_rate)
        return norm

    def update_matrices(self, lr, scale, momentum=0.95):
        f = ctypes.c_float
        for at, count, rows, columns in self.groups:
            part = slice(at, at + count * rows * columns)
            if PRODUCTS and rows % 32 == 0 and columns % 32 == 0:
                C.muon(*(ptr(x[part]) for x in (self.weights, self.grads, self.master, self.m)), ptr(WORK),
                       count, rows, columns, f(lr), f(momentum), f(self.decay), f(scale),
                       f(0.2 * max(rows, columns) ** 0.5))
                continue
            g, m, master = self.grads[part].float() * scale, self.m[part], self.master[part]
            m.lerp_(g, 1 - momentum)
            step = orthogonal(g.lerp_(m, momentum).view(count, rows, columns))
            master.mul_(1 - lr * self.decay)
            master.sub_(step.reshape(-1).float(), alpha=lr * 0.2 * max(rows, columns) ** 0.5)
            self.weights[part] = master
            self.grads[part] = 0

    def tensors(self, flat):
        return {name: flat[at:at + size].view(shape).clone()
                for name, (at, size, shape) in zip(self.names, self.shapes)}

    def state(self):
        return {"names": self.names, "steps": self.steps, "master": self.master, "m": self.m, "v": self.v,
                "ema": self.ema}

    def restore(self, state):
        """The order of the parameters may have changed; their names may not."""
        assert sorted(state["names"]) == sorted(self.names)
        size = {name: size for name, (_, size, _) in zip(self.names, self.shapes)}
        self.steps, at = state["steps"], 0
        place = {name: at for name, (at, _, _) in zip(self.names, self.shapes)}
        for name in state["names"]:
            n, to = size[name], place[name]
            for key in ("master", "m", "v", "ema"):
                getattr(self, key)[to:to + n] = state[key][at:at + n]
            at += n
        self.weights.copy_(self.master)


def save(path, value):
    torch.save(value, path + ".new")
    os.replace(path + ".new", path)
