/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What may come of any provider's words: pictures by their first bytes, and facts without control characters. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "net/dialect.h"

static inline void check_line(const char *text, size_t capacity)
{
        const size_t size = strnlen(text, capacity);

        if (size == capacity || !utf8_is_valid(text, size))
                abort();
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)text[i] < ' ')
                        abort();
}

static inline int deliver(Talk *talk, const NetResult *result, const void *data, size_t size)
{
        static const char *const starts[] = { "\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "RIFF" };
        bool is_picture = false;

        for (size_t i = 0; i < ELEMENTSOF(starts); i++)
                is_picture = is_picture || (size >= strlen(starts[i]) && memcmp(data, starts[i], strlen(starts[i])) == 0);
        if (result->kind == NET_RESULT_CHECK) {
                check_line(data, size + 1);
                talk->n_results++;
                return 0;
        }
        if (!is_picture || (result->kind != NET_RESULT_PICTURE && result->kind != NET_RESULT_PARTIAL) || result->has_seed > 1)
                abort();
        check_line(result->model, sizeof(result->model));
        check_line(result->revised, sizeof(result->revised));
        check_line(result->mime, sizeof(result->mime));
        if (talk->n_results >= talk->ask->count)
                return -EBADMSG;
        talk->n_results += result->kind == NET_RESULT_PICTURE;
        return 0;
}

static inline void on_progress(Talk *talk, NetStage stage, double fraction, const char *task)
{
        (void)talk;
        if (stage >= NET_STAGE_MAX || fraction != fraction || strlen(task) >= 128)
                abort();
}
