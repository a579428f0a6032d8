/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one folder that an assistant's pictures are in. It is held open: what becomes of its name, or of names in it, leads
 * nowhere else. Nothing in it is ever replaced.
 *
 *     _cleanup_(shelf_done) Shelf shelf = { .fd = -1 };
 *     r = shelf_open("/home/user/Pictures/Imagine", &shelf, &error);
 *     r = shelf_put(&shelf, "a-red-fox", 7, &picture, &name, &error);      // "a-red-fox-7.png"
 *     r = shelf_get(&shelf, name, &fd, &error);
 */

#include "base/error.h"
#include "client/picture.h"

typedef struct Shelf {
        int fd;
        char *path; /* absolute */
        char *uri; /* the same, "file:///home/user/Pictures/Imagine/" */
} Shelf;

/* 0 or a negative errno with a sentence. */
int shelf_open(const char *path, Shelf *ret, Error *error);
void shelf_done(Shelf *shelf);

/* Writes a picture with a name of these words (name_from_prompt()) and the seed; *ret_name is to be freed. */
int shelf_put(const Shelf *shelf, const char *words, uint64_t seed, const Picture *picture, char **ret_name, Error *error);

/* Opens a file of the folder, or of one within it, by its name, path or URI: nothing above it, and no link. */
int shelf_get(const Shelf *shelf, const char *name, int *ret_fd, Error *error);

/* The URI of a name that shelf_put() made; to be freed; NULL if memory is short. */
char *shelf_uri(const Shelf *shelf, const char *name);
