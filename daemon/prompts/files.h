/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of the prompt generator: DIRECTORY/vocabulary.conf, and DIRECTORY/templates, profiles and purposes with a
 * NAME.conf for each. The first directory that has a preset of some name wins; vocabularies add up.
 *
 *     prompt_files_open(&files, directories, &faults);      only bytes are read
 *     prompt_files_vocabulary(&files, &vocabulary, &faults);
 *     prompt_files_find(&files, PRESET_PROFILE, "acme", &preset, &faults); */

#include "prompts/preset.h"
#include "prompts/vocabulary.h"

typedef struct PromptFile {
        PresetKind kind; /* PRESET_MAX: a vocabulary */
        char name[PRESET_NAME_MAX + 1];
        char *path, *text; /* text NULL: it cannot be read, which was told */
} PromptFile;

typedef struct PromptFiles {
        PromptFile *items; /* by kind and name */
        size_t n;
} PromptFiles;

/* Directories and files that are not there are passed over. 0, or -ENOMEM. */
int prompt_files_open(PromptFiles *ret, char *const *directories, Faults *faults);
void prompt_files_done(PromptFiles *files);

int prompt_files_vocabulary(const PromptFiles *files, Vocabulary *ret, Faults *faults);

/* 0; -ENOENT: there is none of that name; -ENOMEM. What is wrong with it was told. */
int prompt_files_find(const PromptFiles *files, PresetKind kind, const char *name, Preset *ret, Faults *faults);
