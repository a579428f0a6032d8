/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Byte pair encoding (Sennrich et al. 2016) on bytes (Radford et al. 2019): a word is its bytes, the last of
 * them marked as the word's end; neighbours are merged in the order of merges.txt until no pair is in it. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct Bpe Bpe;

/* Finds the id of a vocabulary entry: >= 0, or -1. */
typedef int64_t (*VocabLookup)(const void *vocab, const char *token);

/* merges: the text of merges.txt, whose first line is a header; name: for error messages. unknown: the id
 * for bytes that the vocabulary lacks. -EBADMSG: a line is not a pair, or something in it is not in the
 * vocabulary. */
int bpe_new(Bpe **ret, const char *merges, size_t size, const char *name, VocabLookup lookup,
            const void *vocab, uint32_t unknown, Error *error);
Bpe *bpe_free(Bpe *bpe);
DEFINE_CLEANUP(Bpe *, bpe_free)

/* Writes up to `size` ids for a word of that many bytes; returns how many, or -ENOMEM. Takes O(n log n) for
 * any word. */
int64_t bpe_encode(const Bpe *bpe, const char *word, size_t size, uint32_t *ret_ids);
