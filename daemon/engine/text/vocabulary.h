/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The vocabulary for a single-file checkpoint, which brings none. */

#include "base/model-path.h"
#include "engine/text/tokenizer.h"

/* The first that has vocab_size entries: vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz, in the folder of the
 * file or in one of those of MODEL_PATH_VARIABLE, or the tokenizer of a Diffusers model there. -ENOENT with a sentence that
 * says what to do: there is none. */
int vocabulary_find(Tokenizer **ret, const char *model_file, const TokenizerConfig *config, uint32_t vocab_size,
                    Error *error);
