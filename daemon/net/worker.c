/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/utf8.h"
#include "base/util.h"
#include "net/dialect.h"
#include "net/key.h"
#include "net/sandbox.h"
#include "net/sse.h"
#include "net/worker.h"

#define PROGRESS_INTERVAL (USEC_PER_SEC / 4) /* bytes are told of no more often */

typedef struct NetWorker {
        int socket;
        NetAsk ask;
        Bytes parts[NET_PART_MAX];
        Key key;
        const Dialect *dialect;
        Talk talk;
        Http *http;
        Sse sse;
        uint32_t try;
        uint64_t told; /* CLOCK_MONOTONIC, µs: of bytes */
        int64_t wait_max; /* ms, for tests; -1: none */
} NetWorker;

static int say(const NetWorker *w, const NetMessage *message, int fd)
{
        NetMessage m = *message;

        m.version = NET_VERSION;
        return net_send(w->socket, &m, fd);
}

static void tell(const NetWorker *w, NetStage stage, uint64_t received, uint32_t wait_ms)
{
        (void)say(w,
                  &(NetMessage) {
                                  .type = NET_PROGRESS,
                                  .progress = { .stage = stage, .result = MIN(w->talk.n_results, w->ask.count - 1),
                                                .try = MAX(w->try, 1U), .wait_ms = wait_ms, .received = received, .fraction = -1 },
                  },
                  -1);
}

static void on_stage(NetStage stage, uint64_t received, void *userdata)
{
        NetWorker *w = userdata;
        uint64_t now = clock_usec(CLOCK_MONOTONIC);

        if (stage == NET_STAGE_RECEIVING && now - w->told < PROGRESS_INTERVAL)
                return;
        w->told = stage == NET_STAGE_RECEIVING ? now : 0;
        tell(w, stage, received, 0);
}

/* Whatever the service says after ASK is that it wants no more. */
static bool on_readable(void *userdata)
{
        const NetWorker *w = userdata;
        _cleanup_(closep) int fd = -1;
        NetMessage m;

        return net_receive(w->socket, &m, &fd) != -EAGAIN;
}

static int deliver(Talk *talk, const NetResult *result, const void *data, size_t size)
{
        NetWorker *w = talk->userdata;
        NetMessage m = { .type = NET_RESULT, .result = *result };
        _cleanup_(freep) char *copy = malloc(size + 1);

        if (!copy || talk->n_results >= w->ask.count)
                return copy ? -EBADMSG : -ENOMEM;
        memcpy(copy, data, size);
        copy[size] = '\0';
        key_redact(&w->key, copy, size);
        key_redact(&w->key, m.result.model, strlen(m.result.model));
        m.result.result = talk->n_results++;
        _cleanup_(closep) int fd = memfd_new_sealed("result", copy, size);
        return fd < 0 ? fd : say(w, &m, fd);
}

static int map_part(NetWorker *w, uint32_t part, int fd, Error *error)
{
        Bytes *bytes = &w->parts[part];
        size_t size;

        int r = memfd_check_sealed(fd, NET_PICTURE_MAX, &size);
        if (r < 0)
                return error_set(error, r, "A part cannot be read");
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_set(error, -errno, "A part cannot be read");
        bytes_clear(bytes);
        bytes->max = size;
        r = bytes_add(bytes, data, size);
        (void)munmap(data, size);
        const bool is_text = part != NET_PART_PICTURE && part != NET_PART_MASK;
        if (r >= 0 && is_text && (memchr(bytes->data, '\0', size) || !utf8_is_valid(bytes->data, size)))
                return error_set(error, -EINVAL, "A text is no UTF-8");
        return r < 0 ? error_set(error, r, "Out of memory") : 0;
}

/* Until the service has said all. 1, or 0: it has gone without asking. */
static int collect(NetWorker *w, Error *error)
{
        for (;;) {
                _cleanup_(closep) int fd = -1;
                NetMessage m;

                int r = net_receive(w->socket, &m, &fd);
                if (r <= 0)
                        return r < 0 ? error_set(error, r, "The service broke the protocol") : 0;
                if (m.type == NET_PART) {
                        r = map_part(w, m.part, fd, error);
                        if (r < 0)
                                return r;
                } else if (m.type == NET_ASK) {
                        w->ask = m.ask;
                        return 1;
                } else {
                        return m.type == NET_CANCEL ? 0 : error_set(error, -EBADMSG, "The service broke the protocol");
                }
        }
}

static int on_event(const char *name, const char *data, size_t size, void *userdata)
{
        NetWorker *w = userdata;

        return w->dialect->event ? w->dialect->event(&w->talk, name, data, size) : -EBADMSG;
}

static int on_data(const char *bytes, size_t size, void *userdata)
{
        NetWorker *w = userdata;
        return sse_feed(&w->sse, bytes, size);
}

static uint32_t chance(void)
{
        uint32_t random = 0;

        (void)!getrandom(&random, sizeof(random), 0);
        return random;
}

/* Asks until there is an answer of status 2xx, or no use in going on. */
static int ask_server(NetWorker *w, const HttpRequest *request, HttpAnswer *answer, Error *error)
{
        bool streams = w->ask.flags & NET_ASK_STREAM;
        const HttpWatch watch = {
                .socket = w->socket, .stopped = on_readable, .stage = on_stage, .data = streams ? on_data : NULL, .userdata = w,
        };

        for (w->try = 1;; w->try++) {
                sse_done(&w->sse);
                sse_init(&w->sse, w->ask.limits.answer_bytes, on_event, w);
                *error = (Error) {};
                int r = http_exchange(w->http, request, answer, &watch, error);
                /* What has begun may have cost something: it is not asked for twice. */
                bool is_final = r < 0 && (r == -ECANCELED || r == -ENOMEM || answer->status > 0 || answer->is_cut);
                if (r >= 0 && answer->status >= 200 && answer->status < 300)
                        return 0;
                if (r >= 0)
                        is_final = w->dialect->explain(&w->talk, answer, error);

                int64_t wait = is_final ? RETRY_NEVER : retry_wait(answer->status, &answer->hints, w->try, chance());
                if (wait < 0 || w->try >= w->ask.limits.tries)
                        return error->code;
                wait = w->wait_max >= 0 ? MIN(wait, w->wait_max) : wait;
                tell(w, NET_STAGE_BACKING_OFF, 0, (uint32_t)wait);
                r = http_wait(w->http, wait, &watch);
                if (r == -ECANCELED)
                        return error_set(error, r, "It was cancelled");
                if (r < 0)
                        return error->code;
        }
}

static int converse(NetWorker *w, Error *error)
{
        HttpAnswer answer = { .hints = RETRY_NO_HINTS };
        HttpRequest request = {};
        bool is_first = true;
        int r;

        while ((r = w->dialect->next(&w->talk, is_first ? NULL : &answer, &request, error)) > 0) {
                is_first = false;
                r = ask_server(w, &request, &answer, error);
                http_request_done(&request);
                if (r < 0)
                        break;
        }
        http_request_done(&request);
        http_answer_done(&answer);
        return r < 0 && error->code == 0 ? error_set(error, r, "%s", strerror(-r)) : r;
}

/* What converse() would send first for each result. */
static int show(NetWorker *w, Error *error)
{
        static const NetResult result = { .kind = NET_RESULT_REQUEST };
        char mark[128];
        int r = 0;

        (void)snprintf(mark, sizeof(mark), "<the key %s>", w->ask.key);
        while (r >= 0 && w->talk.n_results < w->ask.count) {
                _cleanup_(bytes_done) Bytes text = { .max = NET_REQUEST_MAX };
                _cleanup_(http_request_done) HttpRequest request = {};

                r = w->dialect->next(&w->talk, NULL, &request, error);
                if (r <= 0)
                        break;
                r = http_request_print(&request, w->ask.key[0] ? mark : NULL, &text);
                if (r >= 0)
                        r = deliver(&w->talk, &result, text.data, text.size);
        }
        return r < 0 && error->code == 0 ? error_set(error, r, "%s", strerror(-r)) : r;
}

/* The doors are shut before the first byte goes out. */
static int prepare(NetWorker *w, Error *error)
{
        const bool has_key = w->ask.key[0] != '\0';
        char host[256];
        uint16_t port;
        bool tls;

        if (http_split_url(w->ask.url, host, &port, &tls) < 0)
                return error_set(error, -EINVAL, "%s is no address of a server", w->ask.url);
        if (has_key)
                tell(w, NET_STAGE_KEY, 0, 0);
        int r = has_key ? key_fetch(&w->key, w->ask.key, w->ask.limits.connect_ms, error) : 0;
        if (r >= 0)
                r = http_new(&w->http, &w->ask, has_key ? w->key.text : NULL, error);
        return r < 0 ? r : net_sandbox_enter(port, error);
}

static void end(const NetWorker *w, int r, Error *error)
{
        NetMessage m = { .type = NET_DONE };

        if (r < 0) {
                key_redact(&w->key, error->text, strlen(error->text));
                m.type = NET_FAILED;
                m.failed.code = error->code;
                (void)snprintf(m.failed.text, sizeof(m.failed.text), "%s", error->text);
        }
        (void)say(w, &m, -1);
}

/* For tests: no wait between tries is longer than that many milliseconds. */
static int64_t longest_wait(void)
{
        const char *text = getenv("IMAGINED_NET_TEST_WAIT_MS");

        return text ? strtol(text, NULL, 10) : -1;
}

int net_worker_run(int socket)
{
        NetWorker *w = calloc(1, sizeof(NetWorker));
        Error error = {};

        if (!w)
                return log_error_errno(-ENOMEM, "The network worker cannot begin");
        w->socket = socket;
        w->wait_max = longest_wait();
        w->talk = (Talk) { .ask = &w->ask, .parts = w->parts, .deliver = deliver, .userdata = w };
        int r = collect(w, &error);
        w->dialect = dialect_get((NetDialect)w->ask.dialect);
        if (r > 0 && !w->dialect)
                r = error_set(&error, NET_UNSUPPORTED, "%s is not spoken", net_dialect_to_string((NetDialect)w->ask.dialect));
        if (r > 0) {
                r = w->dialect->check(&w->talk, &error);
                if (r >= 0 && w->ask.flags & NET_ASK_DRY_RUN)
                        r = show(w, &error);
                else if (r >= 0 && (r = prepare(w, &error)) >= 0)
                        r = converse(w, &error);
                end(w, r, &error);
                w->dialect->done(&w->talk);
                r = 0;
        } else if (r < 0) {
                end(w, r, &error);
        }
        http_free(w->http);
        sse_done(&w->sse);
        for (size_t i = 0; i < NET_PART_MAX; i++)
                bytes_done(&w->parts[i]);
        key_done(&w->key);
        free(w);
        return r;
}
