/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A prompt of any length as chunks of what the text encoder takes at once, as AUTOMATIC1111's web UI cuts it
 * (modules/sd_hijack_clip.py, tokenize_line): the marks around up to max_length - 2 tokens (75 of CLIP's 77), a chunk
 * that ends in the middle of a phrase back to the last comma if that is at most 20 tokens of 75 away, BREAK to the next
 * chunk. The encoder reads each chunk by itself; the denoiser attends to all of them side by side. */

#include "engine/text/prompt.h"
#include "engine/text/tokenizer.h"

typedef struct Chunks { /* chunks_done() */
        uint32_t n; /* at least 1 */
        uint32_t length; /* ids a chunk: the tokenizer's max_length */
        uint32_t *ids; /* [n][length]: start mark, tokens, end mark, padding */
        float *weights; /* [n][length], 1 for marks and padding */
        bool weighted; /* whether any is not 1 */
        uint32_t tokens; /* of the prompt that are in ids, without marks */
        uint32_t truncated; /* of the prompt that did not fit into the last chunk that there may be */
} Chunks;

/* At most `limit` chunks, 1 to REQUEST_CHUNKS_MAX; with a limit of 1, BREAK does nothing. -EINVAL for text that is not valid
 * UTF-8, -ENOMEM. */
int chunks_new(Chunks *ret, const Tokenizer *tokenizer, const Prompt *prompt, uint32_t limit, Error *error);
void chunks_done(Chunks *chunks);

/* Appends chunks of the empty prompt up to n. -ENOMEM. */
int chunks_pad(Chunks *chunks, const Tokenizer *tokenizer, uint32_t n);

/* What weights do to the embeddings of chunk i, [length][width], in place: each token's times its weight, then all of
 * them scaled so that their mean is what it was (modules/sd_emphasis.py, EmphasisOriginal). */
void chunks_weigh(const Chunks *chunks, uint32_t i, float *embeddings, size_t width);
