/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs that take files: one job a file, one after another.
 *
 *     static ExitCode prepare(Client *c, const char *path, void *userdata)
 *     {
 *             …                        // sets c->options up for this file
 *             return CODE_OK;
 *     }
 *     return batch_run(c, &(Batch) { .prepare = prepare, .word = "varied" });
 *
 * Pictures go beside the file, unless --output names a directory: "fox.png" gives "fox-varied-SEED.png", and nothing is
 * ever overwritten. Cancelling ends all; a file that cannot be worked on is told of, and the next one comes. */

#include "client/client.h"

typedef struct Batch {
        /* Fills in the options for one file; what it allocates goes into the batch's userdata. CODE_OK, or what was
         * reported. */
        ExitCode (*prepare)(Client *client, const char *path, void *userdata);
        void *userdata;
        const char *word; /* what is added to the file's name, or NULL */
} Batch;

/* CODE_OK, the code with which it was cancelled or the service was lost, or that of the last file that failed. */
ExitCode batch_run(Client *client, const Batch *batch);

/* The path that a word of the command line means: itself, or that of a file: URI, as file managers give them. To be freed. */
char *batch_path(const char *word);

/* Whether it can be read; if not, says so, and what to do if the word was no file but part of a prompt. */
ExitCode batch_check_file(Client *client, const char *path);

/* The bytes of a file, in a sealed memfd and mapped: batch_file_done(). CODE_OK, or what was reported. */
typedef struct BatchFile {
        void *data;
        size_t size;
        int fd;
} BatchFile;

ExitCode batch_file_read(Client *client, const char *path, BatchFile *ret);
void batch_file_done(BatchFile *file);
