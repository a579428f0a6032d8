/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is to be said about a prompt: { "kind": …, "word": …, "near": …, "text": a sentence }. Programs go by the kind. */

#include <jansson.h>

#include "base/cleanup.h"

/* word and near may be NULL. What has no memory is left out. */
void notes_add(json_t *notes, const char *kind, const char *word, const char *near, const char *format, ...) _printf_(5, 6);
