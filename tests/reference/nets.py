# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three networks in plain PyTorch, written from the papers and the Diffusers file layout, as a second opinion for the
engine: each function takes a state dict (key -> tensor) and the component's config.json. WRAP: the sides, "x", "y" or both, at which
pictures go on at the opposite one (padding_mode "circular")."""
import math

import torch
import torch.nn.functional as F

WRAP = ""


class Keys:
    """A state dict seen through a prefix, which creates the tensors that are asked for when it has a generator."""

    def __init__(self, tensors, prefix="", generator=None):
        self.tensors, self.prefix, self.generator = tensors, prefix, generator

    def __getitem__(self, name):
        return Keys(self.tensors, f"{self.prefix}{name}.", self.generator)

    def has(self, name):
        return self.prefix + name in self.tensors

    def get(self, name, shape, kind):
        key = self.prefix + name
        if key not in self.tensors and self.generator is not None:
            noise = torch.randn(shape, generator=self.generator)
            if kind == "matrix":
                noise = noise / math.sqrt(math.prod(shape[1:]))
            elif kind == "gain":
                noise = 1 + 0.2 * noise
            elif kind == "bias":
                noise = 0.1 * noise
            self.tensors[key] = noise.half().float()
        tensor = self.tensors[key]
        assert tuple(tensor.shape) == tuple(shape), (key, tuple(tensor.shape), tuple(shape))
        return tensor


def linear(k, x, out, bias=True):
    if x.dim() == 4:  # an 1x1 convolution, stored as one
        w = k.get("weight", (out, x.shape[1], 1, 1), "matrix")
        return F.conv2d(x, w, k.get("bias", (out,), "bias") if bias else None)
    return F.linear(x, k.get("weight", (out, x.shape[-1]), "matrix"), k.get("bias", (out,), "bias") if bias else None)


def pad(x, before=1):
    """By one pixel after, and as many before, along each side."""
    for side, amounts in (("x", (before, 1, 0, 0)), ("y", (0, 0, before, 1))):
        x = F.pad(x, amounts, mode="circular" if side in WRAP else "constant")
    return x


def conv3(k, x, out, stride=1, before=1, bias=True):
    weight = k.get("weight", (out, x.shape[1], 3, 3), "matrix")
    return F.conv2d(pad(x, before), weight, k.get("bias", (out,), "bias") if bias else None, stride)


def group_norm(k, x, groups, eps):
    c = x.shape[1]
    return F.group_norm(x, groups, k.get("weight", (c,), "gain"), k.get("bias", (c,), "bias"), eps)


def layer_norm(k, x, eps=1e-5):
    c = x.shape[-1]
    return F.layer_norm(x, (c,), k.get("weight", (c,), "gain"), k.get("bias", (c,), "bias"), eps)


def attention(q, k, v, heads, mask=None):
    n, tokens, c = q.shape
    q, k, v = (t.reshape(n, t.shape[1], heads, c // heads).transpose(1, 2) for t in (q, k, v))
    scores = q @ k.transpose(2, 3) / math.sqrt(c // heads)
    if mask is not None:
        scores = scores + mask
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, tokens, c)


def resnet(k, x, out, groups, eps, time=None):
    h = conv3(k["conv1"], F.silu(group_norm(k["norm1"], x, groups, eps)), out)
    if time is not None:
        h = h + linear(k["time_emb_proj"], F.silu(time), out)[:, :, None, None]
    h = conv3(k["conv2"], F.silu(group_norm(k["norm2"], h, groups, eps)), out)
    return h + (x if x.shape[1] == out else linear(k["conv_shortcut"], x, out))


# ---- text encoder


def text_states(k, config, ids, projection=False):
    """The output of each layer (first the embeddings), the final layer norm's, and the pooled output."""
    projection_keys = k["text_projection"]
    c, heads = config["hidden_size"], config["num_attention_heads"]
    n, tokens = ids.shape
    k = k["text_model"]
    x = k["embeddings"]["token_embedding"].get("weight", (config["vocab_size"], c), "table")[ids]
    x = x + k["embeddings"]["position_embedding"].get("weight", (config["max_position_embeddings"], c), "table")[:tokens]
    mask = torch.full((tokens, tokens), -math.inf).triu(1)
    states = [x]
    act = {"quick_gelu": lambda t: t * torch.sigmoid(1.702 * t), "gelu": F.gelu}[config["hidden_act"]]
    for i in range(config["num_hidden_layers"]):
        layer = k[f"encoder.layers.{i}"]
        h = layer_norm(layer["layer_norm1"], x, config["layer_norm_eps"])
        a = layer["self_attn"]
        h = attention(linear(a["q_proj"], h, c), linear(a["k_proj"], h, c), linear(a["v_proj"], h, c), heads, mask)
        x = x + linear(a["out_proj"], h, c)
        h = layer_norm(layer["layer_norm2"], x, config["layer_norm_eps"])
        x = x + linear(layer["mlp.fc2"], act(linear(layer["mlp.fc1"], h, config["intermediate_size"])), c)
        states.append(x)
    last = layer_norm(k["final_layer_norm"], x, config["layer_norm_eps"])
    pooled = None
    if projection:
        eos = config.get("eos_token_id", 2)
        ends = ids.argmax(-1) if eos == 2 else (ids == eos).int().argmax(-1)
        pooled = linear(projection_keys, last[torch.arange(n), ends], config["projection_dim"], False)
    return states, last, pooled


def text_norm(k, config, x):
    return layer_norm(k["text_model"]["final_layer_norm"], x, config["layer_norm_eps"])


def text_encoder(k, config, ids):
    return text_states(k, config, ids)[1]


# ---- UNet


def per_level(value, levels):
    return value if isinstance(value, list) else [value] * levels


def merging(x, height, width, share):
    """Token merging (Bolya, Hoffman 2023) as a matrix of means, [n, kept, tokens]: of each 2x2 the first token stays, and the
    share of all tokens most like (cosine) one of these goes to it."""
    tokens = height * width
    rest = [i for i in range(tokens) if i // width % 2 or i % width % 2]
    stay = [i for i in range(tokens) if i not in rest]
    unit = F.normalize(x.double(), dim=-1)
    likeness, best = (unit[:, rest] @ unit[:, stay].transpose(1, 2)).max(-1)
    matrices = []
    for one, to in zip(likeness.tolist(), best.tolist()):
        gone = sorted(range(len(rest)), key=lambda i: -one[i])[: min(int(share * tokens), len(rest))]
        groups = torch.eye(tokens)
        for i in gone:
            groups[stay[to[i]], rest[i]] = 1
        matrices.append(groups[[i for i in range(tokens) if i not in {rest[j] for j in gone}]])
    groups = torch.stack(matrices)
    return groups / groups.sum(-1, keepdim=True)


def transformer(k, x, text, heads, blocks, groups, use_linear, merge=0.0):
    n, c, height, width = x.shape
    rows = lambda t: t.flatten(2).transpose(1, 2)  # noqa: E731
    picture = lambda t: t.transpose(1, 2).reshape(n, c, height, width)  # noqa: E731
    h = group_norm(k["norm"], x, groups, 1e-6)
    h = linear(k["proj_in"], rows(h), c) if use_linear else rows(linear(k["proj_in"], h, c))
    for i in range(blocks):
        b = k[f"transformer_blocks.{i}"]
        for norm, name, other in (("norm1", "attn1", None), ("norm2", "attn2", text)):
            q = layer_norm(b[norm], h)
            means = merging(q, height, width, merge) if other is None and merge else None
            q = q if means is None else means @ q
            s = q if other is None else other
            a = b[name]
            o = attention(linear(a["to_q"], q, c, False), linear(a["to_k"], s, c, False), linear(a["to_v"], s, c, False), heads)
            o = linear(a["to_out.0"], o, c)
            h = h + (o if means is None else (means > 0).float().transpose(1, 2) @ o)
        value, gate = linear(b["ff.net.0.proj"], layer_norm(b["norm3"], h), 8 * c).chunk(2, -1)
        h = h + linear(b["ff.net.2"], value * F.gelu(gate), c)
    return x + (picture(linear(k["proj_out"], h, c)) if use_linear else linear(k["proj_out"], picture(h), c))


def timestep_embedding(config, t, width=None):
    half = (width or config["block_out_channels"][0]) // 2
    angles = t * torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / (half - config.get("freq_shift", 0)))
    parts = [angles.cos(), angles.sin()] if config.get("flip_sin_to_cos", True) else [angles.sin(), angles.cos()]
    return torch.cat(parts)[None]


def guidance_embedding(width, guidance):
    half = width // 2
    angles = (guidance - 1) * 1000 * torch.exp(-math.log(10000) / (half - 1) * torch.arange(half, dtype=torch.float32))
    return torch.cat([angles.sin(), angles.cos()])[None]


def unet(k, config, x, t, text, pooled=None, sizes=None, guidance=None, merge=0.0, deep=None):
    """merge: of the tokens of the largest level with attention, see merging(). deep: a dict that keeps what the deep layers
    make, and where it has something already, that is used in their place (DeepCache; Ma, Fang, Wang 2023)."""
    channels = config["block_out_channels"]
    levels = len(channels)
    groups, eps = config["norm_num_groups"], config.get("norm_eps", 1e-5)
    heads = per_level(config.get("num_attention_heads") or config["attention_head_dim"], levels)
    blocks = per_level(config.get("transformer_layers_per_block", 1), levels)
    layers = per_level(config["layers_per_block"], levels)
    use_linear = config.get("use_linear_projection", False)
    width = 4 * channels[0]
    waves = timestep_embedding(config, t)
    if config.get("time_cond_proj_dim"):
        embedded = guidance_embedding(config["time_cond_proj_dim"], guidance)
        waves = waves + linear(k["time_embedding.cond_proj"], embedded, channels[0], False)
    time = linear(k["time_embedding.linear_1"], waves, width)
    time = linear(k["time_embedding.linear_2"], F.silu(time), width).expand(x.shape[0], -1)
    if config.get("addition_embed_type") == "text_time":
        size_waves = [timestep_embedding(config, s, config["addition_time_embed_dim"]) for s in sizes]
        added = torch.cat([pooled] + [w.expand(x.shape[0], -1) for w in size_waves], 1)
        assert added.shape[1] == config["projection_class_embeddings_input_dim"]
        added = F.silu(linear(k["add_embedding.linear_1"], added, width))
        time = time + linear(k["add_embedding.linear_2"], added, width)

    kinds = zip(config["down_block_types"], reversed(config["up_block_types"]))
    largest = [i for i, pair in enumerate(kinds) if any(kind.startswith("CrossAttn") for kind in pair)][:1]

    def attend(key, x, level, merges=True):
        share = merge if merges and level in largest else 0
        return transformer(key, x, text, heads[level], blocks[level], groups, use_linear, share)

    def up_layer(b, j, kind, level, x):
        x = resnet(b[f"resnets.{j}"], torch.cat([x, skips.pop()], 1), channels[level], groups, eps, time)
        return attend(b[f"attentions.{j}"], x, level) if kind.startswith("CrossAttn") else x

    def end(x):
        return conv3(k["conv_out"], F.silu(group_norm(k["conv_norm_out"], x, groups, eps)), config["out_channels"])

    x = conv3(k["conv_in"], x, channels[0])
    skips = [x]
    if deep:
        b, kind = k["down_blocks.0"], config["down_block_types"][0]
        x = resnet(b["resnets.0"], x, channels[0], groups, eps, time)
        skips.append(attend(b["attentions.0"], x, 0) if kind.startswith("CrossAttn") else x)
        x = deep["x"]
        for j in (layers[0] - 1, layers[0]):
            x = up_layer(k[f"up_blocks.{levels - 1}"], j, config["up_block_types"][-1], 0, x)
        return end(x)
    for i, kind in enumerate(config["down_block_types"]):
        b = k[f"down_blocks.{i}"]
        for j in range(layers[i]):
            x = resnet(b[f"resnets.{j}"], x, channels[i], groups, eps, time)
            if kind.startswith("CrossAttn"):
                x = attend(b[f"attentions.{j}"], x, i)
            skips.append(x)
        if i + 1 < levels:
            x = conv3(b["downsamplers.0.conv"], x, channels[i], stride=2)
            skips.append(x)
    m = k["mid_block"]
    x = resnet(m["resnets.0"], x, channels[-1], groups, eps, time)
    x = attend(m["attentions.0"], x, levels - 1, False)
    x = resnet(m["resnets.1"], x, channels[-1], groups, eps, time)
    for i, kind in enumerate(config["up_block_types"]):
        level = levels - 1 - i
        b = k[f"up_blocks.{i}"]
        for j in range(layers[level] + 1):
            if level == 0 and j == layers[0] - 1 and deep is not None:
                deep["x"] = x
            x = up_layer(b, j, kind, level, x)
        if level > 0:
            x = F.interpolate(x, size=skips[-1].shape[2:], mode="nearest")
            x = conv3(b["upsamplers.0.conv"], x, channels[level])
    return end(x)


# ---- VAE

EPS = 1e-6


def vae_mid(k, config, x):
    groups, c = config["norm_num_groups"], x.shape[1]
    x = resnet(k["resnets.0"], x, c, groups, EPS)
    if config.get("mid_block_add_attention", True):
        a = k["attentions.0"]
        old = a.has("query.weight")
        h = group_norm(a["group_norm"], x, groups, EPS).flatten(2).transpose(1, 2)
        q, key, v = (linear(a[n], h, c) for n in (("query", "key", "value") if old else ("to_q", "to_k", "to_v")))
        h = linear(a["proj_attn" if old else "to_out.0"], attention(q, key, v, 1), c)
        x = x + h.transpose(1, 2).reshape(x.shape)
    return resnet(k["resnets.1"], x, c, groups, EPS)


def vae_decode(k, config, z):
    channels, groups = config["block_out_channels"][::-1], config["norm_num_groups"]
    if config.get("use_post_quant_conv", True):
        z = linear(k["post_quant_conv"], z, z.shape[1])
    d = k["decoder"]
    x = vae_mid(d["mid_block"], config, conv3(d["conv_in"], z, channels[0]))
    for i, c in enumerate(channels):
        b = d[f"up_blocks.{i}"]
        for j in range(config["layers_per_block"] + 1):
            x = resnet(b[f"resnets.{j}"], x, c, groups, EPS)
        if i + 1 < len(channels):
            x = conv3(b["upsamplers.0.conv"], F.interpolate(x, scale_factor=2.0, mode="nearest"), c)
    return conv3(d["conv_out"], F.silu(group_norm(d["conv_norm_out"], x, groups, EPS)), config["out_channels"])


def vae_encode(k, config, image):
    channels, groups = config["block_out_channels"], config["norm_num_groups"]
    e = k["encoder"]
    x = conv3(e["conv_in"], image, channels[0])
    for i, c in enumerate(channels):
        b = e[f"down_blocks.{i}"]
        for j in range(config["layers_per_block"]):
            x = resnet(b[f"resnets.{j}"], x, c, groups, EPS)
        if i + 1 < len(channels):
            x = conv3(b["downsamplers.0.conv"], x, c, stride=2, before=0)
    x = vae_mid(e["mid_block"], config, x)
    x = conv3(e["conv_out"], F.silu(group_norm(e["conv_norm_out"], x, groups, EPS)), 2 * config["latent_channels"])
    if config.get("use_quant_conv", True):
        x = linear(k["quant_conv"], x, x.shape[1])
    mean, logvar = x.chunk(2, 1)
    return mean, logvar.clamp(-30, 20)


# ---- AutoencoderTiny


def tiny_block(k, x):
    c = x.shape[1]
    h = F.relu(conv3(k["conv.0"], x, c))
    h = F.relu(conv3(k["conv.2"], h, c))
    return F.relu(conv3(k["conv.4"], h, c) + x)


def plain_conv3(k, x, out, stride=1):
    return conv3(k, x, out, stride, bias=False)


def tiny_decode(k, config, z):
    c, layers, at = config["decoder_block_out_channels"][0], k["decoder.layers"], 2
    x = F.relu(conv3(layers["0"], torch.tanh(z / 3) * 3, c))
    blocks = config["num_decoder_blocks"]
    for i, n in enumerate(blocks):
        for _ in range(n):
            x = tiny_block(layers[str(at)], x)
            at += 1
        if i + 1 < len(blocks):
            x = plain_conv3(layers[str(at + 1)], F.interpolate(x, scale_factor=2.0, mode="nearest"), c)
            at += 2
    return conv3(layers[str(at)], x, config["out_channels"]) * 2 - 1


def tiny_encode(k, config, image):
    c, layers, at = config["encoder_block_out_channels"][0], k["encoder.layers"], 0
    x = (image + 1) / 2
    for i, n in enumerate(config["num_encoder_blocks"]):
        x = conv3(layers[str(at)], x, c) if i == 0 else plain_conv3(layers[str(at)], x, c, 2)
        at += 1
        for _ in range(n):
            x = tiny_block(layers[str(at)], x)
            at += 1
    mean = conv3(layers[str(at)], x, config["latent_channels"])
    return mean, torch.full_like(mean, -30)


def decode(k, config, z):
    return (tiny_decode if config["_class_name"] == "AutoencoderTiny" else vae_decode)(k, config, z)


def encode(k, config, image):
    return (tiny_encode if config["_class_name"] == "AutoencoderTiny" else vae_encode)(k, config, image)
