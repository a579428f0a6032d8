# SPDX-License-Identifier: LGPL-2.1-or-later
"""The enlarging network: SRVGGNetCompact (Wang et al. 2021, Real-ESRGAN's compact one), and its files.

3x3 convolutions and PReLUs at the small picture's size, pixels shuffled four to a side, plus the small picture
enlarged by repeating pixels. RGB, 0 to 1.

    net = Enlarger(features, convs); large = net(small)        # [N, 3, h, w] -> [N, 3, 4h, 4w]
    save(net, folder); net = load(folder)                      # config.json and model.safetensors
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from torch import nn

import nets

SCALE = 4


class Slope(nn.Module):
    """PReLU, one slope a channel. Training keeps all of them at START: in bfloat16 on a CPU that is 15 times faster."""

    START = 0.2

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), self.START), requires_grad=False)

    def forward(self, x):
        return F.leaky_relu(x, self.START) if self.training else F.prelu(x, self.weight.to(x.dtype))


class Enlarger(nn.Module):
    def __init__(self, features, convs):
        super().__init__()
        self.features, self.convs = features, convs
        layers = [nn.Conv2d(3, features, 3, padding=1), Slope(features)]
        for _ in range(convs):
            layers += [nn.Conv2d(features, features, 3, padding=1), Slope(features)]
        self.body = nn.ModuleList(layers + [nn.Conv2d(features, 3 * SCALE ** 2, 3, padding=1)])

    def start(self):
        """Weights to train from: repeated pixels at first."""
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=Slope.START)
                nn.init.zeros_(layer.bias)
        self.body[-1].weight.data *= 0.2
        return self

    def forward(self, small):
        x = small
        for layer in self.body:
            x = layer(x)
        return F.pixel_shuffle(x.float(), SCALE) + F.interpolate(small.float(), scale_factor=SCALE, mode="nearest")


def save(net, folder):
    os.makedirs(folder, exist_ok=True)
    settings = {"architecture": "SRVGGNetCompact", "scale": SCALE, "num_feat": net.features, "num_conv": net.convs,
                "act_type": "prelu"}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(settings, f, indent=2)
        f.write("\n")
    nets.save_safetensors(os.path.join(folder, "model.safetensors"), net.state_dict())


def from_weights(state):
    """The network that such a state dict belongs to."""
    last = max(int(name.split(".")[1]) for name in state)
    net = Enlarger(len(state["body.0.bias"]), last // 2 - 1)
    net.load_state_dict({k: v.float() for k, v in state.items()})
    return net.eval()


def load(folder):
    """From a folder as `save` writes it, or from a bare safetensors file."""
    if os.path.isfile(folder):
        return from_weights(nets.load_safetensors(folder))
    with open(os.path.join(folder, "config.json")) as f:
        settings = json.load(f)
    net = from_weights(nets.load_safetensors(os.path.join(folder, "model.safetensors")))
    if (settings["architecture"], settings["scale"]) != ("SRVGGNetCompact", SCALE) or \
            (settings["num_feat"], settings["num_conv"]) != (net.features, net.convs):
        raise ValueError(f"{folder}: config.json does not fit the weights")
    return net
