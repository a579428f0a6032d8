/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a picture was made, as it stands in the picture's file: the text that web UIs call parameters,
 *
 *     a red fox
 *     Negative prompt: text
 *     Steps: 30, Sampler: Euler, CFG scale: 7.5, Seed: 42, Size: 128x128, …
 *
 * What other programs have written in forms of their own (metadata/formats.h) is put into this one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Settings { /* settings_done() */
        const char *program; /* that wrote it */
        char *text; /* all of it, valid UTF-8 */
        char *prompt, *negative; /* "" without one */
        char *values; /* the last line */
} Settings;

/* From the bytes of a picture's file. 1; 0 if it says nothing of it, then *ret stays as it is; -ENOMEM. */
int settings_find(const void *data, size_t size, Settings *ret);

void settings_done(Settings *settings);

/* The next name and value of the last line, without the quotes of one that has commas:
 *
 *     for (const char *at = settings.values; settings_next(&at, &name, &value) > 0;) …
 *
 * 1 with both malloc'ed; 0 at the end; -ENOMEM. */
int settings_next(const char **at, char **ret_name, char **ret_value);

/* The value of that name in the last line, "42" of "Seed"; cut to the buffer. Whether there is one. */
bool settings_value(const Settings *settings, const char *name, char *buffer, size_t size);
