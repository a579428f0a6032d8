/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/words.h"

static const char *word_at(const char *text, size_t *ret_size)
{
        const char *end = strchr(text, '\n');

        if (!end)
                return NULL;
        *ret_size = (size_t)(end - text);
        return text;
}

const char *words_first(const Words *words, size_t *ret_size)
{
        return word_at(words->text, ret_size);
}

const char *words_next(const char *word, size_t *size)
{
        return word_at(word + *size + 1, size);
}

int words_add(Words *words, const char *word)
{
        const size_t before = strlen(words->text), size = strlen(word);

        if (size == 0 || strchr(word, '\n'))
                return -EINVAL;
        if (before + size + 2 > sizeof(words->text))
                return -E2BIG;
        memcpy(words->text + before, word, size);
        memcpy(words->text + before + size, "\n", 2);
        return 0;
}

bool words_have(const Words *words, const char *word)
{
        size_t size;

        for (const char *each = words_first(words, &size); each; each = words_next(each, &size))
                if (size == strlen(word) && memcmp(each, word, size) == 0)
                        return true;
        return false;
}
