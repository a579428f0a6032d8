#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole model of random weights, in a few files, and the pictures that it makes.

    make-pipeline.py      writes tests/fixtures/tiny-model and pipeline.{json,safetensors} (needs Debian's python3-torch)

UNet and VAE are those of nets/tiny, the tokenizer is fixtures/tokenizer; both are linked to."""
import importlib.util
import json
import os
import sys

import torch

import nets

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "fixtures")
MODEL = os.path.join(FIXTURES, "tiny-model")
INDEX = {
    "_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"], "safety_checker": [None, None],
}
SCHEDULER = {
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False,
}
CARD = {"name": "tiny", "version": "1", "license": "CC0-1.0", "steps": 3, "guidance": 4, "guidance_rescale": 0.5,
        "sampler": "euler-a", "native_size": 16}
RUNS = [
    {"name": "ddim", "sampler": "ddim", "prompt": "a red fox", "negative": "blurry, bad", "seed": 42, "steps": 4,
     "guidance": 3.0, "width": 24, "height": 16},
    {"name": "ddim_nocfg", "sampler": "ddim", "prompt": "the old house by the sea", "negative": "", "seed": 7, "steps": 3,
     "guidance": 1.0, "width": 16, "height": 16},
    {"name": "euler_a", "sampler": "euler-a", "prompt": "hello world", "negative": "", "seed": 2**33 + 5, "steps": 5,
     "guidance": 6.0, "width": 16, "height": 32},
    {"name": "weighted", "sampler": "ddim", "prompt": "the [old:1.0] house (by the sea:1.4) BREAK (a red fox:0.7)", "negative": "((blurry))",
     "seed": 3, "steps": 3, "guidance": 4.0, "width": 16, "height": 16},
]


def load(path):
    spec = importlib.util.spec_from_file_location("module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILES = load(f"{HERE}/make-nets.py")
TOKENIZER = load(f"{FIXTURES}/make-tokenizer.py")
PROMPTS = load(f"{HERE}/make-prompts.py")
TEXT = dict(FILES.TEXT, vocab_size=514 + TOKENIZER.N_MERGES, max_position_embeddings=77)
ALPHAS = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000)**2, 0).double()


def embed(text, prompts):
    """[prompts, chunks * 77, width]; weights as the web UIs apply them, the shorter prompts padded with empty chunks."""
    chunks = [PROMPTS.chunks_of(PROMPTS.parts_of(p), 75) for p in prompts]
    most = max(len(c) for c in chunks)
    rows = []
    for c in chunks:
        row = []
        for chunk in c + [[]] * (most - len(c)):
            ids = [PROMPTS.START] + [t for t, _ in chunk] + [PROMPTS.END] * (76 - len(chunk))
            weights = torch.tensor([1.0] + [w for _, w in chunk] + [1.0] * (76 - len(chunk)))
            z = nets.text_encoder(nets.Keys(text), TEXT, torch.tensor([ids]))
            weighed = z * weights[None, :, None]
            row.append(weighed * (z.double().mean() / weighed.double().mean()).float())
        rows.append(torch.cat(row, 1))
    return torch.cat(rows)


def guided(run, predict, x, t):
    """Classifier-free guidance, rescaled as the card says (Lin et al. 2023)."""
    if run["guidance"] <= 1:
        return predict(x, t)
    negative, positive = predict(torch.cat([x, x]), t).chunk(2)
    out = negative + run["guidance"] * (positive - negative)
    share = CARD["guidance_rescale"]
    return share * out * (positive.std() / out.std()) + (1 - share) * out


def ddim(run, model, x, generator):
    stride = 1000 // run["steps"]
    for t in [i * stride + 1 for i in reversed(range(run["steps"]))]:
        a, b = ALPHAS[t], ALPHAS[t - stride] if t >= stride else ALPHAS[0]
        eps = guided(run, model, x, t)
        x0 = (x - (1 - a)**0.5 * eps) / a**0.5
        x = b**0.5 * x0 + (1 - b)**0.5 * eps
    return x


def euler_a(run, model, x, generator):
    times = [999 * i / (run["steps"] - 1) for i in reversed(range(run["steps"]))]
    all_sigmas = ((1 - ALPHAS) / ALPHAS)**0.5
    sigmas = [all_sigmas[int(t)] + (all_sigmas[min(int(t) + 1, 999)] - all_sigmas[int(t)]) * (t - int(t)) for t in times] + [0.0]
    x = x * sigmas[0]
    for t, s, n in zip(times, sigmas, sigmas[1:]):
        eps = guided(run, model, x / (s**2 + 1)**0.5, t)
        up = (n**2 * (s**2 - n**2) / s**2)**0.5
        x = x + eps * ((n**2 - up**2)**0.5 - s) + torch.randn(x.shape, generator=generator).double() * up
    return x


def make_model():
    os.makedirs(f"{MODEL}/scheduler", exist_ok=True)
    for name, target in (("unet", "../nets/tiny/model/unet"), ("vae", "../nets/tiny/model/vae"), ("tokenizer", "../tokenizer")):
        if not os.path.islink(f"{MODEL}/{name}"):
            os.symlink(target, f"{MODEL}/{name}")
    for name, value in (("model_index", INDEX), ("scheduler/scheduler_config", SCHEDULER), ("imagined", CARD)):
        with open(f"{MODEL}/{name}.json", "w") as f:
            f.write(json.dumps(value, indent=2) + "\n")
    text = FILES.create(nets.text_encoder, "F16", TEXT, torch.zeros(1, 77, dtype=torch.int64))
    os.makedirs(f"{MODEL}/text_encoder", exist_ok=True)
    FILES.write(f"{MODEL}/text_encoder/model.safetensors", text, "F16")
    with open(f"{MODEL}/text_encoder/config.json", "w") as f:
        f.write(json.dumps(TEXT, indent=2) + "\n")
    return text


def make_pictures(text):
    keys = {n: nets.Keys({k: t.float() for k, t in FILES.read(
        f"{MODEL}/{n}/diffusion_pytorch_model.safetensors").items()}) for n in ("unet", "vae")}
    out = {}
    for run in RUNS:
        prompts = [run["negative"], run["prompt"]] if run["guidance"] > 1 else [run["prompt"]]
        embeddings = embed(text, prompts)

        def model(x, t):
            return nets.unet(keys["unet"], FILES.UNET, x.float(), float(t), embeddings).double()

        generator = torch.Generator().manual_seed(run["seed"])
        noise = torch.randn(1, 4, run["height"] // 2, run["width"] // 2, generator=generator)
        latents = {"ddim": ddim, "euler-a": euler_a}[run["sampler"]](run, model, noise.double(), generator).float()
        image = nets.vae_decode(keys["vae"], FILES.VAE, latents / FILES.VAE["scaling_factor"])
        out[f"{run['name']}/latents"] = latents
        out[f"{run['name']}/image"] = (image / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
    FILES.write(f"{FIXTURES}/pipeline.safetensors", out)
    with open(f"{FIXTURES}/pipeline.json", "w") as f:
        f.write(json.dumps(RUNS, indent=2) + "\n")


torch.set_grad_enabled(False)
torch.set_num_threads(1)
if __name__ == "__main__":
    make_pictures(make_model())
    sys.exit(0)
