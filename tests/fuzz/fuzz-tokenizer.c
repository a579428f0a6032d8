/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "base/request.h"
#include "base/util.h"
#include "engine/text/chunks.h"
#include "tests/fuzz/fuzz.h"

/* A prompt: any text is either cut into chunks of ids within the vocabulary, or refused with a sentence. Run in the
 * source tree. */
static void check(const Chunks *chunks, const Tokenizer *tokenizer, uint32_t limit)
{
        if (chunks->n < 1 || chunks->n > limit)
                abort();
        for (uint32_t i = 0; i < chunks->n * chunks->length; i++)
                if (chunks->ids[i] >= tokenizer_vocab_size(tokenizer) ||
                    !(fabsf(chunks->weights[i]) <= (float)PROMPT_WEIGHT_MAX))
                        abort();
        for (uint32_t i = 0; i < chunks->n; i++)
                if (chunks->ids[(size_t)i * chunks->length] != tokenizer_marks(tokenizer).start)
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Tokenizer *tokenizer;
        const TokenizerConfig config = { .max_length = 9,
                                         .bos_token = "<|startoftext|>",
                                         .eos_token = "<|endoftext|>",
                                         .pad_token = "!" };
        char text[REQUEST_PROMPT_MAX + 1] = "";
        _cleanup_(prompt_done) Prompt prompt = {};
        _cleanup_(chunks_done) Chunks chunks = {};
        Error error = {};

        if (!tokenizer && tokenizer_new(&tokenizer, "tests/fixtures/tokenizer", &config, NULL) < 0)
                abort();
        if (size == 0)
                return 0;
        memcpy(text, data + 1, MIN(size, sizeof(text)) - 1);
        const uint32_t limit = 1 + data[0] % REQUEST_CHUNKS_MAX;
        int r = prompt_parse(&prompt, "prompt", text, &error);
        if (r >= 0)
                r = chunks_new(&chunks, tokenizer, &prompt, limit, &error);
        if ((r < 0) != (error.text[0] != '\0'))
                abort();
        if (r >= 0)
                check(&chunks, tokenizer, limit);
        return 0;
}
