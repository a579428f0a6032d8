/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A model's file as bytes: a regular file of at most so many bytes, mapped read-only.
 *
 *     _cleanup_(mapped_file_done) MappedFile file = {};
 *     r = mapped_file_open(&file, path, 1 << 20, error);
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

typedef struct MappedFile {
        const uint8_t *data; /* never NULL once it was opened */
        size_t size;
} MappedFile;

/* A descriptor to read from. -ENOENT: no such file; -EBADMSG: not a regular file; else what open() says. Never blocks, whatever
 * lies at the path. */
int regular_file_open(const char *path, struct stat *ret, Error *error);

/* -ENOENT: no such file; -EBADMSG: not a regular file, or larger than max_size; else what open() or mmap()
 * says. Never blocks, whatever lies at the path. */
int mapped_file_open(MappedFile *ret, const char *path, uint64_t max_size, Error *error);
void mapped_file_done(MappedFile *file);

/* *ret = "DIR/NAME", malloc'ed; -ENOMEM. */
int path_join(char **ret, const char *dir, const char *name, Error *error);
