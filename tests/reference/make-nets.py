#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small random networks with their outputs, for tests that run without PyTorch.

    make-nets.py                  writes tests/fixtures/nets (needs Debian's python3-torch)
    make-nets.py --check GOLDENS  holds nets.py itself against the outputs of diffusers and transformers

`tiny` has Stable Diffusion 1's layout, with F16 weights in UNet and VAE, F32 in the text encoder; `linear` has what it has
not: linear projections, two transformer blocks, heads given by name, other level plans, time embedding with a shift, BF16
weights; a VAE without middle attention and quantisation layers. `xl` is built as Stable Diffusion XL: a text encoder with
projection, added conditioning; its autoencoder is of TAESD's kind. `lcm` embeds its guidance scale, and sees a mask and a
picture beside the latents."""
import json
import os
import struct
import sys

import torch

import nets

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "fixtures", "nets")
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "U8": torch.uint8}

TEXT = dict(
    architectures=["CLIPTextModel"], model_type="clip_text_model", hidden_size=12, intermediate_size=21, num_hidden_layers=2,
    num_attention_heads=3, max_position_embeddings=20, vocab_size=40, hidden_act="quick_gelu", layer_norm_eps=1e-5,
)
UNET = dict(
    _class_name="UNet2DConditionModel", in_channels=4, out_channels=4, sample_size=8, block_out_channels=[8, 20],
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
    layers_per_block=1, attention_head_dim=2, cross_attention_dim=12, norm_num_groups=4, norm_eps=1e-5, act_fn="silu",
    flip_sin_to_cos=True, freq_shift=0,
)
UNET_LINEAR = dict(
    UNET, in_channels=3, out_channels=5, block_out_channels=[8, 12, 16], num_attention_heads=[1, 3, 4],
    down_block_types=["CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"], use_linear_projection=True,
    transformer_layers_per_block=[1, 1, 2], flip_sin_to_cos=False, freq_shift=1,
)
VAE = dict(
    _class_name="AutoencoderKL", in_channels=3, out_channels=3, latent_channels=4, sample_size=16, block_out_channels=[8, 12],
    down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2, layers_per_block=1,
    norm_num_groups=4, act_fn="silu", scaling_factor=0.18215,
)
UNET_XL = dict(
    UNET, block_out_channels=[8, 12, 16], down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], attention_head_dim=[1, 2, 4],
    transformer_layers_per_block=[1, 1, 2], use_linear_projection=True, addition_embed_type="text_time",
    addition_time_embed_dim=4, projection_class_embeddings_input_dim=31, cross_attention_dim=20,
)
UNET_LCM = dict(UNET, time_cond_proj_dim=10, in_channels=9)
TEXT_XL = dict(
    TEXT, architectures=["CLIPTextModelWithProjection"], hidden_act="gelu", hidden_size=8, num_attention_heads=2,
    intermediate_size=19, num_hidden_layers=3, projection_dim=7,
)
VAE_TINY = dict(
    _class_name="AutoencoderTiny", in_channels=3, out_channels=3, latent_channels=4, encoder_block_out_channels=[8, 8],
    decoder_block_out_channels=[8, 8], act_fn="relu", upsampling_scaling_factor=2, num_encoder_blocks=[1, 2],
    num_decoder_blocks=[2, 1], scaling_factor=1.0,
)
VAE_LINEAR = dict(
    VAE, latent_channels=3, block_out_channels=[8, 8, 16], down_block_types=["DownEncoderBlock2D"] * 3,
    up_block_types=["UpDecoderBlock2D"] * 3, mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False,
)


def read(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    header.pop("__metadata__", None)
    tensors = {}
    for key, t in header.items():
        begin, end = t["data_offsets"]
        tensors[key] = torch.frombuffer(data[begin:end], dtype=DTYPES[t["dtype"]]).reshape(t["shape"])
    return tensors


def write(path, tensors, dtype="F32"):
    header, blobs, offset = {}, [], 0
    for key, t in sorted(tensors.items()):
        name = "I64" if t.dtype == torch.int64 else dtype
        t = t.to(DTYPES[name]).contiguous()
        blob = bytes(t.view(torch.int16).numpy().tobytes() if name in ("F16", "BF16") else t.numpy().tobytes())
        header[key] = dict(dtype=name, shape=list(t.shape), data_offsets=[offset, offset + len(blob)])
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_component(folder, name, config, tensors, dtype):
    file = "model" if name == "text_encoder" else "diffusion_pytorch_model"
    write(f"{folder}/model/{name}/{file}.safetensors", tensors, dtype)
    with open(f"{folder}/model/{name}/config.json", "w") as f:
        f.write(json.dumps(config, indent=2) + "\n")


def create(function, dtype, *args):
    """Random weights as `dtype` holds them, by letting the network ask for them."""
    tensors = {}
    function(nets.Keys(tensors, generator=torch.Generator().manual_seed(7)), *args)
    return {key: t.to(DTYPES[dtype]).float() for key, t in tensors.items()}


def make_text(folder, config, dtype):
    g = torch.Generator().manual_seed(1)
    ids = torch.randint(0, config["vocab_size"], (3, 17), generator=g)
    tensors = create(nets.text_states, dtype, config, ids, "projection_dim" in config)
    write_component(folder, "text_encoder", config, tensors, dtype)
    keys = nets.Keys(tensors)
    states, last, pooled = nets.text_states(keys, config, ids, "projection_dim" in config)
    out = {"ids": ids, "last_hidden_state": last}
    if pooled is not None:
        out |= {"pooled": pooled, "penultimate": states[-2], "skip1_normed": nets.text_norm(keys, config, states[-2])}
    write(f"{folder}/text.safetensors", out)


def make_unet(folder, config, dtype):
    g = torch.Generator().manual_seed(2)
    c = config["in_channels"]
    text = torch.randn(2, 17, config["cross_attention_dim"], generator=g)
    samples = {"square": torch.randn(2, c, 8, 8, generator=g), "odd": torch.randn(2, c, 5, 9, generator=g)}
    out, more = {"encoder_hidden_states": text}, {}
    if "addition_embed_type" in config:
        width = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        more = {"pooled": torch.randn(2, width, generator=g), "sizes": [512.0, 768.0, 3.0, 0.0, 64.0, 96.0]}
        out |= {"pooled": more["pooled"], "sizes": torch.tensor(more["sizes"])}
    if "time_cond_proj_dim" in config:
        more = {"guidance": 7.5}
        out |= {"guidance": torch.tensor([7.5])}
    tensors = create(lambda k: nets.unet(k, config, samples["square"], 1.0, text, **more), dtype)
    write_component(folder, "unet", config, tensors, dtype)
    for name, t in (("square", 1), ("square", 999), ("odd", 500)):
        out[f"{name}/sample"] = samples[name]
        out[f"{name}/out_t{t}"] = nets.unet(nets.Keys(tensors), config, samples[name], float(t), text, **more)
    write(f"{folder}/unet.safetensors", out)


def make_vae(folder, config, dtype):
    g = torch.Generator().manual_seed(3)
    factor = 2 ** (len(config.get("block_out_channels") or config["num_decoder_blocks"]) - 1)
    tensors, out = {}, {}
    for name, h, w in (("square", 4, 4), ("wide", 3, 5)):
        z = torch.randn(1, config["latent_channels"], h, w, generator=g)
        image = torch.rand(1, 3, h * factor, w * factor, generator=g) * 2 - 1
        if not tensors:
            tensors = create(nets.decode, dtype, config, z) | create(nets.encode, dtype, config, image)
        keys = nets.Keys(tensors)
        out[f"{name}/z"], out[f"{name}/image"] = z, image
        out[f"{name}/decoded"] = nets.decode(keys, config, z)
        out[f"{name}/mean"], out[f"{name}/logvar"] = nets.encode(keys, config, image)
    write_component(folder, "vae", config, tensors, dtype)
    write(f"{folder}/vae.safetensors", out)


def make_wrapped(folder):
    """What the networks of the folder make of the inputs that are there if pictures go on at their opposite sides."""
    inputs = read(f"{folder}/unet.safetensors") | read(f"{folder}/vae.safetensors")
    components = {}
    for name in ("unet", "vae"):
        with open(f"{folder}/model/{name}/config.json") as f:
            weights = read(f"{folder}/model/{name}/diffusion_pytorch_model.safetensors")
            components[name] = (nets.Keys({key: t.float() for key, t in weights.items()}), json.load(f))
    more = {"pooled": inputs["pooled"], "sizes": inputs["sizes"].tolist()} if "pooled" in inputs else {}
    text, out = inputs["encoder_hidden_states"], {}
    for nets.WRAP in ("x", "y", "xy"):
        out[f"{nets.WRAP}/odd/unet"] = nets.unet(*components["unet"], inputs["odd/sample"], 500.0, text, **more)
        out[f"{nets.WRAP}/square/unet"] = nets.unet(*components["unet"], inputs["square/sample"], 500.0, text, **more)
        out[f"{nets.WRAP}/decoded"] = nets.decode(*components["vae"], inputs["wide/z"])
        out[f"{nets.WRAP}/mean"] = nets.encode(*components["vae"], inputs["wide/image"])[0]
    nets.WRAP = ""
    write(f"{folder}/wrapped.safetensors", out)


def make_shortcuts(folder):
    """What the denoiser of the folder makes of the inputs that are there with a share of tokens merged, and of others with the
    deep layers of the pass over these."""
    inputs = read(f"{folder}/unet.safetensors")
    with open(f"{folder}/model/unet/config.json") as f:
        weights = read(f"{folder}/model/unet/diffusion_pytorch_model.safetensors")
        unet = nets.Keys({key: t.float() for key, t in weights.items()}), json.load(f)
    more = {"pooled": inputs["pooled"], "sizes": inputs["sizes"].tolist()} if "pooled" in inputs else {}
    g, text, out = torch.Generator().manual_seed(5), inputs["encoder_hidden_states"], {}
    for name in ("square", "odd"):
        x, deep = inputs[f"{name}/sample"], {}
        out[f"{name}/next"] = x + 0.3 * torch.randn(x.shape, generator=g)
        for share in (0.3, 0.75):
            out[f"{name}/merged_{share}"] = nets.unet(*unet, x, 500.0, text, merge=share, **more)
        nets.unet(*unet, x, 500.0, text, deep=deep, **more)
        out[f"{name}/reused"] = nets.unet(*unet, out[f"{name}/next"], 450.0, text, deep=deep, **more)
    write(f"{folder}/shortcuts.safetensors", out)


def compare(what, got, wanted):
    difference = ((got - wanted).abs().max() / wanted.abs().max()).item()
    print(f"{what}: {difference:.1e}")
    return difference < 2e-5


def check(goldens):
    good = True
    for variant in "AB":
        folder = f"{goldens}/{variant}"

        def component(name, file="diffusion_pytorch_model"):
            with open(f"{folder}/model/{name}/config.json") as f:
                return nets.Keys(read(f"{folder}/model/{name}/{file}.safetensors")), json.load(f)

        keys, config = component("text_encoder", "model")
        t = read(f"{folder}/text.safetensors")
        states, last, _ = nets.text_states(keys, config, t["ids"])
        ends = last[torch.arange(len(last)), t["ids"].argmax(-1)]
        good &= compare(f"{variant} text", last, t["last_hidden_state"])
        good &= compare(f"{variant} hidden states", torch.stack(states), t["hidden_states"])
        good &= compare(f"{variant} pooled", ends, t["pooled"])
        good &= compare(f"{variant} clip skip", nets.text_norm(keys, config, states[-2]), t["clip_skip2_normed"])
        keys, config = component("unet")
        t = read(f"{folder}/unet.safetensors")
        for name in sorted(n for n in t if "/out_t" in n):
            sample, step = t[name.split("/")[0] + "/sample"], float(name.split("/out_t")[1])
            good &= compare(f"{variant} {name}", nets.unet(keys, config, sample, step, t["encoder_hidden_states"]), t[name])
        keys, config = component("vae")
        t = read(f"{folder}/vae.safetensors")
        for name in ("square", "wide"):
            good &= compare(f"{variant} {name}/decoded", nets.vae_decode(keys, config, t[f"{name}/z"]), t[f"{name}/decoded"])
            mean, logvar = nets.vae_encode(keys, config, t[f"{name}/image"])
            good &= compare(f"{variant} {name}/mean", mean, t[f"{name}/mean"])
            good &= compare(f"{variant} {name}/logvar", logvar, t[f"{name}/logvar"])
    return 0 if good else 1


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--check"]:
        return check(sys.argv[2])
    make_text(f"{FIXTURES}/tiny", TEXT, "F32")
    make_unet(f"{FIXTURES}/tiny", UNET, "F16")
    make_vae(f"{FIXTURES}/tiny", VAE, "F16")
    make_text(f"{FIXTURES}/linear", dict(TEXT, hidden_act="gelu", num_attention_heads=1), "F16")
    make_unet(f"{FIXTURES}/linear", UNET_LINEAR, "BF16")
    make_vae(f"{FIXTURES}/linear", VAE_LINEAR, "BF16")
    make_text(f"{FIXTURES}/xl", TEXT_XL, "F16")
    make_unet(f"{FIXTURES}/xl", UNET_XL, "F16")
    make_vae(f"{FIXTURES}/xl", VAE_TINY, "F16")
    make_unet(f"{FIXTURES}/lcm", UNET_LCM, "F16")
    for name in ("tiny", "linear", "xl"):
        make_wrapped(f"{FIXTURES}/{name}")
        make_shortcuts(f"{FIXTURES}/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
