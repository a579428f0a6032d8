/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "prompts/text.h"

static bool make_room(Text *text, size_t more)
{
        if (text->failed || more > SIZE_MAX / 4 - text->size)
                return false;
        if (text->size + more + 1 <= text->capacity)
                return true;
        size_t capacity = MAX(2 * text->capacity, text->size + more + 1);
        char *s = realloc(text->s, capacity);
        if (!s)
                return false;
        text->s = s;
        text->capacity = capacity;
        return true;
}

void text_add(Text *text, const char *s, size_t size)
{
        if (!make_room(text, size)) {
                text->failed = true;
                return;
        }
        memcpy(text->s + text->size, s, size);
        text->size += size;
        text->s[text->size] = '\0';
}

void text_put(Text *text, const char *s)
{
        text_add(text, s, strlen(s));
}

void text_format(Text *text, const char *format, ...)
{
        _cleanup_(freep) char *s = NULL;
        va_list ap;

        va_start(ap, format);
        int r = vasprintf(&s, format, ap);
        va_end(ap);
        if (r < 0) {
                s = NULL;
                text->failed = true;
        } else {
                text_add(text, s, (size_t)r);
        }
}

void text_join(Text *text, const char *separator, const char *s)
{
        if (text->size > 0)
                text_put(text, separator);
        text_put(text, s);
}

char *text_take(Text *text)
{
        text_add(text, "", 0);
        char *s = text->failed ? NULL : TAKE_PTR(text->s);
        text_done(text);
        return s;
}

void text_done(Text *text)
{
        free(text->s);
        *text = (Text) {};
}

/* --- words --- */

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool is_inside(const char *s, size_t i, size_t size)
{
        return (s[i] == '-' || s[i] == '\'') && i + 1 < size && is_letter(s[i + 1]);
}

int words_split(WordList *ret, const char *text, size_t size)
{
        WordList list = { .lower = malloc(size + 1), .items = calloc(size / 2 + 1, sizeof(Word)) };
        bool is_break = true;

        if (!list.lower || !list.items) {
                words_done(&list);
                return -ENOMEM;
        }
        for (size_t i = 0; i < size; i++)
                list.lower[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
        list.lower[size] = '\0';
        for (size_t i = 0; i < size;) {
                if (!is_letter(list.lower[i])) {
                        is_break = is_break || list.lower[i] != ' ';
                        i++;
                        continue;
                }
                Word *word = &list.items[list.n++];
                *word = (Word) { .at = i, .after_break = is_break };
                while (i < size && (is_letter(list.lower[i]) || is_inside(list.lower, i, size)))
                        i++;
                word->size = i - word->at;
                is_break = false;
        }
        *ret = list;
        return 0;
}

void words_done(WordList *list)
{
        free(list->lower);
        free(list->items);
        *list = (WordList) {};
}

static bool is_word(const WordList *list, size_t i, const char *s, size_t size)
{
        return list->items[i].size == size && strncasecmp(list->lower + list->items[i].at, s, size) == 0;
}

static bool is_plural(const WordList *list, size_t i, const char *s, size_t size)
{
        const char *end = list->lower + list->items[i].at + size;
        size_t more = list->items[i].size - size;

        return list->items[i].size > size && strncasecmp(list->lower + list->items[i].at, s, size) == 0 &&
               ((more == 1 && *end == 's') || (more == 2 && end[0] == 'e' && end[1] == 's'));
}

static size_t match(const WordList *list, size_t at, const char *phrase, bool may_be_plural)
{
        size_t n = 0;

        for (const char *p = phrase; *p; n++) {
                size_t size = strcspn(p, " ");
                if (at + n >= list->n || (n > 0 && list->items[at + n].after_break))
                        return 0;
                if (!is_word(list, at + n, p, size) && !(may_be_plural && !p[size] && is_plural(list, at + n, p, size)))
                        return 0;
                p += size + (p[size] == ' ');
        }
        return n;
}

size_t words_match(const WordList *list, size_t at, const char *phrase)
{
        return match(list, at, phrase, false);
}

size_t words_match_plural(const WordList *list, size_t at, const char *phrase)
{
        return match(list, at, phrase, true);
}

bool word_is(const WordList *list, size_t i, const char *word)
{
        return is_word(list, i, word, strlen(word));
}
