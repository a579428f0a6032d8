/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the pictures of a job go: decided, and checked as far as it can be, before the work begins.
 *
 *     _cleanup_(output_done) Output output;
 *     r = output_prepare(&output, options->output, options->force, "a-red-fox", 2, &error);
 *     …
 *     r = output_write(&output, 0, seed, picture, &path, &error);     // "./a-red-fox-7.png"
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "client/picture.h"

typedef enum OutputKind {
        OUTPUT_STDOUT, /* -o - */
        OUTPUT_FILE, /* -o FILE; FILE-1.png and so on for several */
        OUTPUT_DIRECTORY, /* no -o, or a directory: names from the words and the seed */
        OUTPUT_DEVICE, /* -o of what is neither a file nor a directory: written to as it is */
} OutputKind;

typedef struct Output {
        OutputKind kind;
        char *path; /* the file or the directory */
        char *words; /* what names in a directory begin with */
        bool force;
        uint32_t count;
} Output;

/* option is what -o had, or NULL; words, what a name made by us begins with. 0, -EEXIST if a file is there
 * and force is not, or another negative errno with a sentence. */
int output_prepare(
        Output *ret, const char *option, bool force, const char *words, uint32_t count, Error *error);

/* Writes picture number index (from 0). *ret_path is the name to print, to be freed; NULL for stdout. A file
 * that has come into being since output_prepare() is not replaced: then the name gets a number. */
int output_write(
        const Output *output, uint32_t index, uint64_t seed, const Picture *picture, char **ret_path, Error *error);

void output_done(Output *output);
