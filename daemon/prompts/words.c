/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "prompts/words.h"

#define PHRASE_WORDS_MAX 6
#define WORD_BYTES_MAX 64
#define LETTERS_OF_A_TOKEN 3 /* of a word that is cut into pieces: rather fewer than they have */
#define NEAR_MAX 3

/* The keys that hold objects, whose names are the words; others hold numbers. */
static const struct {
        const char *key;
        WordClass class;
} sets[] = {
        { "nouns", WORD_NOUN },       { "plurals", WORD_NOUN }, { "same", WORD_NOUN },   { "colours", WORD_COLOUR },
        { "sizes", WORD_SIZE },       { "numbers", WORD_NUMBER }, { "relations", WORD_RELATION },
        { "places", WORD_PLACE },     { "times", WORD_TIME },   { "styles", WORD_STYLE },
        { "idle", WORD_IDLE },        { "near", WORD_LIKE },
};

static int check(const json_t *root, Error *error)
{
        if (!json_is_object(root) || json_integer_value(json_object_get(root, "format")) != 1)
                return error_set(error, -EINVAL, "words.json: not an object of format 1");
        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                if (!json_is_object(json_object_get(root, sets[i].key)))
                        return error_set(error, -EINVAL, "words.json: %s is missing", sets[i].key);
        if (!json_is_object(json_object_get(root, "alone")))
                return error_set(error, -EINVAL, "words.json: alone is missing");
        return 0;
}

static uint32_t number(const json_t *root, const char *key, uint32_t high)
{
        json_int_t n = json_integer_value(json_object_get(root, key));
        return n < 1 ? 1 : (uint32_t)MIN(n, (json_int_t)high);
}

int model_words_read(ModelWords *ret, const char *data, size_t size, Error *error)
{
        json_error_t failure;
        json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &failure);

        if (!root)
                return error_set(error, -EINVAL, "words.json:%d: %s", failure.line, failure.text);
        int r = check(root, error);
        if (r < 0) {
                json_decref(root);
                return r;
        }
        *ret = (ModelWords) {
                .root = root,
                .tokens = number(root, "tokens", 100000),
                .count = number(root, "count", 1000),
        };
        return 0;
}

void model_words_done(ModelWords *model)
{
        json_decref(model->root);
        *model = (ModelWords) {};
}

static const json_t *set_of(const ModelWords *model, const char *key)
{
        return json_object_get(model->root, key);
}

static const json_t *look_up(const ModelWords *model, const char *key, const char *phrase)
{
        return json_object_get(set_of(model, key), phrase);
}

/* The n words from `at` on, if nothing but spaces is between them. */
static bool join(const WordList *words, size_t at, size_t n, char ret[static PHRASE_WORDS_MAX * WORD_BYTES_MAX])
{
        size_t size = 0;

        for (size_t i = at; i < at + n; i++) {
                const Word *word = &words->items[i];
                if (word->size >= WORD_BYTES_MAX || (i > at && word->after_break))
                        return false;
                if (i > at)
                        ret[size++] = ' ';
                memcpy(ret + size, words->lower + word->at, word->size);
                size += word->size;
        }
        ret[size] = '\0';
        return utf8_is_valid(ret, size);
}

static WordClass class_of(const ModelWords *model, const char *phrase)
{
        for (size_t i = 0; i < ELEMENTSOF(sets); i++)
                if (look_up(model, sets[i].key, phrase))
                        return sets[i].class;
        return WORD_UNKNOWN;
}

WordClass model_words_find(const ModelWords *model, const WordList *words, size_t at, size_t *ret_n)
{
        char phrase[PHRASE_WORDS_MAX * WORD_BYTES_MAX];

        for (size_t n = MIN(words->n - at, PHRASE_WORDS_MAX); n > 0; n--) {
                WordClass class = join(words, at, n, phrase) ? class_of(model, phrase) : WORD_UNKNOWN;
                if (class != WORD_UNKNOWN) {
                        *ret_n = n;
                        return class;
                }
        }
        *ret_n = 1;
        return WORD_UNKNOWN;
}

bool model_words_knows(const ModelWords *model, const char *phrase, WordClass wanted)
{
        return class_of(model, phrase) == wanted;
}

bool model_words_has_times(const ModelWords *model, const char *place)
{
        return json_is_true(look_up(model, "places", place));
}

const char *model_words_alone(const ModelWords *model, const char *word)
{
        return json_string_value(look_up(model, "alone", word));
}

/* --- the nearest ones --- */

/* How many letters have to be changed, added, taken away or swapped with the next, up to a limit. */
static unsigned distance(const char *a, const char *b, unsigned limit)
{
        unsigned rows[3][WORD_BYTES_MAX + 1];
        const size_t n = strlen(a), m = strlen(b);

        if (n > WORD_BYTES_MAX || m > WORD_BYTES_MAX || (n > m ? n - m : m - n) > limit)
                return limit + 1;
        for (unsigned j = 0; j <= m; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
                row[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned best = MIN(MIN(row[j - 1], last[j]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = MIN(best, before[j - 2] + 1);
                        row[j] = best;
                }
        }
        return rows[n % 3][m];
}

static char *near_by_letters(const ModelWords *model, const char *word)
{
        static const char *const keys[] = { "nouns", "same", "colours" };
        const unsigned limit = strlen(word) < 4 ? 1 : 2;
        _cleanup_(text_done) Text text = {};
        unsigned n = 0;

        for (unsigned wanted = 1; wanted <= limit && n == 0; wanted++)
                for (size_t k = 0; k < ELEMENTSOF(keys); k++) {
                        const char *other;
                        json_t *value;
                        json_object_foreach((json_t *)set_of(model, keys[k]), other, value)
                                if (n < NEAR_MAX && distance(word, other, limit) == wanted && ++n)
                                        text_join(&text, ", ", other);
                }
        return text_take(&text);
}

char *model_words_near(const ModelWords *model, const char *word)
{
        const json_t *learned = look_up(model, "near", word);

        return learned ? strdup(json_string_value(learned) ? json_string_value(learned) : "") : near_by_letters(model, word);
}

/* --- tokens --- */

static uint32_t tokens_of_word(const ModelWords *model, const char *word)
{
        if (class_of(model, word) != WORD_UNKNOWN || look_up(model, "tokens_of_one", word))
                return 1;
        return (uint32_t)(strlen(word) + LETTERS_OF_A_TOKEN - 1) / LETTERS_OF_A_TOKEN;
}

uint32_t model_words_count(const ModelWords *model, const char *text)
{
        _cleanup_(words_done) WordList words = {};
        char word[PHRASE_WORDS_MAX * WORD_BYTES_MAX];
        uint32_t n = 0;

        if (words_split(&words, text, strlen(text)) < 0)
                return 0;
        for (size_t i = 0; i < words.n; i++)
                n += join(&words, i, 1, word) ? tokens_of_word(model, word) : (uint32_t)words.items[i].size;
        for (const char *p = text; *p; p++)
                n += strchr(",.;:!?\"()[]", *p) != NULL;
        return n;
}
