/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a picture was made, as it stands in the picture's file: the text that web UIs call parameters,
 *
 *     a red fox
 *     Negative prompt: text
 *     Steps: 30, Sampler: Euler, CFG scale: 7.5, Seed: 42, Size: 128x128, …
 *
 * in a PNG's text chunk (tEXt or iTXt, uncompressed), or in the Exif comment of a JPEG or WebP. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Settings { /* settings_done() */
        char *text; /* all of it, valid UTF-8 */
        char *prompt, *negative; /* "" without one */
        char *values; /* the last line */
} Settings;

/* From the bytes of a picture's file. 1; 0 if it says nothing of it, then *ret stays as it is; -ENOMEM. */
int settings_find(const void *data, size_t size, Settings *ret);

void settings_done(Settings *settings);

/* The value of that name in the last line, "42" of "Seed"; cut to the buffer. Whether there is one. */
bool settings_value(const Settings *settings, const char *name, char *buffer, size_t size);
