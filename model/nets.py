# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three networks of Stable Diffusion's architecture, plainly, in PyTorch.

Parameter names and tensor layouts are those of diffusers (UNet2DConditionModel, AutoencoderKL) and
transformers (CLIPTextModel), so a state dict can be read from and written to a Diffusers folder as it is.
Every size comes from the config dictionaries (the folders' config.json).

    text = TextEncoder(config); unet = UNet(config); vae = Autoencoder(config)
    context = text(ids)                      # [N, L] -> [N, L, hidden]
    v = unet(latents, t, context)            # [N, C, h, w], [N] -> [N, C, h, w]
    mean, logvar = vae.encode(image); image = vae.decode(z)

Training replaces the memory-bound operations by faster ones: see `ops` and recipe/fast.py.
"""
import json
import math
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class PlainOps:
    """The operations that training may replace (same signatures, same mathematics)."""

    @staticmethod
    def group_norm(x, norm, silu):
        x = F.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
        return F.silu(x) if silu else x

    @staticmethod
    def layer_norm(x, norm):
        return F.layer_norm(x, (x.shape[-1],), norm.weight, norm.bias, norm.eps)

    @staticmethod
    def geglu(x):
        a, gate = x.chunk(2, dim=-1)
        return a * F.gelu(gate)

    @staticmethod
    def attention(q, k, v, heads, mask=None):
        """q [N, Lq, C], k and v [N, Lk, C]; the heads lie side by side in C."""
        n, lq, c = q.shape
        q, k, v = (x.reshape(n, x.shape[1], heads, c // heads).transpose(1, 2) for x in (q, k, v))
        scores = q @ k.transpose(-1, -2) * (c // heads) ** -0.5
        if mask is not None:
            scores = scores + mask
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, lq, c)

    @staticmethod
    def upsample(x, size):
        return F.interpolate(x, size=size, mode="nearest")


ops = PlainOps


def use_ops(faster):
    """Replace the operations above, for training."""
    global ops
    ops = faster


# ---------------------------------------------------------------- text encoder


class ClipAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x, mask):
        return self.out_proj(ops.attention(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.heads, mask))


class ClipMlp(nn.Module):
    def __init__(self, width, inner, act):
        super().__init__()
        self.fc1, self.fc2, self.act = nn.Linear(width, inner), nn.Linear(inner, width), act

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x) if self.act == "quick_gelu" else F.gelu(x))


class ClipLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["hidden_size"]
        self.self_attn = ClipAttention(width, c["num_attention_heads"])
        self.layer_norm1 = nn.LayerNorm(width, c["layer_norm_eps"])
        self.mlp = ClipMlp(width, c["intermediate_size"], c["hidden_act"])
        self.layer_norm2 = nn.LayerNorm(width, c["layer_norm_eps"])

    def forward(self, x, mask):
        x = x + self.self_attn(ops.layer_norm(x, self.layer_norm1), mask)
        return x + self.mlp(ops.layer_norm(x, self.layer_norm2))


class TextEncoder(nn.Module):
    """CLIPTextModel: causal transformer; every position is returned, after the final layer norm."""

    def __init__(self, config):
        super().__init__()
        c, m = config, nn.Module()
        self.config, self.text_model = c, m
        m.embeddings, m.encoder = nn.Module(), nn.Module()
        m.embeddings.token_embedding = nn.Embedding(c["vocab_size"], c["hidden_size"])
        m.embeddings.position_embedding = nn.Embedding(c["max_position_embeddings"], c["hidden_size"])
        m.encoder.layers = nn.ModuleList(ClipLayer(c) for _ in range(c["num_hidden_layers"]))
        m.final_layer_norm = nn.LayerNorm(c["hidden_size"], c["layer_norm_eps"])

    def forward(self, ids):
        m, length = self.text_model, ids.shape[1]
        x = m.embeddings.token_embedding(ids) + m.embeddings.position_embedding.weight[:length]
        mask = torch.full((length, length), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        for layer in m.encoder.layers:
            x = layer(x, mask)
        return ops.layer_norm(x, m.final_layer_norm)


# ---------------------------------------------------------------- blocks shared by UNet and autoencoder


class Resnet(nn.Module):
    def __init__(self, cin, cout, groups, eps, temb=0):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, cin, eps), nn.Conv2d(cin, cout, 3, padding=1)
        if temb:
            self.time_emb_proj = nn.Linear(temb, cout)
        self.norm2, self.conv2 = nn.GroupNorm(groups, cout, eps), nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, temb=None):
        """temb: the time embedding after SiLU, or None."""
        h = self.conv1(ops.group_norm(x, self.norm1, True))
        if temb is not None:
            h = h + self.time_emb_proj(temb)[:, :, None, None]
        h = self.conv2(ops.group_norm(h, self.norm2, True))
        return (self.conv_shortcut(x) if self.conv_shortcut else x) + h


class Downsample(nn.Module):
    def __init__(self, c, padding):
        super().__init__()
        self.padding, self.conv = padding, nn.Conv2d(c, c, 3, stride=2, padding=padding)

    def forward(self, x):
        return self.conv(x if self.padding else F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x, size=None):
        return self.conv(ops.upsample(x, size or (x.shape[2] * 2, x.shape[3] * 2)))


class Attention(nn.Module):
    """to_q, to_k, to_v without bias, to_out with one (diffusers' Attention)."""

    def __init__(self, width, heads, context=None, bias=False, group_norm=None):
        super().__init__()
        self.heads = heads
        if group_norm:
            self.group_norm = nn.GroupNorm(*group_norm)
        self.to_q = nn.Linear(width, width, bias)
        self.to_k = nn.Linear(context or width, width, bias)
        self.to_v = nn.Linear(context or width, width, bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x, context=None):
        context = x if context is None else context
        return self.to_out[0](ops.attention(self.to_q(x), self.to_k(context), self.to_v(context), self.heads))


class Geglu(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x):
        return ops.geglu(self.proj(x))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([Geglu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.norm1, self.attn1 = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.attn2 = nn.LayerNorm(width), Attention(width, heads, context)
        self.norm3, self.ff = nn.LayerNorm(width), FeedForward(width)

    def forward(self, x, context):
        x = x + self.attn1(ops.layer_norm(x, self.norm1))
        x = x + self.attn2(ops.layer_norm(x, self.norm2), context)
        return x + self.ff(ops.layer_norm(x, self.norm3))


class SpatialTransformer(nn.Module):
    """Transformer2DModel with one block; its group norm has eps 1e-6 whatever the UNet's is."""

    def __init__(self, width, heads, context, groups, linear):
        super().__init__()
        self.linear = linear
        self.norm = nn.GroupNorm(groups, width, 1e-6)
        self.proj_in = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, heads, context)])
        self.proj_out = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)

    def forward(self, x, context):
        n, c, h, w = x.shape
        y = ops.group_norm(x, self.norm, False)
        y = y if self.linear else self.proj_in(y)
        y = y.permute(0, 2, 3, 1).reshape(n, h * w, c)
        y = self.proj_in(y) if self.linear else y
        y = self.transformer_blocks[0](y, context)
        y = self.proj_out(y) if self.linear else y
        y = y.reshape(n, h, w, c).permute(0, 3, 1, 2)
        return x + (y if self.linear else self.proj_out(y))


# ---------------------------------------------------------------- UNet


def timestep_features(t, width):
    """Sinusoids, cosines first (flip_sin_to_cos, freq_shift 0): [N] -> [N, width]."""
    half = width // 2
    freqs = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t.float()[:, None] * freqs[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class UNetBlock(nn.Module):
    """A level going down or up: resnets, an attention after each where there is cross attention."""

    def __init__(self, ins, cout, temb, c, heads, cross):
        super().__init__()
        groups, eps = c["norm_num_groups"], c["norm_eps"]
        self.resnets = nn.ModuleList(Resnet(cin, cout, groups, eps, temb) for cin in ins)
        if cross:
            self.attentions = nn.ModuleList(
                SpatialTransformer(cout, heads, c["cross_attention_dim"], groups, c["use_linear_projection"])
                for _ in ins)

    def step(self, i, x, temb, context):
        x = self.resnets[i](x, temb)
        return self.attentions[i](x, context) if hasattr(self, "attentions") else x


class UNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        c = self.config = config
        widths, layers = c["block_out_channels"], c["layers_per_block"]
        temb, n, last = 4 * widths[0], len(widths), widths[-1]
        heads = c.get("num_attention_heads") or c["attention_head_dim"]
        heads = heads if isinstance(heads, list) else [heads] * n
        self.conv_in = nn.Conv2d(c["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = nn.Module()
        self.time_embedding.linear_1 = nn.Linear(widths[0], temb)
        self.time_embedding.linear_2 = nn.Linear(temb, temb)

        self.down_blocks, skips, x = nn.ModuleList(), [widths[0]], widths[0]
        for i, kind in enumerate(c["down_block_types"]):
            block = UNetBlock([x] + [widths[i]] * (layers - 1), widths[i], temb, c, heads[i], "CrossAttn" in kind)
            x, skips = widths[i], skips + [widths[i]] * layers
            if i < n - 1:
                block.downsamplers = nn.ModuleList([Downsample(x, 1)])
                skips.append(x)
            self.down_blocks.append(block)

        self.mid_block = UNetBlock([last, last], last, temb, c, heads[-1], False)
        self.mid_block.attentions = nn.ModuleList([SpatialTransformer(
            last, heads[-1], c["cross_attention_dim"], c["norm_num_groups"], c["use_linear_projection"])])

        self.up_blocks = nn.ModuleList()
        for i, kind in enumerate(c["up_block_types"]):
            width = widths[n - 1 - i]
            ins = [(x if k == 0 else width) + skips.pop() for k in range(layers + 1)]
            block = UNetBlock(ins, width, temb, c, heads[n - 1 - i], "CrossAttn" in kind)
            x = width
            if i < n - 1:
                block.upsamplers = nn.ModuleList([Upsample(width)])
            self.up_blocks.append(block)
        self.conv_norm_out = nn.GroupNorm(c["norm_num_groups"], widths[0], c["norm_eps"])
        self.conv_out = nn.Conv2d(widths[0], c["out_channels"], 3, padding=1)

    def forward(self, x, t, context):
        emb = self.time_embedding
        temb = timestep_features(t, self.conv_in.weight.shape[0]).to(x.dtype)
        temb = F.silu(emb.linear_2(F.silu(emb.linear_1(temb))))
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                x = block.step(i, x, temb, context)
                skips.append(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0](x)
                skips.append(x)
        x = self.mid_block.resnets[0](x, temb)
        x = self.mid_block.attentions[0](x, context)
        x = self.mid_block.resnets[1](x, temb)
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                x = block.step(i, torch.cat([x, skips.pop()], dim=1), temb, context)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x, skips[-1].shape[2:])
        return self.conv_out(ops.group_norm(x, self.conv_norm_out, True))


# ---------------------------------------------------------------- autoencoder


class MidBlock(nn.Module):
    def __init__(self, width, groups, attention):
        super().__init__()
        self.resnets = nn.ModuleList(Resnet(width, width, groups, 1e-6) for _ in range(2))
        if attention:
            self.attentions = nn.ModuleList([Attention(width, 1, bias=True, group_norm=(groups, width, 1e-6))])

    def forward(self, x):
        x = self.resnets[0](x)
        if hasattr(self, "attentions"):
            n, c, h, w = x.shape
            y = ops.group_norm(x, self.attentions[0].group_norm, False)
            y = self.attentions[0](y.permute(0, 2, 3, 1).reshape(n, h * w, c))
            x = x + y.reshape(n, h, w, c).permute(0, 3, 1, 2)
        return self.resnets[1](x)


class VaeBlock(nn.Module):
    def __init__(self, cin, cout, layers, groups):
        super().__init__()
        self.resnets = nn.ModuleList(Resnet(cin if k == 0 else cout, cout, groups, 1e-6) for k in range(layers))

    def forward(self, x):
        for resnet in self.resnets:
            x = resnet(x)
        for name in ("downsamplers", "upsamplers"):
            if hasattr(self, name):
                x = getattr(self, name)[0](x)
        return x


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        widths, groups = c["block_out_channels"], c["norm_num_groups"]
        self.conv_in = nn.Conv2d(c["in_channels"], widths[0], 3, padding=1)
        self.down_blocks, x = nn.ModuleList(), widths[0]
        for i, width in enumerate(widths):
            block = VaeBlock(x, width, c["layers_per_block"], groups)
            if i < len(widths) - 1:
                block.downsamplers = nn.ModuleList([Downsample(width, 0)])
            self.down_blocks.append(block)
            x = width
        self.mid_block = MidBlock(x, groups, c.get("mid_block_add_attention", True))
        self.conv_norm_out = nn.GroupNorm(groups, x, 1e-6)
        self.conv_out = nn.Conv2d(x, 2 * c["latent_channels"], 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(ops.group_norm(self.mid_block(x), self.conv_norm_out, True))


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        widths, groups = c["block_out_channels"][::-1], c["norm_num_groups"]
        self.conv_in = nn.Conv2d(c["latent_channels"], widths[0], 3, padding=1)
        self.mid_block = MidBlock(widths[0], groups, c.get("mid_block_add_attention", True))
        self.up_blocks, x = nn.ModuleList(), widths[0]
        for i, width in enumerate(widths):
            block = VaeBlock(x, width, c["layers_per_block"] + 1, groups)
            if i < len(widths) - 1:
                block.upsamplers = nn.ModuleList([Upsample(width)])
            self.up_blocks.append(block)
            x = width
        self.conv_norm_out = nn.GroupNorm(groups, x, 1e-6)
        self.conv_out = nn.Conv2d(x, c["out_channels"], 3, padding=1)

    def forward(self, z):
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(ops.group_norm(x, self.conv_norm_out, True))


class Autoencoder(nn.Module):
    """AutoencoderKL. Latents given and returned here are not multiplied by the scaling factor."""

    def __init__(self, config):
        super().__init__()
        self.config, z = config, config["latent_channels"]
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(2 * z, 2 * z, 1), nn.Conv2d(z, z, 1)

    def encode(self, image):
        mean, logvar = self.quant_conv(self.encoder(image)).chunk(2, dim=1)
        return mean, logvar.clamp(-30, 20)

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))


# ---------------------------------------------------------------- files

DTYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "U8": np.uint8, "I8": np.int8}
SCALE = ".scale"  # NAME.scale: what the rows of the 8-bit tensor NAME are to be multiplied by


def load_safetensors(path):
    """Name -> tensor, in the dtypes of the file (BF16 becomes float32)."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    out = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        raw = data[slice(*info["data_offsets"])]
        if info["dtype"] == "BF16":
            array = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(raw, DTYPES[info["dtype"]]).copy()
        out[name] = torch.from_numpy(array).reshape(info["shape"])
    for name in [name for name in out if out[name].dtype == torch.int8]:
        out[name] = (out[name].flatten(1) * out.pop(name + SCALE)[:, None]).view(out[name].shape)
    return out


def in_8_bit(tensors):
    """The state dict with each matrix or kernel as bytes and a factor for each row."""
    out = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.dim() > 1:
            rows = tensor.detach().float().flatten(1)
            scale = (rows.abs().amax(1) / 127).clamp(min=1e-12)
            out[name] = (rows / scale[:, None]).round().to(torch.int8).view(tensor.shape)
            out[name + SCALE] = scale
    return out


def save_safetensors(path, tensors, dtype=torch.float16):
    """Write a state dict, sorted by name, the header padded so that the data is aligned to 64 bytes. What in_8_bit made
    stays as it is; bytes come last, so that nothing else is unaligned."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    names = {torch.float16: "F16", torch.float32: "F32", torch.int8: "I8"}
    kinds = {name: torch.int8 if t.dtype == torch.int8 else torch.float32 if name.endswith(SCALE) else dtype
             for name, t in tensors.items()}
    for name in sorted(tensors, key=lambda name: (kinds[name] == torch.int8, name)):
        blob = tensors[name].detach().to(kinds[name]).contiguous().numpy().tobytes()
        header[name] = {"dtype": names[kinds[name]], "shape": list(tensors[name].shape),
                        "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path + ".new", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    os.replace(path + ".new", path)


def load_model(folder, fast=False):
    """The three networks of a Diffusers folder, in float32: (text encoder, unet, autoencoder). With `fast` the UNet is
    the one for few steps."""
    out = []
    for part, cls in (("text_encoder", TextEncoder), ("unet_fast" if fast else "unet", UNet), ("vae", Autoencoder)):
        with open(os.path.join(folder, part, "config.json")) as f:
            net = cls(json.load(f))
        name = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        state = load_safetensors(os.path.join(folder, part, name + ".safetensors"))
        state = {k: v.float() for k, v in state.items() if not k.endswith("position_ids")}
        net.load_state_dict(state)
        out.append(net.eval())
    return out
