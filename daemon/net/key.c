/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/util.h"
#include "net/key.h"
#include "net/protocol.h"

#define QUOTE_MIN 8 /* characters beside each other that are no chance */

static int read_credential(char ret[static KEY_MAX + 1], const char *name)
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char path[512];

        if (!directory || directory[0] != '/' ||
            snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
                return -ENOENT;
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, ret, KEY_MAX + 1);
        if (n < 0)
                return -errno;
        ret[MIN((size_t)n, (size_t)KEY_MAX)] = '\0';
        return n > KEY_MAX ? -EFBIG : 0;
}

/* A line of a request's header must hold it. */
static int check(Key *key, const char *name, Error *error)
{
        size_t n = strlen(key->text);

        while (n > 0 && strchr(" \t\r\n", key->text[n - 1]))
                key->text[--n] = '\0';
        for (size_t i = 0; i < n; i++)
                if (key->text[i] <= ' ' || key->text[i] >= 0x7f)
                        return error_set(error, NET_NO_KEY, "What is stored as the key %s is no key", name);
        return n > 0 ? 0 : error_set(error, NET_NO_KEY, "What is stored as the key %s is empty", name);
}

int key_fetch(Key *ret, const char *name, uint64_t ms, Error *error)
{
        if (!net_is_key_name(name))
                return error_set(error, -EINVAL, "A key's name is of letters, digits, dots, underscores and dashes");
        int r = read_credential(ret->text, name);
        if (r == -ENOENT)
                r = secret_service_fetch(ret->text, name, ms, error);
        else if (r < 0)
                r = error_set(error, NET_NO_KEY, "The credential %s cannot be read: %s", name, strerror(-r));
        return r < 0 ? r : check(ret, name, error);
}

void key_done(Key *key)
{
        explicit_bzero(key, sizeof(*key));
}

/* How many bytes of the text, from its beginning, stand anywhere in the key. */
static size_t longest_quote(const char *key, const char *text, size_t size)
{
        size_t best = 0;

        for (const char *k = key; *k; k++) {
                size_t n = 0;
                while (n < size && k[n] && k[n] == text[n])
                        n++;
                best = MAX(best, n);
        }
        return best;
}

void key_redact(const Key *key, char *text, size_t size)
{
        size_t whole = strlen(key->text), least = MIN(whole, (size_t)QUOTE_MIN);

        if (whole == 0)
                return;
        for (size_t i = 0; i < size;) {
                size_t n = longest_quote(key->text, text + i, size - i);
                if (n >= least)
                        memset(text + i, '*', n);
                i += n >= least ? n : 1;
        }
}
