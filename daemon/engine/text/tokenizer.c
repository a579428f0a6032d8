/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "engine/model/file.h"
#include "engine/model/sha256.h"
#include "engine/text/bpe.h"
#include "engine/text/simple_vocab.h"
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
        uint32_t comma;
        Mark marks[N_MARKS];
        /* What the word pattern lets through whole, in lower case. */
        Mark literal_marks[2];
        uint32_t fills[CONFIG_TEXTS_MAX];
        Bpe *bpe;
        char digest[DIGEST_SIZE];
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
        int64_t comma = vocab_lookup(vocab, ",</w>");
        t->comma = comma >= 0 ? (uint32_t)comma : UINT32_MAX;
        for (size_t i = 0; i < CONFIG_TEXTS_MAX; i++) {
                const char *name = config->fill_tokens[i][0] ? config->fill_tokens[i] : config->pad_token;
                int64_t id = vocab_lookup(vocab, name);
                if (id < 0)
                        return error_set(error, -EBADMSG, "%s: no \"%s\"", path, name);
                t->fills[i] = (uint32_t)id;
        }
        for (size_t i = 0; i < ELEMENTSOF(literals); i++) {
                int64_t id = vocab_lookup(vocab, literals[i]);
                t->literal_marks[i].id = id >= 0 ? (uint32_t)id : t->marks[EOS].id;
                (void)snprintf(t->literal_marks[i].text, sizeof(t->literal_marks[i].text), "%s",
                               literals[i]);
        }
        return 0;
}

static int use_vocab(Tokenizer *t, json_t *vocab, const char *merges, size_t size, const TokenizerConfig *config,
                     const char *vocab_path, const char *merges_path, Error *error)
{
        int r = find_marks(t, vocab, config, vocab_path, error);
        return r < 0 ? r : bpe_new(&t->bpe, merges, size, merges_path, vocab_lookup, vocab, t->marks[EOS].id, error);
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
        r = use_vocab(t, vocab, (const char *)merges.data, merges.size, config, vocab_path, merges_path, error);
        json_decref(vocab);
        return r;
}

static int load_simple(Tokenizer *t, const char *path, const TokenizerConfig *config, Error *error)
{
        _cleanup_(freep) char *merges = NULL;
        json_t *vocab = NULL;
        size_t size = 0;
        int r = simple_vocab_read(&vocab, &merges, &size, path, error);
        if (r < 0)
                return r;

        t->vocab_size = (uint32_t)json_object_size(vocab);
        r = use_vocab(t, vocab, merges, size, config, path, path, error);
        json_decref(vocab);
        return r;
}

/* Of files of one folder, in this order. */
static int digest_files(Tokenizer *t, const char *const paths[], size_t n, Error *error)
{
        char text[2 * (DIGEST_SIZE + 64)] = "", digest[DIGEST_SIZE];
        size_t size = 0;

        for (size_t i = 0; i < n; i++) {
                int r = sha256_file(paths[i], digest, NULL, NULL, error);
                if (r < 0)
                        return r;
                size += (size_t)snprintf(text + size, sizeof(text) - size, "%s  %s\n", digest, strrchr(paths[i], '/') + 1);
        }
        return sha256_bytes(text, size, t->digest, error);
}

int tokenizer_new(Tokenizer **ret, const char *dir, const TokenizerConfig *config, Error *error)
{
        _cleanup_(freep) char *vocab_path = NULL, *merges_path = NULL, *simple_path = NULL;
        _cleanup_(tokenizer_freep) Tokenizer *t = calloc(1, sizeof(*t));
        if (!t)
                return error_set(error, -ENOMEM, "%s: out of memory", dir);

        t->max_length = config->max_length;
        int r;
        if ((r = path_join(&vocab_path, dir, "vocab.json", error)) < 0 ||
            (r = path_join(&merges_path, dir, "merges.txt", error)) < 0 ||
            (r = path_join(&simple_path, dir, SIMPLE_VOCAB_FILE, error)) < 0)
                return r;
        const bool is_simple = access(vocab_path, F_OK) < 0 && access(simple_path, F_OK) >= 0;
        const char *const files[] = { is_simple ? simple_path : merges_path, vocab_path };
        r = is_simple ? load_simple(t, simple_path, config, error) : load(t, vocab_path, merges_path, config, error);
        if (r >= 0)
                r = digest_files(t, files, is_simple ? 1 : 2, error);
        if (r < 0)
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

const char *tokenizer_digest(const Tokenizer *t)
{
        return t->digest;
}

uint32_t tokenizer_vocab_size(const Tokenizer *t)
{
        return t->vocab_size;
}

uint32_t tokenizer_fill(const Tokenizer *t, uint32_t i)
{
        return t->fills[i];
}

uint32_t tokenizer_max_length(const Tokenizer *t)
{
        return t->max_length;
}

TokenizerMarks tokenizer_marks(const Tokenizer *t)
{
        return (TokenizerMarks) {
                .start = t->marks[BOS].id,
                .end = t->marks[EOS].id,
                .padding = t->marks[PAD].id,
                .comma = t->comma,
        };
}

/* The ids being written. */
typedef struct Output {
        const Tokenizer *tokenizer;
        uint32_t *ids;
        size_t n, room;
} Output;

static int put(Output *output, uint32_t id)
{
        if (output->n == output->room) {
                size_t room = 2 * output->room + 64;
                uint32_t *ids = reallocarray(output->ids, room, sizeof(*ids));
                if (!ids)
                        return -ENOMEM;
                output->ids = ids;
                output->room = room;
        }
        output->ids[output->n++] = id;
        return 0;
}

static int put_word(void *userdata, const char *word, size_t size)
{
        Output *output = userdata;
        const Tokenizer *t = output->tokenizer;

        for (size_t i = 0; i < ELEMENTSOF(t->literal_marks); i++)
                if (size == strlen(t->literal_marks[i].text) &&
                    memcmp(word, t->literal_marks[i].text, size) == 0)
                        return put(output, t->literal_marks[i].id);

        _cleanup_(freep) uint32_t *ids = calloc(size, sizeof(*ids));
        int64_t n = ids ? bpe_encode(t->bpe, word, size, ids) : -ENOMEM;
        int r = n < 0 ? (int)n : 0;
        for (int64_t i = 0; i < n && r >= 0; i++)
                r = put(output, ids[i]);
        return r;
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
                if (r >= 0)
                        r = put(output, mark->id);
                if (r < 0)
                        return r;
        }
        return words_read(text, strlen(text), &reader);
}

int tokenizer_tokens(const Tokenizer *t, const char *text, uint32_t **ret_ids, size_t *ret_n, Error *error)
{
        if (!utf8_is_well_formed(text, strlen(text)))
                return error_set(error, -EINVAL, "prompt: not valid UTF-8");

        Output output = { .tokenizer = t };
        int r = put_text(&output, text);
        if (r < 0) {
                free(output.ids);
                return error_set(error, r, "prompt: %s", strerror(-r));
        }
        *ret_ids = output.ids;
        *ret_n = output.n;
        return 0;
}
