#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A model of a family's true shapes with random weights, and what PyTorch makes of it: one stage after the other.

    make-full.py FAMILY FOLDER [TYPE]     FAMILY: sd15, sd21, sdxl; TYPE: F16 (if none is given) or F32

writes FOLDER/model (Diffusers' layout), FOLDER/text.safetensors, text_2.safetensors, unet.safetensors and vae.safetensors, for
tests/full-size. The numbers come from one seed and are those that 16 bits hold, whatever the type: matrices of deviation
1 / sqrt(inputs), so that activations keep their size, norms near one. With $TOKENIZER, a folder, that is copied too."""
import json
import os
import shutil
import struct
import sys

import torch

import nets

CLIP_L = dict(
    architectures=["CLIPTextModel"], model_type="clip_text_model", hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
    num_attention_heads=12, max_position_embeddings=77, vocab_size=49408, hidden_act="quick_gelu", layer_norm_eps=1e-5)
CLIP_H = dict(CLIP_L, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16, hidden_act="gelu")
CLIP_BIG_G = dict(
    CLIP_L, architectures=["CLIPTextModelWithProjection"], hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
    num_attention_heads=20, hidden_act="gelu", projection_dim=1280)
UNET = dict(
    _class_name="UNet2DConditionModel", in_channels=4, out_channels=4, sample_size=64, block_out_channels=[320, 640, 1280, 1280],
    down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    layers_per_block=2, attention_head_dim=8, cross_attention_dim=768, norm_num_groups=32, norm_eps=1e-5, act_fn="silu",
    flip_sin_to_cos=True, freq_shift=0)
UNET_2 = dict(UNET, attention_head_dim=[5, 10, 20, 20], cross_attention_dim=1024, use_linear_projection=True, sample_size=96)
UNET_XL = dict(
    UNET, sample_size=128, block_out_channels=[320, 640, 1280],
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], attention_head_dim=[5, 10, 20],
    transformer_layers_per_block=[1, 2, 10], cross_attention_dim=2048, use_linear_projection=True,
    addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816)
VAE = dict(
    _class_name="AutoencoderKL", in_channels=3, out_channels=3, latent_channels=4, sample_size=512,
    block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=2, norm_num_groups=32, act_fn="silu", scaling_factor=0.18215)
INDEX = dict(
    _class_name="StableDiffusionPipeline", scheduler=["diffusers", "PNDMScheduler"], unet=["diffusers", "UNet2DConditionModel"],
    text_encoder=["transformers", "CLIPTextModel"], tokenizer=["transformers", "CLIPTokenizer"], vae=["diffusers", "AutoencoderKL"])
SCHEDULER = dict(
    _class_name="PNDMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
    set_alpha_to_one=False, steps_offset=1, clip_sample=False)
FAMILIES = {
    "sd15": dict(text_encoder=CLIP_L, unet=UNET, vae=VAE, index=INDEX, scheduler=SCHEDULER),
    "sd21": dict(text_encoder=CLIP_H, unet=UNET_2, vae=VAE, index=INDEX, scheduler=dict(SCHEDULER, prediction_type="v_prediction")),
    "sdxl": dict(
        text_encoder=CLIP_L, text_encoder_2=CLIP_BIG_G, unet=UNET_XL, vae=dict(VAE, scaling_factor=0.13025, sample_size=1024),
        index=dict(INDEX, _class_name="StableDiffusionXLPipeline", force_zeros_for_empty_prompt=True,
                   text_encoder_2=["transformers", "CLIPTextModelWithProjection"], tokenizer_2=["transformers", "CLIPTokenizer"]),
        scheduler=dict(SCHEDULER, _class_name="EulerDiscreteScheduler", timestep_spacing="leading")),
}
CODES = {torch.float16: "F16", torch.float32: "F32", torch.int64: "I64"}


class HalfKeys(nets.Keys):
    """As Keys, but 16 bits lie in memory, and tensors are widened when they are asked for."""

    def __getitem__(self, name):
        return HalfKeys(self.tensors, f"{self.prefix}{name}.", self.generator)

    def get(self, name, shape, kind):
        tensor = super().get(name, shape, kind)
        if tensor.dtype != torch.float16:
            self.tensors[self.prefix + name] = tensor.half()
        return tensor.float()


def write(path, tensors, dtype=None):
    """One tensor after the other, as `dtype` if one is given."""
    header, offset = {}, 0
    for key, t in tensors.items():
        kind = dtype or t.dtype
        size = t.numel() * torch.empty(0, dtype=kind).element_size()
        header[key] = dict(dtype=CODES[kind], shape=list(t.shape), data_offsets=[offset, offset + size])
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(t.to(dtype or t.dtype).contiguous().numpy().data)


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, indent=2)


class Maker:
    def __init__(self, folder, dtype):
        self.folder, self.dtype = folder, dtype

    def finish(self, name, config, keys, file, outputs):
        stem = "model" if name.startswith("text") else "diffusion_pytorch_model"
        write(f"{self.folder}/model/{name}/{stem}.safetensors", keys.tensors, self.dtype)
        write_json(f"{self.folder}/model/{name}/config.json", config)
        write(f"{self.folder}/{file}.safetensors", outputs)
        n = sum(t.numel() for t in keys.tensors.values())
        spread = ", ".join(f"{key} {t.float().std():.2f}" for key, t in outputs.items() if t.dtype == torch.float32)
        print(f"{name}: {n:,} parameters; deviations: {spread}", flush=True)

    def text(self, name, config, file):
        g = torch.Generator().manual_seed(1)
        ids = torch.randint(0, config["vocab_size"], (2, 77), generator=g)
        keys = HalfKeys({}, generator=torch.Generator().manual_seed(sum(name.encode())))
        states, last, pooled = nets.text_states(keys, config, ids, "projection_dim" in config)
        out = {"ids": ids, "last_hidden_state": last, "penultimate": states[-2]}
        self.finish(name, config, keys, file, out | ({"pooled": pooled} if pooled is not None else {}))

    def unet(self, config):
        g = torch.Generator().manual_seed(2)
        text = torch.randn(1, 77, config["cross_attention_dim"], generator=g)
        sample, more = torch.randn(1, config["in_channels"], 32, 32, generator=g), {}
        out = {"encoder_hidden_states": text, "sample": sample}
        if "addition_embed_type" in config:
            width = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
            more = {"pooled": torch.randn(1, width, generator=g), "sizes": [256.0, 256.0, 0.0, 0.0, 256.0, 256.0]}
            out |= {"pooled": more["pooled"], "sizes": torch.tensor(more["sizes"])}
        keys = HalfKeys({}, generator=torch.Generator().manual_seed(3))
        for t in (981, 1):
            out[f"out_t{t}"] = nets.unet(keys, config, sample, float(t), text, **more)
        self.finish("unet", config, keys, "unet", out)

    def vae(self, config):
        g = torch.Generator().manual_seed(4)
        z, image = torch.randn(1, 4, 24, 32, generator=g), torch.rand(1, 3, 128, 192, generator=g) * 2 - 1
        keys = HalfKeys({}, generator=torch.Generator().manual_seed(5))
        decoded, (mean, logvar) = nets.decode(keys, config, z), nets.encode(keys, config, image)
        self.finish("vae", config, keys, "vae", {"z": z, "image": image, "decoded": decoded, "mean": mean, "logvar": logvar})


def main():
    family, folder = FAMILIES[sys.argv[1]], sys.argv[2]
    torch.set_grad_enabled(False)
    maker = Maker(folder, torch.float32 if sys.argv[3:] == ["F32"] else torch.float16)
    maker.text("text_encoder", family["text_encoder"], "text")
    if "text_encoder_2" in family:
        maker.text("text_encoder_2", family["text_encoder_2"], "text_2")
    maker.unet(family["unet"])
    maker.vae(family["vae"])
    write_json(f"{folder}/model/model_index.json", family["index"])
    write_json(f"{folder}/model/scheduler/scheduler_config.json", family["scheduler"])
    if "TOKENIZER" in os.environ:
        for name in ("tokenizer", "tokenizer_2")[:1 + ("text_encoder_2" in family)]:
            shutil.copytree(os.environ["TOKENIZER"], f"{folder}/model/{name}", dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
