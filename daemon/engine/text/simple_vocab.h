/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CLIP's vocabulary as OpenAI published it (simple_tokenizer.py): bpe_simple_vocab_16e6.txt.gz holds merges, of which the
 * first 48,894 are used; the entries are 256 bytes, the same at the end of a word, one for each merge, and two marks. */

#include <jansson.h>

#include "base/error.h"

#define SIMPLE_VOCAB_FILE "bpe_simple_vocab_16e6.txt.gz"

/* *ret_vocab: {ENTRY: ID}, to be released by json_decref(); *ret_merges: the text of a merges.txt, malloc'ed. -EBADMSG: not
 * such a file; -ENOMEM. */
int simple_vocab_read(json_t **ret_vocab, char **ret_merges, size_t *ret_size, const char *path, Error *error);
