#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One small picture in all the formats that are read (needs Debian's python3-pil):  make-pictures.py

24 x 20 pixels: red grows to the right, green downwards, blue stays; alpha, where there is any, is half at the left."""
import os

from PIL import Image

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "pictures")
os.makedirs(OUT, exist_ok=True)
plain = Image.new("RGB", (24, 20))
plain.putdata([(x * 10, y * 12, 128) for y in range(20) for x in range(24)])
clear = plain.copy()
clear.putalpha(Image.frombytes("L", (24, 20), bytes(128 if x < 12 else 255 for y in range(20) for x in range(24))))
plain.save(f"{OUT}/rgb.png")
clear.save(f"{OUT}/rgba.png")
plain.convert("L").save(f"{OUT}/grey.png")
plain.save(f"{OUT}/baseline.jpg", quality=95, subsampling=0)
plain.save(f"{OUT}/progressive.jpg", quality=95, progressive=True, subsampling=0)
plain.convert("L").save(f"{OUT}/grey.jpg", quality=95)
plain.convert("CMYK").save(f"{OUT}/cmyk.jpg")
plain.save(f"{OUT}/lossy.webp", quality=95)
clear.save(f"{OUT}/lossless.webp", lossless=True, exact=True)
plain.save(f"{OUT}/animated.webp", save_all=True, append_images=[clear.convert("RGB").rotate(180)], lossless=True)
