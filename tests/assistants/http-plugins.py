#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The HTTP bridge, asked in the order and with the fields of programs that know web UIs: Open WebUI, which has a user and a
# password, and plug-ins for Krita (Cyanic SD) and GIMP (Stable Boy, Stable Gimpfusion), which have neither, and the token in
# the address. What they read of the answers is checked. Prints TAP; see http-plugins.sh.

import base64
import glob
import json
import os
import struct
import subprocess
import sys
import threading
import zlib

import bridge_client
import png
from bridge_client import Bridge, at_work, check, eventually, make_token

SIDE = 64


def write_png(pixel, channels):
    """pixel(x, y): bytes of one."""
    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(SIDE)) for y in range(SIDE))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def halves(text):
    """The pixels of a picture's left half, and of its right one."""
    chunks = list(png.chunks(base64.b64decode(text, validate=True)))
    width, height = struct.unpack(">II", chunks[0][1][:8])
    rows = list(png.rows(width, height, b"".join(body for kind, body in chunks if kind == b"IDAT")))
    return [row[:width // 2 * 3] for row in rows], [row[width // 2 * 3:] for row in rows]


def size(text):
    data = base64.b64decode(text, validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


PICTURE = write_png(lambda x, y: bytes((4 * x, 4 * y, 90)), 3)
MASK = write_png(lambda x, y: b"\xff" if x < SIDE // 2 else b"\0", 1) # the left half
MASK_OF_ALPHA = write_png(lambda x, y: b"\xff\xff\xff\xff" if x < SIDE // 2 else b"\xff\xff\xff\0", 4)


def test_open_webui(b, token):
    basic = {"authorization": "Basic " + base64.b64encode(f"user:{token}".encode()).decode()}
    check("Open WebUI's check of the address", b.get("/sdapi/v1/options", None, headers=basic)[0] == 200)
    check("and of none that is right", b.get("/sdapi/v1/options", None, headers={"authorization": ""})[0] == 401)
    models = b.get("/sdapi/v1/sd-models", None, headers=basic)[2]
    check("its list of models", [(m["title"], m["model_name"]) for m in models] == [("default", "default")], models)
    options = b.get("/sdapi/v1/options", None, headers=basic)[2]
    check("the model in force", options["sd_model_checkpoint"] == "default", options)
    status, _, answer = b.post("/sdapi/v1/options", {**options, "sd_model_checkpoint": models[0]["title"]}, None, headers=basic)
    check("all options come back, one of them changed", status == 200 and answer is None, answer)
    asked = {"prompt": "a red fox", "batch_size": 2, "width": SIDE, "height": SIDE, "steps": 3, "negative_prompt": "text"}
    status, _, answer = b.post("/sdapi/v1/txt2img", asked, None, headers=basic)
    check("its pictures", status == 200 and [size(p) for p in answer["images"]] == [(SIDE, SIDE)] * 2, answer)
    check("with their info", json.loads(answer["info"])["prompt"] == "a red fox", answer["info"])
    extra = {"sampler_name": "DPM++ 2M", "scheduler": "Karras", "cfg_scale": 5}
    check("with parameters of one's own", b.post("/sdapi/v1/txt2img", {**asked, **extra}, None, headers=basic)[0] == 200)
    asked = {"model": "dall-e-2", "prompt": "a red fox", "n": 1, "size": f"{SIDE}x{SIDE}", "response_format": "b64_json", "steps": 3}
    status, _, answer = b.post("/v1/images/generations?api-version=2024-02-01", asked, token)
    check("and as OpenAI's", status == 200 and size(answer["data"][0]["b64_json"]) == (SIDE, SIDE) and "url" not in answer["data"][0], answer)


def test_address(b, token):
    """The token in the address, for those that have no other place for it."""
    home = f"/token/{token}"
    for address in (home, home + "/"):
        check("the token in the address", b.get(address + "/sdapi/v1/options", None)[0] == 200)
    check("it counts before others", b.get(home + "/sdapi/v1/options", "wrong")[0] == 200)
    for path in ("/token/wrong/sdapi/v1/options", "/token//sdapi/v1/options", f"/token/{token}", "/token/", "/token", f"/token/{token}x/v1/models",
                 "/token/" + "x" * 5000 + "/v1/models", f"/TOKEN/{token}/v1/models"):
        check(f"{path[:16]} is none", b.get(path, None)[0] == 401)
    check("no page in a browser", b.get(home + "/sdapi/v1/options", None, headers={"Origin": "http://localhost"})[0] == 403)
    check("nor under another name", b.get(home + "/sdapi/v1/options", None, headers={"Host": "evil.example"})[0] == 403)
    for method, path in (("HEAD", "/sdapi/v1/options"), ("OPTIONS", "/sdapi/v1/txt2img"), ("PUT", "/sdapi/v1/txt2img"), ("GET", "/sdapi/v1/txt2img")):
        check(f"{method} is another method", b.ask(method, home + path)[0] == 405)
    status, _, answer = b.get(home + "/controlnet/model_list", None)
    check("extensions that are not there", status == 404 and answer == {"detail": "Not Found"}, answer)
    check("and in OpenAI's words", b.get(home + "/v1/none", None)[2]["error"]["message"] == "Not Found")


def test_krita(b, token):
    home = f"/token/{token}"
    check("Krita's plug-in finds the server", isinstance(b.get(home + "/queue/status", None)[2], dict))
    lists = {name: b.get(f"{home}/sdapi/v1/{name}", None)[2] for name in (
        "sd-models", "sd-vae", "samplers", "upscalers", "face-restorers", "prompt-styles", "scripts", "loras", "embeddings", "hypernetworks", "options")}
    check("its eleven lists", all(isinstance(a, (list, dict)) for a in lists.values()), lists)
    check("with the names that it shows", lists["sd-models"][0]["title"] == "default" and lists["upscalers"][1]["name"] == "Lanczos" and
          lists["scripts"]["txt2img"] == [] and lists["embeddings"]["loaded"] == {} and lists["samplers"][0]["name"], lists)
    check("an option without which a page of it stays empty", lists["options"]["deepbooru_sort_alpha"] is False, lists["options"])
    common = {"width": SIDE, "height": SIDE, "save_images": True, "prompt": "a red fox", "negative_prompt": "", "styles": [], "steps": 3, "seed": -1,
              "subseed": -1, "subseed_strength": 0.0, "n_iter": 2, "batch_size": 1, "cfg_scale": 7.0, "sampler_name": "Euler a",
              "enable_refiner": False, "refiner": "", "override_settings_restore_afterwards": False,
              "override_settings": {"sd_model_checkpoint": "default", "sd_vae": "Automatic", "img2img_color_correction": True}}
    status, _, answer = b.post(home + "/sdapi/v1/txt2img", {**common, "enable_hr": False}, None)
    check("its pictures", status == 200 and len(answer["images"]) == 2 and isinstance(json.loads(answer["info"])["seed"], int), answer)
    check("of which it knows how many", answer["parameters"]["batch_size"] * answer["parameters"]["n_iter"] == 2, answer["parameters"])
    large = {**common, "n_iter": 1, "enable_hr": True, "hr_upscaler": "Latent", "hr_second_pass_steps": 0, "denoising_strength": 0.5,
             "hr_resize_x": 128, "hr_resize_y": 112}
    status, _, answer = b.post(home + "/sdapi/v1/txt2img", large, None)
    check("two passes to a size", status == 200 and size(answer["images"][0]) == (128, 112), answer)
    status, _, answer = b.post(home + "/sdapi/v1/txt2img", {**large, "hr_resize_y": 0}, None)
    check("or to a width", status == 200 and size(answer["images"][0]) == (128, 128), answer)
    inpaint = {**common, "n_iter": 1, "denoising_strength": 0.8, "mask_blur": 0, "inpainting_mask_invert": 0, "inpainting_fill": 1,
               "inpaint_full_res": True, "inpaint_full_res_padding": 32, "init_images": [PICTURE], "mask": MASK}
    status, _, answer = b.post(home + "/sdapi/v1/img2img", inpaint, None)
    check("what it has masked is painted", status == 200 and "mask" not in answer["parameters"] and size(answer["images"][0]) == (SIDE, SIDE), answer)
    status, _, answer = b.post(home + "/sdapi/v1/extra-single-image", {"resize_mode": 0, "upscaling_resize": 2, "upscaling_resize_w": 512,
                               "upscaling_resize_h": 512, "upscaling_crop": True, "upscaler_1": "Lanczos", "image": PICTURE, "override_settings": {}}, None)
    check("its enlarging", status == 200 and size(answer["image"]) == (2 * SIDE, 2 * SIDE), answer)
    status, _, answer = b.post(home + "/sdapi/v1/interrogate", {"image": PICTURE, "model": "clip"}, None)
    check("its question what a picture shows is told that nobody looks", status == 404 and "looks" in answer["detail"], answer)
    made = b.post(home + "/sdapi/v1/txt2img", {**common, "n_iter": 1}, None)[2]["images"][0]
    check("but of our own", b.post(home + "/sdapi/v1/interrogate", {"image": made}, None)[2] == {"caption": "a red fox"})
    test_cancel(b, home, common)


def test_cancel(b, home, common):
    answers = {}
    thread = threading.Thread(target=lambda: answers.update(long=b.post(home + "/sdapi/v1/txt2img", {**common, "width": 128, "height": 128, "steps": 500, "n_iter": 32}, None)))
    thread.start()
    check("its progress", eventually(lambda: b.get(home + "/sdapi/v1/progress", None)[2]["progress"] > 0))
    check("with a preview", eventually(lambda: b.get(home + "/sdapi/v1/progress", None)[2]["current_image"]))
    check("its Cancel", b.post(home + "/sdapi/v1/interrupt", {}, None)[:3:2] == (200, {}))
    thread.join(bridge_client.DEADLINE)
    check("ends it, with info", answers["long"][0] == 200 and "all_seeds" in json.loads(answers["long"][2]["info"]), answers)
    check("and nothing is at work", eventually(lambda: not at_work()))


def test_gimp(b, token):
    home = f"/token/{token}"
    # Stable Boy: texts and fractions for whole numbers, data: URLs, and what is to be painted is black on white.
    boy = {"prompt": "a red fox", "negative_prompt": "", "steps": 3.0, "sampler_index": "Euler a", "batch_size": 1, "cfg_scale": 7.5, "seed": "-1",
           "restore_faces": False, "width": SIDE, "height": SIDE}
    check("Stable Boy's text to image", size(b.post(home + "/sdapi/v1/txt2img", boy, None)[2]["images"][0]) == (SIDE, SIDE))
    picture = {**boy, "denoising_strength": 0.5, "init_images": ["data:image/png;base64," + PICTURE]}
    check("its image to image", b.post(home + "/sdapi/v1/img2img", picture, None)[0] == 200)
    paint = {**picture, "inpainting_mask_invert": 1, "inpainting_fill": 1, "mask_blur": 4.0, "inpaint_full_res": 1, "inpaint_full_res_padding": 0,
             "mask": "data:image/png;base64," + MASK}
    check("its inpainting", b.post(home + "/sdapi/v1/img2img", paint, None)[0] == 200)
    enlarge = {"upscaling_resize": 2, "upscaler_1": "None", "upscaler_2": "None", "extras_upscaler_2_visibility": 0.0,
               "image": "data:image/png;base64," + PICTURE}
    check("its upscaler None", b.post(home + "/sdapi/v1/extra-single-image", enlarge, None)[2]["image"] == PICTURE)
    answer = b.post(home + "/sdapi/v1/extra-single-image", {**enlarge, "upscaler_1": "Lanczos"}, None)[2]
    check("and Lanczos", size(answer["image"]) == (2 * SIDE, 2 * SIDE), answer)
    for upscaler in ("LDSR", "ESRGAN_4x"):
        got = b.post(home + "/sdapi/v1/extra-single-image", {**enlarge, "upscaler_1": upscaler}, None)
        check(f"and {upscaler} is not there", got[0] == 422 and upscaler in got[2]["detail"], got)

    # Stable Gimpfusion: empty queries, and a type where there is no body.
    ours = {"headers": {"Content-Type": "application/json", "Accept": "application/json"}}
    check("Stable Gimpfusion's options", b.get(home + "/sdapi/v1/options?", None, **ours)[2]["sd_model_checkpoint"] == "default")
    check("its models", [m["title"] for m in b.get(home + "/sdapi/v1/sd-models?", None, **ours)[2]] == ["default"])
    check("its choice", b.post(home + "/sdapi/v1/options?", {"sd_model_checkpoint": "default"}, None, **ours)[:3:2] == (200, None))
    fusion = {"mask": MASK, "inpaint_full_res": True, "inpaint_full_res_padding": 10, "inpainting_mask_invert": 0, "resize_mode": 1,
              "init_images": [PICTURE], "prompt": "a red fox", "negative_prompt": "", "denoising_strength": 0.8, "steps": 3, "cfg_scale": 7.5,
              "width": 64.0, "height": 64.0, "sampler_index": "DPM++ 2M Karras", "batch_size": 1, "seed": -1}
    check("its inpainting", b.post(home + "/sdapi/v1/img2img?", fusion, None, **ours)[0] == 200)
    control = {"controlnet": {"args": [{"input_image": PICTURE, "module": "canny", "model": "none"}]}}
    got = b.post(home + "/sdapi/v1/img2img?", {**fusion, "alwayson_scripts": control}, None, **ours)
    check("but no ControlNet", got[0] == 422 and "controlnet" in got[2]["detail"], got)


def test_masks(b, token):
    """What is painted, by all that a mask may be and by whether it is meant the other way round."""
    left, right = halves(PICTURE)
    asked = {"prompt": "a red fox", "steps": 3, "seed": 7, "denoising_strength": 0.8, "init_images": [PICTURE], "mask_blur": 0, "width": SIDE, "height": SIDE}
    for name, mask in (("a bright mask", MASK), ("an opaque mask", MASK_OF_ALPHA)):
        for invert in (0, 1, False, True, "1", None):
            answer = b.post("/sdapi/v1/img2img", {**asked, "mask": mask, "inpainting_mask_invert": invert}, token)[2]
            made = halves(answer["images"][0]) if "images" in answer else ([], [])
            is_inverted = invert in (1, True, "1")
            check(f"{name}, inpainting_mask_invert {invert!r}", (made[0] == left, made[1] == right) == (is_inverted, not is_inverted), answer.get("detail", ""))
    soft = [halves(b.post("/sdapi/v1/img2img", {**asked, "mask": MASK, **blur}, token)[2]["images"][0])[1] for blur in (
        {"mask_blur": 4}, {"mask_blur": None}, {"mask_blur": None, "mask_blur_x": 4, "mask_blur_y": 4}, {"mask_blur": 1})]
    check("a blur softens the edge", all(s != right for s in soft))
    check("of 4 pixels if none is said", soft[0] == soft[1] == soft[2] and soft[0] != soft[3])


def test_fields(b, token):
    asked = {"prompt": "a red fox", "steps": 2, "width": SIDE, "height": SIDE, "seed": 7}
    first = b.post("/sdapi/v1/txt2img", asked, token)[2]["images"]
    nothing = {name: None for name in (
        "negative_prompt", "styles", "subseed", "subseed_strength", "sampler_name", "scheduler", "batch_size", "n_iter", "cfg_scale", "eta", "tiling",
        "restore_faces", "override_settings", "enable_hr", "hr_scale", "alwayson_scripts", "script_name", "send_images", "clip_skip", "infotext")}
    check("nulls are not there", b.post("/sdapi/v1/txt2img", {**asked, **nothing}, token)[2]["images"] == first)
    passed = {"styles": ["none of ours"], "restore_faces": True, "save_images": True, "do_not_save_grid": True, "override_settings_restore_afterwards": False,
              "force_task_id": "x", "s_churn": 0, "alwayson_scripts": {"Seed": {"args": []}}, "script_name": "None", "script_args": [], "clip_skip": 1,
              "refiner_checkpoint": "", "refiner_switch_at": 0.8, "hr_upscaler": "ESRGAN_4x", "hr_resize_x": 0, "hr_resize_y": 0,
              "override_settings": {"sd_model_checkpoint": "default [0123456789]", "CLIP_stop_at_last_layers": 1, "sd_vae": "None"}}
    check("what changes nothing is passed over", b.post("/sdapi/v1/txt2img", {**asked, **passed}, token)[2]["images"] == first)
    loose = {"steps": "2", "width": 64.0, "height": "64", "seed": "7", "batch_size": 1.0, "enable_hr": False, "tiling": 0}
    check("numbers may be texts", b.post("/sdapi/v1/txt2img", {**asked, **loose}, token)[2]["images"] == first)
    check("clip_skip counts", b.post("/sdapi/v1/txt2img", {**asked, "clip_skip": 2}, token)[2]["images"] != first)
    check("tiling, too", b.post("/sdapi/v1/txt2img", {**asked, "tiling": True}, token)[2]["images"] != first)
    hires = {"enable_hr": True, "hr_scale": 2}
    for change, words in ((({"script_name": "x/y plot"}), "Script 'x/y plot' not found"), ({"alwayson_scripts": {"adetailer": {"args": [{}]}}}, "adetailer not found"),
                          ({"infotext": "a fox"}, "infotext"), ({"refiner_checkpoint": "other"}, "refiner_checkpoint"), ({"steps": "many"}, "steps"),
                          ({"steps": "2.5"}, "steps"), ({"width": "1e9"}, "width"), ({"override_settings": {"sd_model_checkpoint": "x" * 200}}, "too long"),
                          ({**hires, "hr_resize_x": 9999}, "hr_resize"), ({**hires, "hr_resize_x": 8}, "hr_resize"), ({**hires, "hr_prompt": "a cat"}, "hr_prompt"),
                          ({**hires, "hr_sampler_name": "LMS"}, "hr_sampler_name"), ({**hires, "hr_scale": 9}, "hr_scale"), ({**hires, "hr_resize_x": 1e308}, "hr_resize")):
        got = b.post("/sdapi/v1/txt2img", {**asked, **change}, token)
        check(f"{str(change)[:50]} is refused", got[0] == 422 and words in got[2]["detail"], got)
    same = {**hires, "hr_prompt": "a red fox", "hr_sampler_name": "Use same sampler", "hr_checkpoint_name": "Use same checkpoint"}
    check("what is the same in both passes is not", b.post("/sdapi/v1/txt2img", {**asked, **same}, token)[0] == 200)
    for change, status, words in (({"image": ""}, 404, "Image not found"), ({"image": "*"}, 422, "base64"), ({"upscaling_resize": 9}, 422, "upscaling_resize"),
                                  ({"resize_mode": 1}, 422, "upscaling_resize_w"), ({"upscaler_2": "Lanczos", "extras_upscaler_2_visibility": 0.5}, 422, "upscaler_2"),
                                  ({"resize_mode": 1, "upscaling_resize_w": 96, "upscaling_resize_h": "80"}, 200, None)):
        got = b.post("/sdapi/v1/extra-single-image", {"image": PICTURE, "upscaler_1": "Lanczos", **change}, token)
        check(f"extra-single-image, {str(change)[:40]} is {status}", got[0] == status and (words in got[2]["detail"] if words else size(got[2]["image"]) == (96, 80)), got)
    b.post("/sdapi/v1/options", {"sd_model_checkpoint": "provider/other"}, token)
    got = b.post("/sdapi/v1/extra-single-image", {"image": PICTURE, "upscaler_1": "Lanczos"}, token)
    check("a picture becomes larger here, also where others draw", got[0] == 200, got)
    b.post("/sdapi/v1/options", {"sd_model_checkpoint": ""}, token)
    for image, status in (("*", 422), ("AAAA", 404), (None, 422), (5, 422)):
        check(f"interrogate {image!r} is {status}", b.post("/sdapi/v1/interrogate", {"image": image}, token)[0] == status)
    check("internal/ping", b.get("/internal/ping", token)[:3:2] == (200, {}))


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError: # a process that has gone
        return b""


def start_monitor():
    """All that goes over the bus, byte for byte."""
    monitor = subprocess.Popen(["dbus-monitor", "--session", "--binary"], stdout=open("bus", "wb"))
    assert eventually(lambda: read("bus"))
    return monitor


def test_secrets(monitor, token):
    """Where the token must not be: it stands in addresses and headers of requests alone."""
    lines = b"\0".join(read(path) for path in glob.glob("/proc/[0-9]*/cmdline"))
    check("the bridge is among the processes", b"imagined-http" in lines)
    check("no command line has the token", token.encode() not in lines)
    subprocess.run(["dbus-send", "--session", "--type=signal", "/end", "org.imagined.Test.TheEndOfTheCapture"], check=True)
    check("the capture of the bus is whole", eventually(lambda: b"TheEndOfTheCapture" in read("bus")))
    monitor.terminate()
    check("it has the jobs, and not the token", b"Generate" in read("bus") and token.encode() not in read("bus"))
    kept = b"".join(read(p) for p in glob.glob("state/**", recursive=True))
    check("nor has the state", b"app" in kept and token.encode() not in kept)


os.chdir(os.environ["IMAGINED_ROOT"])
os.environ["XDG_STATE_HOME"] = os.path.join(os.getcwd(), "state")
monitor = start_monitor()
bridge = Bridge()
app = make_token("app")
test_open_webui(bridge, app)
test_address(bridge, app)
test_krita(bridge, app)
test_gimp(bridge, app)
test_masks(bridge, app)
test_fields(bridge, app)
test_secrets(monitor, app)
check("it is still there", bridge.process.poll() is None)
bridge.process.terminate()
check("and ends when told to", bridge.process.wait(bridge_client.DEADLINE) == 0)
said = read("errors").decode() + read("log").decode()
check("logs have no prompt and no token", "Loading the model" in said and "fox" not in said and app not in said, said)
check("and nothing that a sanitizer says", "Sanitizer" not in said and "runtime error" not in said, said)
sys.exit(bridge_client.failed)
