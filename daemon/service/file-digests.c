/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memfd.h"
#include "base/utf8.h"
#include "base/util.h"
#include "service/file-digests.h"
#include "workers/protocol.h"

#define DIGITS (PROTOCOL_DIGEST_SIZE - 1)

static bool is_digest(const char *text)
{
        return strlen(text) == DIGITS && strspn(text, "0123456789abcdef") == DIGITS;
}

int file_digests_add(json_t *digests, const char *path, const char *digest)
{
        if (!is_digest(digest) || !*path || !utf8_is_valid(path, strlen(path)))
                return -EINVAL;
        return json_object_set_new(digests, path, json_string(digest)) < 0 ? -ENOMEM : 0;
}

bool file_digests_are_valid(const json_t *digests)
{
        const char *path;
        json_t *digest;

        json_object_foreach((json_t *)(uintptr_t)digests, path, digest)
                if (!json_is_string(digest) || !is_digest(json_string_value(digest)))
                        return false;
        return json_is_object(digests);
}

/* "DIGEST  PATH" */
static bool take_line(json_t *digests, char *line)
{
        if (strlen(line) <= DIGITS + 2 || strncmp(line + DIGITS, "  ", 2) != 0)
                return false;
        line[DIGITS] = '\0';
        if (!is_digest(line))
                return false;
        return file_digests_add(digests, line + DIGITS + 2, line) != -ENOMEM;
}

static char *read_text(int fd)
{
        size_t size;
        if (memfd_check_sealed(fd, PROTOCOL_DIGESTS_BYTES_MAX, &size) < 0)
                return NULL;

        char *text = malloc(size + 1);
        if (!text || pread(fd, text, size, 0) != (ssize_t)size) {
                free(text);
                return NULL;
        }
        text[size] = '\0';
        return text;
}

json_t *file_digests_read(int fd)
{
        _cleanup_(freep) char *text = fd >= 0 ? read_text(fd) : NULL;
        json_t *digests = text ? json_object() : NULL;
        char *rest = text;

        for (char *line; digests && (line = strsep(&rest, "\n"));)
                if (*line && !take_line(digests, line)) {
                        json_decref(digests);
                        return NULL;
                }
        return digests;
}
