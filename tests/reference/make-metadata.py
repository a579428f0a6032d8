#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tests/fixtures/metadata: pictures with settings as other programs put them there, for tests/client/test-metadata.c.

    tests/reference/make-metadata.py [FOLDER]

The pictures and settings are our own; the forms are those of AUTOMATIC1111's web UI (images.py: PngInfo, piexif), of ComfyUI
(nodes.py, nodes_images.py), of InvokeAI (since 3, and 2) and of stable-diffusion.cpp. Pillow writes them, as in the first three.
"""
import json
import os
import struct
import sys

from PIL import Image
from PIL.PngImagePlugin import PngInfo

folder = sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures/metadata"
picture = Image.new("RGB", (8, 8), (200, 80, 40))


def path(name):
    return os.path.join(folder, name)


def png(name, zipped=False, **texts):
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key.replace("_", "-") if key == "sd_metadata" else key, text, zip=zipped)
    picture.save(path(name), pnginfo=info)


def comment(text, order="MM", encoding="utf-16-be"):
    """An Exif block with the user's comment alone, as piexif writes it (always MM and big-endian)."""
    e = ">" if order == "MM" else "<"
    body = b"UNICODE\0" + text.encode(encoding)
    entry = struct.pack(e + "HHII", 0x9286, 7, len(body), 44)
    return (order.encode() + struct.pack(e + "HI", 42, 8) + struct.pack(e + "HHHIII", 1, 0x8769, 4, 1, 26, 0) +
            struct.pack(e + "H", 1) + entry + struct.pack(e + "I", 0) + body)


def exif(name, block, **options):
    picture.save(path(name), exif=b"Exif\0\0" + block, **options)


WEBUI = """a lighthouse at {}, (stormy:1.2)
second line
Negative prompt: blurry, text
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234567890, Size: 640x448, Model hash: 0a1b2c3d, \
Model: "ink: a, b", Lora hashes: "ink: 0123, wash: 4567", Version: v1.10.1"""
png("webui-latin1.png", parameters=WEBUI.format("Größe"))
png("webui-unicode.png", parameters=WEBUI.format("日本 🗼"))
png("webui-compressed.png", zipped=True, parameters=WEBUI.format("Größe"))
exif("webui.jpg", comment(WEBUI.format("日本 🗼")))
exif("webui-little.jpg", comment(WEBUI.format("Größe"), "II", "utf-16-le"))
exif("webui-mixed.jpg", comment(WEBUI.format("Größe"), "II", "utf-16-be"))  # as some savers that copy do
exif("webui.webp", comment(WEBUI.format("日本 🗼")))

png("sd-cpp.png", parameters="a lighthouse\nNegative prompt: blurry\nSteps: 20, CFG scale: 7.000000, Guidance: 3.500000, Eta: 0.000000, "
    "Seed: 42, Size: 512x512, Model: v1-5.safetensors, RNG: cuda, Sampler: euler_a karras, Version: stable-diffusion.cpp")

graph = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 18446744073709551615, "steps": 30, "cfg": 8.0, "sampler_name": "euler_ancestral", "scheduler": "karras", "denoise": 1.0,
        "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}, "is_changed": [float("nan")]},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse, \"日本\"", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["12", 0], "clip": ["4", 1]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "styles/ink.safetensors", "strength_model": 0.75, "strength_clip": 1.0,
                                                  "model": ["4", 0], "clip": ["4", 1]}},
    "12": {"class_type": "PrimitiveString", "inputs": {"value": "blurry"}},
}
workflow = {"last_node_id": 12, "nodes": [{"id": 3, "type": "KSampler", "widgets_values": [1, "fixed", 30]}], "links": []}
png("comfyui.png", prompt=json.dumps(graph), workflow=json.dumps(workflow))
fields = Image.Exif()
fields[0x0110] = "prompt:" + json.dumps(graph)
fields[0x010f] = "workflow:" + json.dumps(workflow)
picture.save(path("comfyui.webp"), exif=fields)

png("comfyui-custom.png", prompt=json.dumps({
    "1": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["2", 0], "guider": ["3", 0], "sampler": ["4", 0], "sigmas": ["5", 0],
                                                            "latent_image": ["6", 0]}},
    "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}},
    "3": {"class_type": "BasicGuider", "inputs": {"model": ["7", 0], "conditioning": ["8", 0]}},
    "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "5": {"class_type": "BasicScheduler", "inputs": {"scheduler": "simple", "steps": 4, "denoise": 0.6, "model": ["7", 0]}},
    "6": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 1}},
    "7": {"class_type": "UNETLoader", "inputs": {"unet_name": "flow.safetensors"}},
    "8": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["9", 0]}},
    "9": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse"}}}))
# Links that go round, and to nowhere.
png("comfyui-round.png", prompt=json.dumps({
    "1": {"class_type": "KSampler", "inputs": {"seed": ["2", 0], "steps": 5, "positive": ["3", 0], "negative": ["9", 0],
                                               "latent_image": ["3", 0], "model": ["3", 0]}},
    "2": {"class_type": "Reroute", "inputs": {"value": ["2", 0]}},
    "3": {"class_type": "Reroute", "inputs": {"conditioning": ["3", 0], "model": ["3", 0], "samples": ["3", 0]}}}))

png("invokeai.png", invokeai_metadata=json.dumps({
    "app_version": "5.6.0", "generation_mode": "txt2img", "positive_prompt": "a lighthouse", "negative_prompt": "blurry",
    "width": 768, "height": 512, "seed": 99, "rand_device": "cpu", "cfg_scale": 7.5, "cfg_rescale_multiplier": 0, "steps": 25,
    "scheduler": "dpmpp_2m_k", "clip_skip": 0, "model": {"key": "0", "hash": "blake3:0", "name": "Paints: one", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"key": "1", "name": "ink", "base": "sd-1", "type": "lora"}, "weight": 0.5}]}))
png("invokeai-2.png", sd_metadata=json.dumps({
    "model": "stable diffusion", "model_weights": "stable-diffusion-1.5", "app_id": "invoke-ai/InvokeAI", "app_version": "2.3.5",
    "image": {"prompt": [{"prompt": "a lighthouse", "weight": 1}], "steps": 50, "cfg_scale": 7.5, "threshold": 0, "width": 512,
              "height": 512, "seed": 1075609311, "type": "txt2img", "sampler": "k_lms"}}))

png("plain.png", Comment="made by hand", parameters="no settings at all")
png("broken.png", prompt='{"3": {"class_type": "KSampler", "inputs"', invokeai_metadata="[1, 2]")
data = open(path("plain.png"), "rb").read()
manifest = b"jumb c2pa stand-in"
chunk = struct.pack(">I", len(manifest)) + b"caBX" + manifest + struct.pack(">I", __import__("zlib").crc32(b"caBX" + manifest))
open(path("c2pa.png"), "wb").write(data[:33] + chunk + data[33:])
