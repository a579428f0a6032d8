# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which protocol a path belongs to. Each module has play(peer, case, path, headers, body): whether it knows the case."""
from fake import comfyui, files, midjourney, openai_images, runway, stability, webui


def find(path):
    for module in files, openai_images, webui, stability, runway, midjourney, comfyui:
        if module.is_mine(path):
            return module
    return None
