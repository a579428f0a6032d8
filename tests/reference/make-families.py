#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole models of other families than make-pipeline.py's, and the pictures that they make.

    make-families.py      writes tests/fixtures/tiny-xl, tiny-inpaint and loras/lcm.safetensors, pipeline-xl.*, pipeline-inpaint.*
                          and pipeline-lcm.* (needs Debian's python3-torch)

UNet and VAE are those of nets/xl, nets/lcm and nets/tiny, the tokenizer is fixtures/tokenizer; all are linked to."""
import importlib.util
import json
import os
import re

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
# tiny-model with an adapter for few steps, as LCM-LoRA is one: beside all matrices of the denoiser but its ends, convolutions too.
LCM_RUNS = [
    {"name": "lcm", "sampler": "lcm", "prompt": "a red fox <lora:lcm>", "negative": "", "seed": 11, "steps": 4, "guidance": 1.0,
     "width": 24, "height": 16},
    {"name": "lcm_guided", "sampler": "lcm", "prompt": "<lora:lcm:0.75> hello world", "negative": "bad", "seed": 12, "steps": 3,
     "guidance": 1.5, "width": 16, "height": 16},
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


def picture(run, unet, vae, vae_config, sampler=BASE.ddim):
    generator = torch.Generator().manual_seed(run["seed"])
    noise = torch.randn(1, 4, run["height"] // 2, run["width"] // 2, generator=generator)
    latents = sampler(run, unet, noise.double(), generator).float()
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


def lcm(run, model, x, generator):
    """Luo et al. 2023: 50 timesteps of the solver, of which some are taken evenly; fresh noise after each but the last."""
    times = [(50 - i * 50 // run["steps"]) * 20 - 1 for i in range(run["steps"])]
    for i, t in enumerate(times):
        a, scaled = BASE.ALPHAS[t], 10 * t
        eps = BASE.guided(run, model, x, t)
        x0 = (x - (1 - a)**0.5 * eps) / a**0.5
        x = 0.25 / (scaled**2 + 0.25) * x + scaled / (scaled**2 + 0.25)**0.5 * x0
        if i + 1 < len(times):
            b = BASE.ALPHAS[times[i + 1]]
            x = b**0.5 * x + (1 - b)**0.5 * torch.randn(x.shape, generator=generator).double()
    return x


def make_adapter(weights):
    """Rank 3, alpha 2, in kohya's naming; and what each adds to its matrix at a weight of 1."""
    generator, file, added = torch.Generator().manual_seed(13), {}, {}
    for key, tensor in weights.items():
        if tensor.dim() < 2 or key.startswith(("conv_in", "conv_out", "time_embedding")):
            continue
        down = torch.randn(3, *tensor.shape[1:], generator=generator) * 0.3
        up = torch.randn(tensor.shape[0], 3, *[1] * (tensor.dim() - 2), generator=generator) * 0.3
        added[key] = 2 / 3 * (up.flatten(1) @ down.flatten(1)).reshape(tensor.shape)
        name = "lora_unet_" + key.removesuffix(".weight").replace(".", "_")
        file |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(2.0)}
    FILES.write(f"{FIXTURES}/loras/lcm.safetensors", file)
    return added


def make_lcm():
    text, vae, out = part("tiny-model", "text_encoder", "model"), part("nets/tiny/model", "vae"), {}
    plain = part("nets/tiny/model", "unet").tensors
    added = make_adapter(plain)
    for run in LCM_RUNS:
        weight = float((re.search(r"<lora:lcm:(.*?)>", run["prompt"]) or [0, 1])[1])
        unet = nets.Keys({k: t + weight * added[k] if k in added else t for k, t in plain.items()})
        prompt = re.sub(r" ?<.*?> ?", "", run["prompt"])
        embeddings = BASE.embed(text.tensors, [run["negative"], prompt] if run["guidance"] > 1 else [prompt])

        def model(x, t):
            return nets.unet(unet, FILES.UNET, x.float(), float(t), embeddings).double()

        out |= picture(run, model, vae, FILES.VAE, lcm)
    write_pictures("pipeline-lcm", LCM_RUNS, out)


torch.set_grad_enabled(False)
torch.set_num_threads(1)
make_lcm()
make_xl()
make_inpaint()
