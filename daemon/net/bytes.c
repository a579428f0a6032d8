/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/bytes.h"

#define FIRST 4096U

/* By hand instead of realloc(), which may leave a copy behind. */
static int grow(Bytes *bytes, size_t needed)
{
        size_t capacity = MAX(MAX(bytes->capacity * 2, needed), FIRST);
        char *data = malloc(capacity);

        if (!data)
                return -ENOMEM;
        if (bytes->data) {
                memcpy(data, bytes->data, bytes->size);
                explicit_bzero(bytes->data, bytes->size);
        }
        free(bytes->data);
        bytes->data = data;
        bytes->capacity = capacity;
        return 0;
}

int bytes_add(Bytes *bytes, const void *data, size_t size)
{
        if (size > bytes->max - bytes->size)
                return -EFBIG;
        if (bytes->size + size + 1 > bytes->capacity) {
                int r = grow(bytes, bytes->size + size + 1);
                if (r < 0)
                        return r;
        }
        if (size > 0)
                memcpy(bytes->data + bytes->size, data, size);
        bytes->size += size;
        bytes->data[bytes->size] = '\0';
        return 0;
}

int bytes_add_text(Bytes *bytes, const char *text)
{
        return bytes_add(bytes, text, strlen(text));
}

void bytes_clear(Bytes *bytes)
{
        if (bytes->data)
                explicit_bzero(bytes->data, bytes->size);
        bytes->size = 0;
}

void bytes_done(Bytes *bytes)
{
        bytes_clear(bytes);
        free(bytes->data);
        *bytes = (Bytes) { .max = bytes->max };
}
