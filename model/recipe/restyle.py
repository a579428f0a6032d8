# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sprites in a style that no source draws them in, made from the flat and the glossy ones.

    restyle(image, "outlined")      # RGBA, cropped -> RGBA

outlined: a dark line around the shape and along its inner edges. silhouette: the shape in one dark colour, its
inner edges left open. render: duller, lit from above on the left, as a solid thing in a room is.
"""
import numpy as np
from PIL import Image, ImageFilter

INK = np.array([38, 34, 42], np.float32)
BLACK = np.array([20, 20, 24], np.float32)


def padded(image, by):
    out = Image.new("RGBA", (image.width + 2 * by, image.height + 2 * by), (0, 0, 0, 0))
    out.paste(image, (by, by))
    return out


def blurred(plane, radius):
    """float32 [h, w], 0 to 1."""
    image = Image.fromarray((np.clip(plane, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image).astype(np.float32) / 255


def inner_edges(pixels, width):
    """Where colours change inside of the shape, 0 to 1: [h, w]."""
    opaque = pixels[..., 3] / 255
    planes = [blurred(pixels[..., c] / 255 * opaque + (1 - opaque) * 0.5, width) for c in range(3)]
    steepest = np.zeros(opaque.shape, np.float32)
    for plane in planes:
        down, across = np.gradient(plane)
        steepest = np.maximum(steepest, np.hypot(down, across))
    inside = np.clip((blurred(opaque, width * 2) - 0.93) * 20, 0, 1)  # not the outer edge itself
    return np.clip((steepest * width - 0.06) / 0.06, 0, 1) * inside


def outlined(image):
    line = max(1.2, max(image.size) / 45)
    image = padded(image, round(line) + 1)
    pixels = np.asarray(image).astype(np.float32)
    opaque = pixels[..., 3] / 255
    around = np.clip(blurred(opaque, line * 0.6) * 8 - 0.6, 0, 1)  # the shape, grown by about a line
    shape = np.clip((blurred(opaque, line * 0.6) - 0.8) * 6 + 0.2, 0, 1)
    ink = np.clip(np.maximum(1 - shape, inner_edges(pixels, line * 0.5) * 0.9), 0, 1)[..., None]
    colour = pixels[..., :3] * (1 - ink) + INK * ink
    return whole(colour, around)


def silhouette(image):
    line = max(1.0, max(image.size) / 50)
    pixels = np.asarray(padded(image, 1)).astype(np.float32)
    opened = inner_edges(pixels, line * 0.7)
    alpha = pixels[..., 3] / 255 * (1 - opened)
    return whole(np.broadcast_to(BLACK, (*alpha.shape, 3)), alpha)


def render(image):
    pixels = np.asarray(padded(image, 1)).astype(np.float32)
    opaque = pixels[..., 3] / 255
    size = max(image.size)
    height = sum(blurred(opaque, size / part) for part in (10, 20, 40)) / 3  # a cushion over the shape
    down, across = np.gradient(height)
    light = np.clip(0.86 + (across + down) * size * 0.10, 0.35, 1.25) * (0.55 + 0.45 * np.clip(height * 1.4 - 0.3, 0, 1))
    grey = pixels[..., :3] @ np.array([0.3, 0.59, 0.11], np.float32)
    colour = grey[..., None] * 0.5 + pixels[..., :3] * 0.5
    return whole(colour * light[..., None], opaque)


def whole(colour, alpha):
    out = np.concatenate([np.clip(colour, 0, 255), np.clip(alpha, 0, 1)[..., None] * 255], -1).astype(np.uint8)
    image = Image.fromarray(out, "RGBA")
    return image.crop(image.getbbox() or (0, 0, *image.size))


def clip_art(image):
    """A few bands of strong colour, as tracing a picture gives them, a thin line around and a hard shadow."""
    line, away = max(1.0, max(image.size) / 80), max(2, round(max(image.size) / 28))
    image = padded(image, away + 2)
    smooth = np.asarray(image.convert("RGBa").filter(ImageFilter.GaussianBlur(max(image.size) / 90)).convert("RGBA"))
    pixels = smooth.astype(np.float32)
    grey = pixels[..., :3].mean(-1, keepdims=True)
    strong = np.clip(grey + (pixels[..., :3] - grey) * 1.5, 0, 255)
    bands = np.clip(np.round(strong / 255 * 3.4 + 0.2) / 3.4 * 255, 0, 255)
    opaque = np.asarray(image)[..., 3].astype(np.float32) / 255
    shape = np.clip((blurred(opaque, line) - 0.5) * 5 + 0.1, 0, 1)
    ink = (1 - shape)[..., None]
    colour = bands * (1 - ink) + INK * ink
    around = np.clip(blurred(opaque, line * 0.6) * 6 - 0.6, 0, 1)
    shade = np.roll(np.roll(around, away, 0), away, 1) * 0.45 * (1 - around)
    return whole(colour * (around > shade)[..., None] + INK * (around <= shade)[..., None], np.maximum(around, shade))


RESTYLES = {"outlined": outlined, "render": render, "silhouette": silhouette, "clip art": clip_art}
FROM_GLOSSY = {"render", "clip art"}  # the others are made from the flat sprite where that shows the same
