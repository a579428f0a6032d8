/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The vocabulary for a single-file checkpoint, which brings none. */

#include "engine/text/tokenizer.h"

/* The directories of models, beside the one in which the file lies; separated by colons. The service sets it from its
 * configuration. */
#define MODEL_PATH_VARIABLE "IMAGINED_MODEL_PATH"

/* The first that has vocab_size entries: vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz, in the folder of the
 * file or in one of the directories of models, or the tokenizer of a Diffusers model there. -ENOENT with a sentence that
 * says what to do: there is none. */
int vocabulary_find(Tokenizer **ret, const char *model_file, const TokenizerConfig *config, uint32_t vocab_size,
                    Error *error);
