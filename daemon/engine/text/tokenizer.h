/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CLIP's byte-level BPE from vocab.json and merges.txt: control characters dropped, CJK ideographs set
 * apart, NFC, lower case, split by CLIP's pattern, merged by rank, words ended by `</w>`; as transformers'
 * slow CLIPTokenizer does it without ftfy. */

#include <stdint.h>

#include "engine/model/config.h"

typedef struct Tokenizer Tokenizer;

int tokenizer_new(Tokenizer **ret, const char *dir, const TokenizerConfig *config, Error *error);
Tokenizer *tokenizer_free(Tokenizer *tokenizer);
DEFINE_CLEANUP(Tokenizer *, tokenizer_free)

uint32_t tokenizer_vocab_size(const Tokenizer *tokenizer);
uint32_t tokenizer_max_length(const Tokenizer *tokenizer);

/* Writes exactly max_length ids: start mark, tokens, end mark, padding. *ret_used counts the ids before the
 * padding, both marks included; *ret_truncated the tokens of the text that did not fit. -EINVAL if the text
 * is not valid UTF-8. */
int tokenizer_encode(const Tokenizer *tokenizer, const char *text, uint32_t *ret_ids, uint32_t *ret_used,
                     uint32_t *ret_truncated, Error *error);
