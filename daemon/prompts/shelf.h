/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of the prompt generator: DIRECTORY/vocabulary.conf, and DIRECTORY/templates, profiles and purposes with a
 * NAME.conf for each. The first directory that has a preset of some name wins; vocabularies add up.
 *
 *     shelf_open(&shelf, directories, &faults);      only bytes are read
 *     shelf_vocabulary(&shelf, &vocabulary, &faults);
 *     shelf_find(&shelf, PRESET_PROFILE, "acme", &preset, &faults); */

#include "prompts/preset.h"
#include "prompts/vocabulary.h"

typedef struct ShelfFile {
        PresetKind kind; /* PRESET_MAX: a vocabulary */
        char name[PRESET_NAME_MAX + 1];
        char *path, *text; /* text NULL: it cannot be read, which was told */
} ShelfFile;

typedef struct Shelf {
        ShelfFile *files; /* by kind and name */
        size_t n;
} Shelf;

/* Directories and files that are not there are passed over. 0, or -ENOMEM. */
int shelf_open(Shelf *ret, char *const *directories, Faults *faults);
void shelf_done(Shelf *shelf);

int shelf_vocabulary(const Shelf *shelf, Vocabulary *ret, Faults *faults);

/* 0; -ENOENT: there is none of that name; -ENOMEM. What is wrong with it was told. */
int shelf_find(const Shelf *shelf, PresetKind kind, const char *name, Preset *ret, Faults *faults);
