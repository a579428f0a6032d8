/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What people share as files: templates (fields with placeholders), brand profiles, purposes. All three say some of a
 * prompt's fields; each has a few keys of its own. */

#include <stdint.h>

#include "prompts/fields.h"
#include "prompts/settings.h"

#define PRESET_NAME_MAX 63 /* bytes of [A-Za-z0-9._-]+, no dot in front: the file's name without .conf */
#define PLACEHOLDERS_MAX 16

/* id, name of one, folder of all. */
#define PRESET_KINDS(X)                     \
        X(TEMPLATE, "template", "templates") \
        X(PROFILE, "profile", "profiles")    \
        X(PURPOSE, "purpose", "purposes")

typedef enum PresetKind {
#define X(id, name, folder) PRESET_##id,
        PRESET_KINDS(X)
#undef X
        PRESET_MAX,
} PresetKind;

const char *preset_kind_name(PresetKind kind);
const char *preset_kind_folder(PresetKind kind);

/* What a template leaves open: "{rooms}". */
typedef struct Placeholder {
        char *name;
        char *fallback; /* NULL: it has to be given */
        char *help; /* NULL: none */
} Placeholder;

/* Which seed pictures of a profile get where none is asked for. */
typedef enum SeedPolicy {
        SEED_RANDOM,
        SEED_OF_IDEA, /* the same idea gets the same picture */
        SEED_FIXED,
} SeedPolicy;

typedef struct Preset {
        PresetKind kind;
        char name[PRESET_NAME_MAX + 1];
        char *path;
        char *title;
        Fields fields;
        unsigned left_out; /* bits of fields that are "": nothing is to be said there */
        Placeholder placeholders[PLACEHOLDERS_MAX]; /* of a template */
        size_t n_placeholders;
        SeedPolicy seed_policy; /* of a profile */
        uint64_t seed; /* with SEED_FIXED */
        char *aspect; /* of a purpose: "16:9", or NULL */
} Preset;

bool preset_name_is_valid(const char *name);

/* Reads a file's text over an empty preset with a path; what is wrong with it is told. 0, or -ENOMEM. */
int preset_read(Preset *preset, const char *text, Faults *faults);

void preset_done(Preset *preset);

/* The names of placeholders in a text: calls use for each "{name}", which returns false for one that is not known; then
 * *ret_bad is its place. Text between braces that is no name counts as unknown. */
bool preset_each_placeholder(
                const char *text, bool (*use)(const char *name, size_t size, void *userdata), void *userdata, const char **ret_bad);
