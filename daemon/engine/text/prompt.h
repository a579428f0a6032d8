/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The syntax of prompts, as AUTOMATIC1111's web UI reads it (modules/prompt_parser.py, parse_prompt_attention):
 *
 *     (words)        1.1 times the attention; (words:1.3) 1.3 times; they nest and multiply
 *     [words]        1/1.1 of it
 *     \( \) \[ \] \\ the characters themselves
 *     BREAK          what follows begins a chunk of its own (chunks.h)
 *     <lora:NAME:W>  not drawn but applied: an adapter and its weight, 1 if it is left out
 *
 * A bracket that is never closed reaches to the end, one that was never opened is a character like any other; so is
 * what stands after a colon and is no number. Unlike there, BREAK also breaks inside brackets. */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/request.h"

#define PROMPT_LORAS_MAX 16
#define PROMPT_LORA_NAME_MAX REQUEST_LORA_NAME_MAX
#define PROMPT_WEIGHT_MAX REQUEST_WEIGHT_MAX

/* Text of one weight, or a break. */
typedef struct PromptPart {
        char *text; /* NULL: a break */
        double weight;
} PromptPart;

typedef struct PromptLora {
        char name[PROMPT_LORA_NAME_MAX + 1]; /* not empty; any characters but '<', '>', ':', '/' */
        double weight;
} PromptLora;

typedef struct Prompt { /* prompt_done() */
        PromptPart *parts; /* at least one; neighbours have different weights */
        size_t n_parts;
        PromptLora loras[PROMPT_LORAS_MAX]; /* in their order; a name may come twice */
        size_t n_loras;
} Prompt;

/* text: valid UTF-8. -EINVAL with a sentence: a weight beyond all measure, an adapter without a name or with a weight
 * that is no number, too many of them; -ENOMEM. field names the text in the sentence: "prompt". */
int prompt_parse(Prompt *ret, const char *field, const char *text, Error *error);
void prompt_done(Prompt *prompt);
