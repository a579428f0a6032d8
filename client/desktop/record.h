/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What 'imagine desktop enable' has put into the home directory, so that 'disable' takes back that and nothing else:
 * $XDG_STATE_HOME/imagined/desktop.json,
 *
 *     { "directories": ["/home/me/.local/share/nemo", …], "pieces": { "nemo": ["/home/me/.local/share/nemo/actions/…"] } }
 *
 * directories: those that were made for it, outermost first. With the last piece the file and its folders go, too. A path
 * that is no UTF-8 stands there as a file: URI. */

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct Record { /* record_done() */
        char *path;
        json_t *root;
} Record;

/* 0, also if there is none yet; -EBADMSG for one that cannot be read, or another negative errno with a sentence. */
int record_load(Record *ret, Error *error);

/* Writes what is now in it, or removes what is left of it. */
int record_save(Record *record, Error *error);
void record_done(Record *record);

bool record_has(const Record *record, const char *piece);
bool record_owns(const Record *record, const char *piece, const char *path);

/* Notes that a piece is there, without a file or with one more. */
int record_add(Record *record, const char *piece, const char *path);
void record_forget(Record *record, const char *piece);

/* The files of a piece: how many, and the path of one, to be freed; NULL: memory is short. */
size_t record_count(const Record *record, const char *piece);
char *record_file(const Record *record, const char *piece, size_t i);

/* Makes the folders above the path that are missing, and notes them. */
int record_make_folders(Record *record, const char *path, Error *error);

/* Notes those that are missing, and makes none: something else is going to. 0 or -ENOMEM. */
int record_note_folders(Record *record, const char *path);

/* Removes the noted folders that are empty. */
void record_remove_folders(Record *record);
