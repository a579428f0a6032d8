/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CLIP's byte-level BPE from vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz where these are not there: control characters dropped, CJK ideographs set
 * apart, NFC, lower case, split by CLIP's pattern, merged by rank, words ended by `</w>`; as transformers'
 * slow CLIPTokenizer does it without ftfy. */

#include <stdint.h>

#include "engine/model/config.h"

typedef struct Tokenizer Tokenizer;

int tokenizer_new(Tokenizer **ret, const char *dir, const TokenizerConfig *config, Error *error);
Tokenizer *tokenizer_free(Tokenizer *tokenizer);
DEFINE_CLEANUP(Tokenizer *, tokenizer_free)

/* SHA-256 of what sha256sum says of its files (merges.txt and vocab.json, or bpe_simple_vocab_16e6.txt.gz), hexadecimal. */
const char *tokenizer_digest(const Tokenizer *tokenizer);

uint32_t tokenizer_vocab_size(const Tokenizer *tokenizer);
/* The id that fills up the rows of text encoder i. */
uint32_t tokenizer_fill(const Tokenizer *tokenizer, uint32_t i);

uint32_t tokenizer_max_length(const Tokenizer *tokenizer);

/* The ids that stand for something else than text. comma: the token of a comma that ends a word, UINT32_MAX if the
 * vocabulary has none. */
typedef struct TokenizerMarks {
        uint32_t start, end, padding, comma;
} TokenizerMarks;

TokenizerMarks tokenizer_marks(const Tokenizer *tokenizer);

/* The tokens of a text of any length, without marks. *ret_ids is malloc'ed. -EINVAL if the text is not valid
 * UTF-8, -ENOMEM. */
int tokenizer_tokens(const Tokenizer *tokenizer, const char *text, uint32_t **ret_ids, size_t *ret_n, Error *error);
