#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole models of other families than make-pipeline.py's, and the pictures that they make.

    make-families.py      writes tests/fixtures/tiny-xl and tiny-inpaint, pipeline-xl.* and pipeline-inpaint.* (needs Debian's
                          python3-torch)

UNet and VAE are those of nets/xl, nets/lcm and nets/tiny, the tokenizer is fixtures/tokenizer; all are linked to."""
import importlib.util
import json
import os

import torch

import nets

HERE = os.path.dirname(os.path.abspath(__file__))


def load(path):
    spec = importlib.util.spec_from_file_location("module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BASE = load(f"{HERE}/make-pipeline.py")
FILES, PROMPTS, FIXTURES = BASE.FILES, BASE.PROMPTS, BASE.FIXTURES
FILL_2 = "!"
TEXT_2 = dict(FILES.TEXT_XL, vocab_size=BASE.TEXT["vocab_size"], max_position_embeddings=77)
XL_INDEX = dict(
    BASE.INDEX, _class_name="StableDiffusionXLPipeline", text_encoder_2=["transformers", "CLIPTextModelWithProjection"],
    tokenizer_2=["transformers", "CLIPTokenizer"], vae=["diffusers", "AutoencoderTiny"], force_zeros_for_empty_prompt=True)
XL_RUNS = [
    {"name": "xl", "sampler": "ddim", "prompt": "a red fox", "negative": "blurry, bad", "seed": 42, "steps": 3,
     "guidance": 3.0, "width": 24, "height": 16},
    {"name": "xl_empty", "sampler": "ddim", "prompt": "a red fox", "negative": "", "seed": 7, "steps": 3,
     "guidance": 5.0, "width": 16, "height": 16},
    {"name": "xl_weighted", "sampler": "ddim", "prompt": "hello (old house:1.3) BREAK a fox", "negative": "", "seed": 8,
     "steps": 3, "guidance": 1.0, "width": 16, "height": 32},
]
INPAINT_RUNS = [
    {"name": "inpaint", "sampler": "ddim", "prompt": "a red fox", "negative": "bad", "seed": 3, "steps": 3, "guidance": 8.0,
     "width": 24, "height": 16},
]


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(json.dumps(value, indent=2) + "\n")


def make_folder(folder, index, card, **links):
    os.makedirs(folder, exist_ok=True)
    for name, target in dict(links, tokenizer="../tokenizer").items():
        if not os.path.islink(f"{folder}/{name}"):
            os.symlink(target, f"{folder}/{name}")
    for name, value in (("model_index", index), ("scheduler/scheduler_config", BASE.SCHEDULER), ("imagined", card)):
        write_json(f"{folder}/{name}.json", value)


def make_text(folder, config, projection):
    text = FILES.create(nets.text_states, "F16", config, torch.zeros(1, 77, dtype=torch.int64), projection)
    write_json(f"{folder}/config.json", config)
    FILES.write(f"{folder}/model.safetensors", text, "F16")
    return nets.Keys(text)


def part(folder, name, file="diffusion_pytorch_model"):
    tensors = FILES.read(f"{FIXTURES}/{folder}/{name}/{file}.safetensors")
    return nets.Keys({k: t.float() for k, t in tensors.items()})


def picture(run, unet, vae, vae_config):
    generator = torch.Generator().manual_seed(run["seed"])
    noise = torch.randn(1, 4, run["height"] // 2, run["width"] // 2, generator=generator)
    latents = BASE.ddim(run, unet, noise.double(), generator).float()
    image = nets.decode(vae, vae_config, latents / vae_config["scaling_factor"])
    return {f"{run['name']}/latents": latents, f"{run['name']}/image": (image / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)}


def write_pictures(name, runs, out):
    FILES.write(f"{FIXTURES}/{name}.safetensors", out)
    write_json(f"{FIXTURES}/{name}.json", runs)


def embed(keys, config, prompts, fill, projection):
    """The layer before the last, chunk beside chunk, weighed; and the pooled output of each first chunk."""
    chunks = [PROMPTS.chunks_of(PROMPTS.parts_of(p), 75) for p in prompts]
    most = max(len(c) for c in chunks)
    rows, first = [], []
    for c in chunks:
        row = []
        for chunk in c + [[]] * (most - len(c)):
            ids = [PROMPTS.START] + [t for t, _ in chunk] + [PROMPTS.END] + [fill] * (75 - len(chunk))
            weights = torch.tensor([1.0] + [w for _, w in chunk] + [1.0] * (76 - len(chunk)))[None, :, None]
            states, _, pooled = nets.text_states(keys, config, torch.tensor([ids]), projection)
            weighed = states[-2] * weights
            row.append((weighed * (states[-2].double().mean() / weighed.double().mean())).float())
            if len(row) == 1 and projection:
                first.append(pooled)
        rows.append(torch.cat(row, 1))
    return torch.cat(rows), torch.cat(first) if projection else None


def make_xl():
    """Embeddings of both encoders side by side; the second one fills up with another token; an empty negative prompt is
    zeros."""
    folder = os.path.join(FIXTURES, "tiny-xl")
    make_folder(folder, XL_INDEX, dict(BASE.CARD, name="tiny-xl", sampler="ddim"), unet="../nets/xl/model/unet",
                vae="../nets/xl/model/vae")
    write_json(f"{folder}/tokenizer_2/tokenizer_config.json", {"model_max_length": 77, "pad_token": FILL_2})
    first, second = make_text(f"{folder}/text_encoder", BASE.TEXT, False), make_text(f"{folder}/text_encoder_2", TEXT_2, True)
    with open(f"{FIXTURES}/tokenizer/vocab.json") as f:
        fill = json.load(f)[FILL_2]
    unet, vae, out = part("nets/xl/model", "unet"), part("nets/xl/model", "vae"), {}
    for run in XL_RUNS:
        prompts = [run["negative"], run["prompt"]] if run["guidance"] > 1 else [run["prompt"]]
        one, _ = embed(first, BASE.TEXT, prompts, PROMPTS.END, False)
        two, pooled = embed(second, TEXT_2, prompts, fill, True)
        embeddings = torch.cat([one, two], -1)
        if len(prompts) == 2 and not run["negative"]:
            embeddings[0], pooled[0] = 0, 0
        sizes = [run["height"], run["width"], 0, 0, run["height"], run["width"]]

        def model(x, t):
            return nets.unet(unet, FILES.UNET_XL, x.float(), float(t), embeddings, pooled, sizes).double()

        out |= picture(run, model, vae, FILES.VAE_TINY)
    write_pictures("pipeline-xl", XL_RUNS, out)


def make_inpaint():
    """All is to be painted: the mask is ones, the picture beside it plain grey. One pass a step, whatever the guidance."""
    make_folder(os.path.join(FIXTURES, "tiny-inpaint"), dict(BASE.INDEX, _class_name="StableDiffusionInpaintPipeline"),
                dict(BASE.CARD, name="tiny-inpaint"), unet="../nets/lcm/model/unet", vae="../nets/tiny/model/vae",
                text_encoder="../tiny-model/text_encoder")
    text = part("tiny-model", "text_encoder", "model")
    unet, vae, out = part("nets/lcm/model", "unet"), part("nets/tiny/model", "vae"), {}
    for run in INPAINT_RUNS:
        embeddings = BASE.embed(text.tensors, [run["prompt"]])
        mean, _ = nets.encode(vae, FILES.VAE, torch.zeros(1, 3, run["height"], run["width"]))
        beside = torch.cat([torch.ones_like(mean[:, :1]), mean * FILES.VAE["scaling_factor"]], 1)

        def model(x, t):
            x = torch.cat([x.float(), beside], 1)
            return nets.unet(unet, FILES.UNET_LCM, x, float(t), embeddings, guidance=run["guidance"]).double()

        out |= picture(dict(run, guidance=1), model, vae, FILES.VAE)
    write_pictures("pipeline-inpaint", INPAINT_RUNS, out)


torch.set_grad_enabled(False)
torch.set_num_threads(1)
make_xl()
make_inpaint()
