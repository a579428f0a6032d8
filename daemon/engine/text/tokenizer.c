/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "engine/model/file.h"
#include "engine/text/bpe.h"
#include "engine/text/tokenizer.h"
#include "engine/text/words.h"

#define FILE_SIZE_MAX (16U << 20)
#define VOCAB_MAX (1U << 20)

/* A special token: where it stands in a text, exactly so, it is its id. */
typedef struct Mark {
        char text[64];
        uint32_t id;
} Mark;

enum { BOS, EOS, PAD, N_MARKS };

struct Tokenizer {
        uint32_t max_length, vocab_size;
        Mark marks[N_MARKS];
        /* What the word pattern lets through whole, in lower case. */
        Mark literal_marks[2];
        Bpe *bpe;
};

static int64_t vocab_lookup(const void *vocab, const char *token)
{
        const json_t *id = json_object_get(vocab, token);
        return id ? json_integer_value(id) : -1;
}

static int load_vocab(json_t **ret, const char *path, uint32_t *ret_size, Error *error)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        int r = mapped_file_open(&file, path, FILE_SIZE_MAX, error);
        if (r < 0)
                return r;

        json_error_t json_error;
        json_t *vocab = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &json_error);
        if (!vocab)
                return error_set(error, -EBADMSG, "%s: line %d: %s", path, json_error.line, json_error.text);

        const char *token;
        json_t *id;
        uint32_t size = 0;
        r = json_is_object(vocab) ? 0 : error_set(error, -EBADMSG, "%s: not a JSON object", path);
        json_object_foreach (vocab, token, id) {
                json_int_t n = json_integer_value(id);
                if (!json_is_integer(id) || n < 0 || n >= VOCAB_MAX) {
                        r = error_set(error, -EBADMSG, "%s: \"%.40s\" has no id from 0 to %u", path, token,
                                      VOCAB_MAX - 1);
                        break;
                }
                size = MAX(size, (uint32_t)n + 1);
        }
        if (r < 0) {
                json_decref(vocab);
                return r;
        }
        *ret = vocab;
        *ret_size = size;
        return 0;
}

static int find_marks(Tokenizer *t, const json_t *vocab, const TokenizerConfig *config, const char *path,
                      Error *error)
{
        const char *const names[N_MARKS] = { config->bos_token, config->eos_token, config->pad_token };
        static const char *const literals[] = { "<|startoftext|>", "<|endoftext|>" };

        for (int i = 0; i < N_MARKS; i++) {
                int64_t id = vocab_lookup(vocab, names[i]);
                if (id < 0 || names[i][0] == '\0')
                        return error_set(error, -EBADMSG, "%s: no \"%s\"", path, names[i]);
                t->marks[i].id = (uint32_t)id;
                (void)snprintf(t->marks[i].text, sizeof(t->marks[i].text), "%s", names[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(literals); i++) {
                int64_t id = vocab_lookup(vocab, literals[i]);
                t->literal_marks[i].id = id >= 0 ? (uint32_t)id : t->marks[EOS].id;
                (void)snprintf(t->literal_marks[i].text, sizeof(t->literal_marks[i].text), "%s",
                               literals[i]);
        }
        return 0;
}

static int load(Tokenizer *t, const char *vocab_path, const char *merges_path, const TokenizerConfig *config,
                Error *error)
{
        _cleanup_(mapped_file_done) MappedFile merges = {};
        int r = mapped_file_open(&merges, merges_path, FILE_SIZE_MAX, error);
        if (r < 0)
                return r;

        json_t *vocab = NULL;
        r = load_vocab(&vocab, vocab_path, &t->vocab_size, error);
        if (r < 0)
                return r;
        r = find_marks(t, vocab, config, vocab_path, error);
        if (r >= 0)
                r = bpe_new(&t->bpe, (const char *)merges.data, merges.size, merges_path, vocab_lookup,
                            vocab, t->marks[EOS].id, error);
        json_decref(vocab);
        return r;
}

int tokenizer_new(Tokenizer **ret, const char *dir, const TokenizerConfig *config, Error *error)
{
        _cleanup_(freep) char *vocab_path = NULL, *merges_path = NULL;
        _cleanup_(tokenizer_freep) Tokenizer *t = calloc(1, sizeof(*t));
        if (!t)
                return error_set(error, -ENOMEM, "%s: out of memory", dir);

        t->max_length = config->max_length;
        int r;
        if ((r = path_join(&vocab_path, dir, "vocab.json", error)) < 0 ||
            (r = path_join(&merges_path, dir, "merges.txt", error)) < 0 ||
            (r = load(t, vocab_path, merges_path, config, error)) < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

Tokenizer *tokenizer_free(Tokenizer *t)
{
        if (!t)
                return NULL;
        bpe_free(t->bpe);
        free(t);
        return NULL;
}

uint32_t tokenizer_vocab_size(const Tokenizer *t)
{
        return t->vocab_size;
}

uint32_t tokenizer_max_length(const Tokenizer *t)
{
        return t->max_length;
}

/* The ids being written; those that do not fit are counted. */
typedef struct Output {
        const Tokenizer *tokenizer;
        uint32_t *ids;
        uint32_t n, room, truncated;
} Output;

static void put(Output *output, uint32_t id)
{
        if (output->n < output->room)
                output->ids[output->n++] = id;
        else
                output->truncated++;
}

static int put_word(void *userdata, const char *word, size_t size)
{
        Output *output = userdata;
        const Tokenizer *t = output->tokenizer;

        for (size_t i = 0; i < ELEMENTSOF(t->literal_marks); i++)
                if (size == strlen(t->literal_marks[i].text) &&
                    memcmp(word, t->literal_marks[i].text, size) == 0) {
                        put(output, t->literal_marks[i].id);
                        return 0;
                }

        _cleanup_(freep) uint32_t *ids = calloc(size, sizeof(*ids));
        int64_t n = ids ? bpe_encode(t->bpe, word, size, ids) : -ENOMEM;
        for (int64_t i = 0; i < n; i++)
                put(output, ids[i]);
        return n < 0 ? (int)n : 0;
}

/* The first mark in the text; of several at one place the longest. */
static const char *find_mark(const Tokenizer *t, const char *text, const Mark **ret)
{
        const char *first = NULL;

        for (int i = 0; i < N_MARKS; i++) {
                const Mark *mark = &t->marks[i];
                const char *at = strstr(text, mark->text);
                if (at &&
                    (!first || at < first || (at == first && strlen(mark->text) > strlen((*ret)->text)))) {
                        first = at;
                        *ret = mark;
                }
        }
        return first;
}

static int put_text(Output *output, const char *text)
{
        WordReader reader = { .word = put_word, .userdata = output };
        const Mark *mark = NULL;

        for (const char *at; (at = find_mark(output->tokenizer, text, &mark));
             text = at + strlen(mark->text)) {
                int r = words_read(text, (size_t)(at - text), &reader);
                if (r < 0)
                        return r;
                put(output, mark->id);
        }
        return words_read(text, strlen(text), &reader);
}

int tokenizer_encode(const Tokenizer *t, const char *text, uint32_t *ret_ids, uint32_t *ret_used,
                     uint32_t *ret_truncated, Error *error)
{
        if (!utf8_is_valid(text, strlen(text)))
                return error_set(error, -EINVAL, "prompt: not valid UTF-8");

        /* One place is left for the end mark. */
        Output output = { .tokenizer = t, .ids = ret_ids, .room = t->max_length - 1 };
        put(&output, t->marks[BOS].id);
        int r = put_text(&output, text);
        if (r < 0)
                return error_set(error, r, "prompt: %s", strerror(-r));
        ret_ids[output.n++] = t->marks[EOS].id;

        *ret_used = output.n;
        *ret_truncated = output.truncated;
        while (output.n < t->max_length)
                ret_ids[output.n++] = t->marks[PAD].id;
        return 0;
}
