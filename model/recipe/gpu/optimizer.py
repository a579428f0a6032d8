# SPDX-License-Identifier: LGPL-2.1-or-later
"""Muon for matrices, AdamW for the rest, an average (EMA) of the weights: fast.Trainer's rules in plain PyTorch."""
import torch

from fast import orthogonal

SLOW, MOMENTUM, DECAY, CLIP = 0.2, 0.95, 0.01, 1.0


class Optimizer:
    """`muon` and `slow` pick parameters by name (see fast.Trainer). state() and restore() make training resumable."""

    def __init__(self, modules, muon=None, slow=None, average=True):
        self.named = [(f"{key}.{name}", p) for key, m in modules.items() for name, p in m.named_parameters() if p.requires_grad]
        square = [(n, p) for n, p in self.named if muon and muon(n, p)]
        chosen = {n for n, _ in square}
        groups = {}
        for name, p in square:
            groups.setdefault((len(p), p.numel() // len(p)), []).append(p)
        self.groups = list(groups.items())
        self.momenta = [torch.zeros(len(ps), *shape, device=ps[0].device) for shape, ps in self.groups]
        rest = [[p for n, p in self.named if n not in chosen and bool(slow and slow(n)) == one] for one in (False, True)]
        self.rates = [rate for ps, rate in zip(rest, (1.0, SLOW)) if ps]
        self.adam = torch.optim.AdamW([{"params": ps} for ps in rest if ps], lr=1e-3, betas=(0.9, 0.99), weight_decay=DECAY,
                                      foreach=self.named[0][1].is_cuda)
        self.params = [p for _, p in self.named]
        self.average = [p.detach().clone() for p in self.params] if average else None
        self.steps = 0

    @torch.no_grad()
    def step(self, lr, average_rate=0.0):
        """From the gradients, which are cleared; returns their norm. Not finite: the step is skipped."""
        norm = float(torch.nn.utils.clip_grad_norm_(self.params, CLIP))
        self.steps += 1  # in any case: the next batch is another one
        if norm == norm and norm != float("inf"):
            self.matrices(lr)
            for group, rate in zip(self.adam.param_groups, self.rates):
                group["lr"] = lr * rate
            self.adam.step()
            if self.average and average_rate:
                torch._foreach_mul_(self.average, 1 - average_rate)
                torch._foreach_add_(self.average, self.params, alpha=average_rate)
        for p in self.params:
            p.grad = None
        return norm

    def matrices(self, lr):
        for ((rows, columns), ps), m in zip(self.groups, self.momenta):
            g = torch.stack([p.grad.reshape(rows, columns) for p in ps]).float()
            m.lerp_(g, 1 - MOMENTUM)
            step = orthogonal(g.lerp_(m, MOMENTUM)).float()
            for p, s in zip(ps, step):
                p.mul_(1 - lr * DECAY).sub_(s.reshape(p.shape), alpha=lr * 0.2 * max(rows, columns) ** 0.5)

    def weights(self, average=True):
        values = self.average if average and self.average else self.params
        return {name: value.detach().float().cpu().contiguous() for (name, _), value in zip(self.named, values)}

    def state(self):
        return {"steps": self.steps, "weights": self.weights(False), "average": self.weights(True),
                "momenta": self.momenta, "adam": self.adam.state_dict()}

    @torch.no_grad()
    def restore(self, state):
        self.steps = state["steps"]
        for i, (name, p) in enumerate(self.named):
            p.copy_(state["weights"][name])
            if self.average:
                self.average[i].copy_(state["average"][name])
        for m, saved in zip(self.momenta, state["momenta"]):
            m.copy_(saved)
        self.adam.load_state_dict(state["adam"])
