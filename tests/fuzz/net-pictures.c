/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "net/sse.h"
#include "tests/fuzz/drawn.h"
#include "tests/fuzz/fuzz.h"

/* What servers of pictures may say, in each dialect, one answer after the other: whatever it is, what comes of it are pictures by
 * their first bytes, facts without control characters, requests to the server's own address or marked as links, or an error
 * with a sentence. The first byte says which dialect, the second what was asked; then answers, with 0x1e between them, of which
 * the first byte says what they are: 'j' JSON, 'e' a stream of events, 'i' bytes, 'p' progress asked beside the request, 'x' an
 * error. */

#define SEPARATOR 0x1e
#define URL "http://127.0.0.1/v1"
#define WORKFLOW "{\"1\":{\"inputs\":{\"text\":\"{{prompt}}\",\"seed\":\"{{seed}}\",\"n\":\"{{count}}\",\"i\":\"{{image|}}\",\"m\":\"{{mask|}}\"}}}"

static void check_request(const HttpRequest *request)
{
        if (!request->method || !request->url || (!request->is_link && strncmp(request->url, URL, strlen(URL)) != 0))
                abort();
        if (request->is_link && (request->key_header || !streq(request->method, "GET")))
                abort();
        for (size_t i = 0; i < request->n_headers; i++)
                if (strpbrk(request->headers[i], "\r\n"))
                        abort();
}

typedef struct Session {
        const Dialect *dialect;
        Talk talk;
        HttpRequest request;
} Session;

static int on_event(const char *name, const char *data, size_t size, void *userdata)
{
        Session *s = userdata;
        return s->dialect->event ? s->dialect->event(&s->talk, name, data, size) : -EBADMSG;
}

static int stream(Session *s, const uint8_t *data, size_t size)
{
        Sse sse;

        sse_init(&sse, 1 << 16, on_event, s);
        int r = sse_feed(&sse, (const char *)data, size);
        sse_done(&sse);
        return r;
}

/* One answer; 1: the conversation goes on. */
static int answer_with(Session *s, const uint8_t *data, size_t size, Error *error)
{
        const char kind = size > 0 ? (char)data[0] : 'j';
        HttpAnswer answer = { .status = kind == 'x' ? 403 : 200, .body = { .max = 1 << 20 }, .hints = RETRY_NO_HINTS };
        int r = 0;

        (void)snprintf(answer.type, sizeof(answer.type), "%s", kind == 'e' ? "text/event-stream" : kind == 'i' ? "image/png" : "application/json");
        if (kind == 'e')
                r = stream(s, data + 1, size - 1);
        else if (size > 1)
                (void)bytes_add(&answer.body, data + 1, size - 1);
        if (kind == 'x') {
                (void)s->dialect->explain(&s->talk, &answer, error);
                r = error->code;
        } else if (kind == 'p') {
                if (s->dialect->side_answer && s->talk.state)
                        s->dialect->side_answer(&s->talk, &answer);
                r = 1;
        } else if (r >= 0) {
                http_request_done(&s->request);
                r = s->dialect->next(&s->talk, &answer, &s->request, error);
                if ((r < 0) != (error->code < 0))
                        abort();
                if (r > 0)
                        check_request(&s->request);
        }
        http_answer_done(&answer);
        return r;
}

static void take_back(Session *s)
{
        for (int n = 0; s->dialect->cancel; n++) {
                http_request_done(&s->request);
                if (s->dialect->cancel(&s->talk, &s->request) <= 0)
                        return;
                check_request(&s->request);
                if (n > 3)
                        abort();
        }
}

static void converse(Session *s, const uint8_t *data, size_t size)
{
        Error error = {};
        int r = s->dialect->next(&s->talk, NULL, &s->request, &error);

        while (r > 0 && size > 0) {
                const uint8_t *end = memchr(data, SEPARATOR, size);
                const size_t n = end ? (size_t)(end - data) : size;

                r = answer_with(s, data, n, &error);
                data += n;
                size -= n;
                data += size > 0;
                size -= size > 0;
        }
        if (r == 0 && s->talk.n_results != s->talk.ask->count)
                abort();
        if (error.code < 0)
                check_line(error.text, sizeof(error.text));
        if (r != 0)
                take_back(s);
}

static void fill_parts(Bytes parts[NET_PART_MAX], uint8_t asked)
{
        static const struct {
                NetPart part;
                const char *text;
                uint8_t bit;
        } all[] = {
                { NET_PART_PROMPT, "a fox", 0 }, { NET_PART_WORKFLOW, WORKFLOW, 0 }, { NET_PART_PICTURE, "\x89PNG", 1 }, { NET_PART_MASK, "\x89PNG", 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                parts[all[i].part].max = 1 << 12;
                if ((asked & all[i].bit) == all[i].bit)
                        (void)bytes_add_text(&parts[all[i].part], all[i].text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const NetDialect dialects[] = {
                NET_DIALECT_OPENAI_IMAGES, NET_DIALECT_WEBUI, NET_DIALECT_STABILITY, NET_DIALECT_RUNWAY, NET_DIALECT_MIDJOURNEY_PROXY,
                NET_DIALECT_COMFYUI,
        };
        if (size < 2)
                return 0;
        const uint8_t asked = data[1];
        const NetAsk ask = {
                .url = URL,
                .key = "name",
                .count = 1 + (asked >> 2 & 3),
                .flags = asked & 16 ? NET_ASK_SEED : 0,
                .draw = { .previews = asked & 32 ? 2 : 0, .guidance = -1, .strength = -1 },
        };
        Bytes parts[NET_PART_MAX] = {};
        Session s = {
                .dialect = dialect_get(dialects[data[0] % ELEMENTSOF(dialects)]),
                .talk = { .ask = &ask, .parts = parts, .deliver = deliver, .progress = on_progress },
        };

        fill_parts(parts, asked);
        converse(&s, data + 2, size - 2);
        s.dialect->done(&s.talk);
        http_request_done(&s.request);
        for (size_t i = 0; i < NET_PART_MAX; i++)
                bytes_done(&parts[i]);
        return 0;
}
