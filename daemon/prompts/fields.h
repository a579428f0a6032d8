/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a full prompt is made of: one text for each thing that can be said of a picture. */

#include <stddef.h>

#include "base/error.h"

#define FIELD_BYTES_MAX 2048 /* of one field */

/* id, name. In the order in which a prompt says them; the negative prompt stands apart. */
#define PROMPT_FIELDS(X)           \
        X(SUBJECT, "subject")         \
        X(SETTING, "setting")         \
        X(COMPOSITION, "composition") \
        X(CAMERA, "camera")           \
        X(STYLE, "style")             \
        X(PALETTE, "palette")         \
        X(LIGHTING, "lighting")       \
        X(TEXTURE, "texture")         \
        X(MOOD, "mood")               \
        X(CONSTRAINTS, "constraints") \
        X(NEGATIVE, "negative")

typedef enum PromptField {
#define X(id, name) FIELD_##id,
        PROMPT_FIELDS(X)
#undef X
        FIELD_MAX,
} PromptField;

const char *field_to_string(PromptField field);
int field_from_string(const char *name); /* or -EINVAL */

typedef struct Fields {
        char *text[FIELD_MAX]; /* NULL: nothing */
} Fields;

/* A copy of the text takes the place of what is there; "" empties the field. -EFBIG with a sentence: it is too long. */
int fields_set(Fields *fields, PromptField field, const char *text, Error *error);

/* Puts it behind what is there. */
int fields_add(Fields *fields, PromptField field, const char *separator, const char *text, Error *error);

void fields_done(Fields *fields);

/* The prompt that says all of it, for any generator; to be freed. NULL: memory is short. */
char *fields_to_prompt(const Fields *fields);
