/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/request.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/prompt.h"

static int read_stdin(char *buffer, size_t capacity, size_t *ret_size, Error *error)
{
        size_t size = 0;

        while (size < capacity) {
                ssize_t n = read(STDIN_FILENO, buffer + size, capacity - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_set(error, -errno, _("cannot read the prompt from stdin: %s"),
                                         strerror(errno));
                if (n == 0)
                        break;
                size += (size_t)n;
        }
        while (size > 0 && (buffer[size - 1] == '\n' || buffer[size - 1] == '\r'))
                size--;
        *ret_size = size;
        return 0;
}

static size_t join(char *const *words, int n_words, char *buffer, size_t capacity)
{
        size_t size = 0;

        for (int i = 0; i < n_words; i++) {
                size_t length = strlen(words[i]), space = i > 0;
                if (length + space > capacity - size)
                        return capacity;
                if (space)
                        buffer[size++] = ' ';
                memcpy(buffer + size, words[i], length);
                size += length;
        }
        return size;
}

int prompt_new(char *const *words, int n_words, char **ret, Error *error)
{
        /* Room to see that it is too long, and for CR and LF. */
        const size_t capacity = REQUEST_PROMPT_MAX + 3;
        _cleanup_(freep) char *text = malloc(capacity + 1);
        size_t size = 0;

        if (!text)
                return -ENOMEM;
        if (n_words == 1 && streq(words[0], "-")) {
                int r = read_stdin(text, capacity, &size, error);
                if (r < 0)
                        return r;
        } else {
                size = join(words, n_words, text, capacity);
        }

        if (size > REQUEST_PROMPT_MAX)
                return error_set(error, -EINVAL, _("the prompt is longer than %d bytes"), REQUEST_PROMPT_MAX);
        if (memchr(text, '\0', size))
                return error_set(error, -EINVAL, _("the prompt has a zero byte in it"));
        if (!utf8_is_valid(text, size))
                return error_set(error, -EINVAL, _("the prompt is not valid UTF-8"));
        text[size] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}
