/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "prompts/idea.h"

typedef struct Reader {
        const Vocabulary *vocabulary;
        Fields *fields;
        unsigned whole; /* bits of fields that a part of the prompt by itself has said */
        Error *error;
} Reader;

/* Phrases of the subject's own are none. */
static bool is_searched(int field)
{
        return field != FIELD_SUBJECT && field != FIELD_NEGATIVE;
}

/* A part that is one phrase and nothing else. */
static int take_whole(Reader *reader, const WordList *words, bool *ret_taken)
{
        *ret_taken = false;
        for (int field = 0; field < FIELD_MAX; field++) {
                size_t n;
                const Phrase *phrase = is_searched(field) ? vocabulary_find(reader->vocabulary, (PromptField)field, words, 0, &n) : NULL;
                if (!phrase || n != words->n)
                        continue;
                *ret_taken = true;
                bool again = reader->whole & 1U << field;
                reader->whole |= 1U << field;
                if (again && !strstr(reader->fields->text[field], phrase->say))
                        return fields_add(reader->fields, (PromptField)field, ", ", phrase->say, reader->error);
                return again ? 0 : fields_set(reader->fields, (PromptField)field, phrase->say, reader->error);
        }
        return 0;
}

/* Where a setting begins that ends the part; words->n: there is none. */
static size_t find_setting(const Reader *reader, const WordList *words, const Phrase **ret)
{
        for (size_t at = 1; at < words->n; at++) {
                size_t n;
                const Phrase *phrase = vocabulary_find(reader->vocabulary, FIELD_SETTING, words, at, &n);
                if (phrase && at + n == words->n) {
                        *ret = phrase;
                        return at;
                }
        }
        return words->n;
}

/* "an oil painting of a cat": the cat is the subject. How many bytes come before it; 0: it does not begin so. */
static size_t find_of(const Reader *reader, const WordList *words)
{
        size_t first = words->n > 0 && (word_is(words, 0, "a") || word_is(words, 0, "an") || word_is(words, 0, "the"));

        for (int field = 0; field < FIELD_MAX; field++) {
                size_t n = 0;
                if (is_searched(field) && field != FIELD_SETTING && vocabulary_find(reader->vocabulary, (PromptField)field, words, first, &n) &&
                    first + n + 1 < words->n && word_is(words, first + n, "of"))
                        return words->items[first + n + 1].at;
        }
        return 0;
}

/* Phrases among the words, up to `end`; each word belongs to one of them. */
static int scan(Reader *reader, const WordList *words, size_t end)
{
        int r = 0;

        for (size_t at = 0, n; at < end && r >= 0; at += n > 0 ? n : 1) {
                PromptField field = FIELD_MAX;
                const Phrase *phrase = vocabulary_find_any(reader->vocabulary, words, at, &field, &n);
                if (phrase && !reader->fields->text[field])
                        r = fields_set(reader->fields, field, phrase->say, reader->error);
        }
        return r;
}

/* What is no phrase by itself belongs to the subject; phrases in it say something of their fields all the same. */
static int take_subject(Reader *reader, const char *part, const WordList *words)
{
        _cleanup_(freep) char *subject = NULL;
        const Phrase *setting = NULL;
        size_t at = reader->fields->text[FIELD_SETTING] ? words->n : find_setting(reader, words, &setting);
        size_t begin = find_of(reader, words), end = at < words->n ? words->items[at].at : strlen(part);

        if (setting) {
                int r = fields_set(reader->fields, FIELD_SETTING, setting->say, reader->error);
                if (r < 0)
                        return r;
                reader->whole |= 1U << FIELD_SETTING;
        }
        while (end > begin && part[end - 1] == ' ')
                end--;
        subject = strndup(part + begin, end - begin);
        if (!subject)
                return error_set(reader->error, -ENOMEM, "Out of memory");
        int r = scan(reader, words, at);
        return r < 0 || !*subject ? r : fields_add(reader->fields, FIELD_SUBJECT, ", ", subject, reader->error);
}

static int take_part(Reader *reader, char *part)
{
        _cleanup_(words_done) WordList words = {};
        bool taken = false;
        size_t size = strlen(part);

        while (size > 0 && strchr(" .", part[size - 1]))
                part[--size] = '\0';
        if (size == 0)
                return 0;
        if (words_split(&words, part, size) < 0)
                return error_set(reader->error, -ENOMEM, "Out of memory");
        int r = take_whole(reader, &words, &taken);
        return r < 0 || taken ? r : take_subject(reader, part, &words);
}

int idea_read(const Vocabulary *vocabulary, const char *idea, Fields *ret, Error *error)
{
        Reader reader = { .vocabulary = vocabulary, .fields = ret, .error = error };
        size_t size = strlen(idea);
        int r = 0;

        if (size > IDEA_BYTES_MAX)
                return error_set(error, -EINVAL, "The idea is longer than %d bytes", IDEA_BYTES_MAX);
        if (!utf8_is_valid(idea, size))
                return error_set(error, -EINVAL, "The idea is not valid UTF-8");
        _cleanup_(freep) char *copy = strdup(idea);
        if (!copy)
                return error_set(error, -ENOMEM, "Out of memory");
        for (char *p = copy; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = *p == '\n' ? ',' : ' ';
        for (char *part = copy, *next; part && r >= 0; part = next) {
                next = strpbrk(part, ",;");
                if (next)
                        *next++ = '\0';
                r = take_part(&reader, part + strspn(part, " "));
        }
        return r;
}

bool idea_find(const Vocabulary *vocabulary, PromptField field, const char *text, const Phrase **ret)
{
        _cleanup_(words_done) WordList words = {};
        size_t best = 0;

        if (words_split(&words, text, strlen(text)) < 0)
                return false;
        for (size_t at = 0; at < words.n; at++) {
                size_t n;
                const Phrase *phrase = vocabulary_find(vocabulary, field, &words, at, &n);
                if (phrase && n > best) {
                        best = n;
                        *ret = phrase;
                }
        }
        return best > 0;
}
