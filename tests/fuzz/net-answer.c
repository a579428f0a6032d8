/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "net/dialect.h"
#include "net/sse.h"
#include "tests/fuzz/fuzz.h"

/* What a chat server may say: whole, as a stream in pieces, or as an error. Whatever it is, what comes of it is a text of
 * bounded length without control characters, or an error with a sentence. The first byte says which, the second how long the
 * pieces are. */

static void check_text(const char *text, size_t size)
{
        if (!utf8_is_valid(text, size) || size > NET_TEXT_MAX)
                abort();
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)text[i] < ' ')
                        abort();
}

static int deliver(Talk *talk, const NetResult *result, const void *data, size_t size)
{
        if (size == 0 || result->truncated > 1 || memchr(result->model, '\0', sizeof(result->model)) == NULL)
                abort();
        check_text(data, size);
        check_text(result->model, strlen(result->model));
        talk->n_results++;
        return 0;
}

static int on_event(const char *name, const char *data, size_t size, void *userdata)
{
        return dialect_chat.event(userdata, name, data, size);
}

static int stream(Talk *talk, const uint8_t *data, size_t size, size_t step)
{
        Sse sse;
        int r = 0;

        sse_init(&sse, 1 << 16, on_event, talk);
        for (size_t i = 0; i < size && r >= 0; i += step)
                r = sse_feed(&sse, (const char *)data + i, size - i < step ? size - i : step);
        sse_done(&sse);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2)
                return 0;
        const bool streams = data[0] & 1, fails = data[0] & 2;
        const NetAsk ask = { .count = 1, .flags = streams ? NET_ASK_STREAM : 0, .key = "name" };
        Bytes parts[NET_PART_MAX] = {};
        Talk talk = { .ask = &ask, .parts = parts, .deliver = deliver };
        HttpAnswer answer = { .status = fails ? 400 + data[0] : 200, .body = { .max = 1 << 20 }, .hints = RETRY_NO_HINTS };
        HttpRequest request = {};
        Error error = {};

        (void)snprintf(answer.type, sizeof(answer.type), streams ? "text/event-stream" : "application/json");
        int r = streams && !fails ? stream(&talk, data + 2, size - 2, (size_t)data[1] + 1) : 0;
        if (!streams || fails)
                (void)bytes_add(&answer.body, data + 2, size - 2);
        if (fails) {
                (void)dialect_chat.explain(&talk, &answer, &error);
                if (error.code >= 0)
                        abort();
        } else if (r >= 0) {
                r = dialect_chat.next(&talk, &answer, &request, &error);
                if ((r < 0) != (error.code < 0) || (r == 0 && talk.n_results != 1) || r > 0)
                        abort();
        }
        if (error.code < 0)
                check_text(error.text, strlen(error.text));
        dialect_chat.done(&talk);
        http_request_done(&request);
        http_answer_done(&answer);
        return 0;
}
