/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of a model: every regular file in its folder and three floors of folders below, behind symbolic links too,
 * whose name does not begin with a dot; sorted by path, byte by byte. A model that is one file has that one, and what lies
 * beside it for it (NAME.json, NAME.vae.safetensors); their paths are names then.
 *
 *     _cleanup_(tree_done) Tree tree = {};
 *     r = tree_read(&tree, path);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define TREE_FILES_MAX 1000
#define TREE_DEPTH_MAX 4

typedef struct TreeFile {
        char *path; /* below the folder: "unet/config.json" */
        uint64_t device, inode, size; /* bytes */
        int64_t modified, changed; /* mtime and ctime, ns since 1970 */
} TreeFile;

typedef struct Tree {
        TreeFile *files;
        size_t n;
        uint64_t size; /* of all files, bytes */
        int64_t changed; /* the latest ctime */
        bool is_file; /* the model is one file, the paths are names in its folder */
} Tree;

/* -E2BIG: more files than TREE_FILES_MAX; -EACCES and the like when a part of it cannot be read. Reads no contents. */
int tree_read(Tree *ret, const char *path);
void tree_done(Tree *tree);

/* A text that is another one when a file was added, removed, renamed, replaced or written to: device, inode, size, times
 * and path of each. Plain ASCII, *ret is malloc'ed; -ENOMEM. */
int tree_identity(const Tree *tree, char **ret);
