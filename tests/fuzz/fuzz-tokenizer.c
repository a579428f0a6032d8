/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/request.h"
#include "base/utf8.h"
#include "engine/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

/* A prompt: any text either has ids within the vocabulary, or is refused for not being UTF-8. Run in the
 * source tree. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Tokenizer *tokenizer;
        const TokenizerConfig config = { .max_length = 77,
                                         .bos_token = "<|startoftext|>",
                                         .eos_token = "<|endoftext|>",
                                         .pad_token = "<|endoftext|>" };
        char text[REQUEST_PROMPT_MAX + 1] = "";
        uint32_t ids[77], used, truncated;

        if (!tokenizer && tokenizer_new(&tokenizer, "tests/fixtures/tokenizer", &config, NULL) < 0)
                abort();
        memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
        int r = tokenizer_encode(tokenizer, text, ids, &used, &truncated, NULL);
        if ((r >= 0) != utf8_is_valid(text, strlen(text)))
                abort();
        for (int i = 0; r >= 0 && i < 77; i++)
                if (ids[i] >= tokenizer_vocab_size(tokenizer))
                        abort();
        return 0;
}
