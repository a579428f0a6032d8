/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "net/answer.h"
#include "net/clean.h"
#include "net/conversation.h"

#define PROGRESS_INTERVAL (USEC_PER_SEC / 4) /* bytes are told of no more often */
#define SIDE_MS 1000

int conversation_say(Conversation *c, const NetMessage *message, int fd)
{
        NetMessage m = *message;

        m.version = NET_VERSION;
        return net_send(c->socket, &m, fd);
}

static NetProgress progress_of(const Conversation *c, NetStage stage)
{
        return (NetProgress) {
                .stage = stage, .result = MIN(c->n_said, c->ask.count - 1), .try = MAX(c->try, 1U), .may_cost = c->may_cost, .fraction = -1,
        };
}

static int tell(Conversation *c, const NetProgress *progress)
{
        return conversation_say(c, &(NetMessage) { .type = NET_PROGRESS, .progress = *progress }, -1);
}

int conversation_tell(Conversation *c, NetStage stage)
{
        const NetProgress progress = progress_of(c, stage);
        return tell(c, &progress);
}

static void on_stage(NetStage stage, uint64_t received, void *userdata)
{
        Conversation *c = userdata;
        uint64_t now = clock_usec(CLOCK_MONOTONIC);
        NetProgress progress = progress_of(c, stage);

        if (stage == NET_STAGE_CONNECTING || (stage == NET_STAGE_RECEIVING && now - c->told < PROGRESS_INTERVAL))
                return; /* it was told of before */
        c->told = stage == NET_STAGE_RECEIVING ? now : 0;
        progress.received = received;
        (void)tell(c, &progress);
}

/* Whatever the service says after ASK is that it wants no more. */
bool conversation_is_stopped(const Conversation *c)
{
        _cleanup_(closep) int fd = -1;
        NetMessage m;

        return net_receive(c->socket, &m, &fd) != -EAGAIN;
}

static bool on_readable(void *userdata)
{
        return conversation_is_stopped(userdata);
}

static void on_progress(Talk *talk, NetStage stage, double fraction, const char *task)
{
        Conversation *c = talk->userdata;
        NetProgress progress = progress_of(c, stage);

        progress.fraction = MIN(fraction, 1.0);
        (void)snprintf(progress.task, sizeof(progress.task), "%s", task);
        clean_line(progress.task);
        key_redact(&c->key, progress.task, strlen(progress.task));
        (void)tell(c, &progress);
}

/* A memfd of the bytes: of texts without the key, which servers quote. */
static int wrap(const Conversation *c, NetResultKind kind, const void *data, size_t size)
{
        if (kind == NET_RESULT_PICTURE || kind == NET_RESULT_PARTIAL)
                return memfd_new_sealed("result", data, size);
        _cleanup_(freep) char *copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, size);
        copy[size] = '\0';
        key_redact(&c->key, copy, size);
        return memfd_new_sealed("result", copy, size);
}

static int deliver(Talk *talk, const NetResult *result, const void *data, size_t size)
{
        Conversation *c = talk->userdata;
        NetMessage m = { .type = NET_RESULT, .result = *result };
        const bool counts = result->kind != NET_RESULT_PARTIAL;

        if (talk->n_results >= c->ask.count)
                return -EBADMSG;
        key_redact(&c->key, m.result.model, strlen(m.result.model));
        key_redact(&c->key, m.result.revised, strlen(m.result.revised));
        key_redact(&c->key, m.result.mime, strlen(m.result.mime));
        m.result.result = c->n_said;
        talk->n_results += counts;
        c->n_said += counts;
        _cleanup_(closep) int fd = wrap(c, (NetResultKind)result->kind, data, size);
        return fd < 0 ? fd : conversation_say(c, &m, fd);
}

static int on_event(const char *name, const char *data, size_t size, void *userdata)
{
        Conversation *c = userdata;

        return c->dialect->event ? c->dialect->event(&c->talk, name, data, size) : -EBADMSG;
}

static int on_data(const char *bytes, size_t size, void *userdata)
{
        Conversation *c = userdata;
        return sse_feed(&c->sse, bytes, size);
}

static int on_side(HttpRequest *request, void *userdata)
{
        Conversation *c = userdata;
        return c->dialect->side(&c->talk, request);
}

static void on_side_answer(const HttpAnswer *answer, void *userdata)
{
        Conversation *c = userdata;
        c->dialect->side_answer(&c->talk, answer);
}

static HttpWatch watch_for(Conversation *c, const HttpRequest *request)
{
        const bool streams = c->ask.flags & NET_ASK_STREAM || c->ask.draw.previews > 0;
        const bool has_side = request->draws > 0 && c->dialect->side;

        return (HttpWatch) {
                .socket = c->socket,
                .stopped = on_readable,
                .stage = on_stage,
                .data = streams ? on_data : NULL,
                .side_ms = c->wait_max >= 0 ? (uint32_t)c->wait_max : SIDE_MS,
                .side = has_side ? on_side : NULL,
                .side_answer = on_side_answer,
                .userdata = c,
        };
}

static uint32_t chance(void)
{
        uint32_t random = 0;

        (void)!getrandom(&random, sizeof(random), 0);
        return random;
}

static int64_t shorten(const Conversation *c, int64_t ms)
{
        return c->wait_max >= 0 ? MIN(ms, c->wait_max) : ms;
}

/* Of a gateway that got no answer, or none that it understood: what is behind it may be at work all the same. 520 and 524 are
 * Cloudflare's for that. */
static bool may_be_taken(const HttpAnswer *answer)
{
        const long status = answer->status;

        return (status == 502 || status == 504 || status == 520 || status == 524) && answer->hints.wanted <= 0;
}

static bool may_be_repeated(const Dialect *dialect, const HttpAnswer *answer)
{
        return (answer->status == 502 && dialect->repeats_502) || (answer->status == 504 && dialect->repeats_504);
}

/* Whether what draws may have cost something; c->may_cost has it for all tries. */
static bool note_cost(Conversation *c, const HttpAnswer *answer, bool is_answered)
{
        const bool may_cost = answer->was_sent && (!is_answered || answer->status < 400 || may_be_taken(answer));

        c->may_cost = may_cost || (c->try > 1 && c->may_cost);
        return may_cost;
}

/* Once. 1: there is an answer of status 2xx; 0: it may be tried again; else an error, and there is no use in trying again. In
 * both latter cases *error says why. */
static int try_once(Conversation *c, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, Error *error)
{
        sse_done(&c->sse);
        sse_init(&c->sse, c->ask.limits.answer_bytes, on_event, c);
        *error = (Error) {};
        int r = http_exchange(c->http, request, answer, watch, error);
        if (r >= 0 && c->dialect->status && request->draws > 0 && answer->status == 200)
                answer->status = c->dialect->status(answer);
        const bool may_cost = request->draws > 0 && note_cost(c, answer, r >= 0);
        if (r < 0) {
                /* What has begun may have cost something: it is not asked for twice. */
                bool is_final = r == -ECANCELED || r == -ENOMEM || r == NET_BAD_ANSWER || answer->status > 0 || may_cost;
                return is_final ? r : 0;
        }
        if (answer->status >= 200 && answer->status < 300)
                return 1;
        bool is_final = request->is_link ? answer_explain_link(answer, error) : c->dialect->explain(&c->talk, answer, error);
        is_final = is_final || (may_cost && !may_be_repeated(c->dialect, answer));
        return is_final ? error->code : 0;
}

/* Asks until there is an answer of status 2xx, or no use in going on. */
static int ask_server(Conversation *c, const HttpRequest *request, HttpAnswer *answer, Error *error)
{
        const HttpWatch watch = watch_for(c, request);

        for (c->try = 1;; c->try++) {
                /* Who hears no more of it takes it that nothing was sent. */
                if (conversation_tell(c, NET_STAGE_CONNECTING) < 0)
                        return error_set(error, -ECANCELED, "It was cancelled");
                int r = try_once(c, request, answer, &watch, error);
                if (r != 0)
                        return r < 0 ? r : 0;

                c->wait_s = (uint32_t)((MAX(retry_asked(&answer->hints), INT64_C(0)) + 999) / 1000);
                int64_t wait = retry_wait(answer->status, &answer->hints, c->try, chance());
                if (wait < 0 || c->try >= c->ask.limits.tries)
                        return error->code;
                NetProgress progress = progress_of(c, NET_STAGE_BACKING_OFF);
                wait = shorten(c, wait);
                progress.wait_ms = (uint32_t)wait;
                (void)tell(c, &progress);
                r = http_wait(c->http, wait, &watch);
                if (r == -ECANCELED)
                        return error_set(error, r, "It was cancelled");
                if (r < 0)
                        return error->code;
        }
}

/* Up to a quarter of it is left out by chance, so that those who wait do not come at once. */
static int wait_before(Conversation *c, const HttpRequest *request, Error *error)
{
        const HttpWatch watch = watch_for(c, request);
        const uint32_t less = (uint32_t)((uint64_t)(request->delay_ms / 4) * chance() / UINT32_MAX);

        int r = request->delay_ms > 0 ? http_wait(c->http, shorten(c, request->delay_ms - less), &watch) : 0;
        if (r == -ECANCELED)
                return error_set(error, r, "It was cancelled");
        return r < 0 ? error_set(error, NET_UNREACHABLE, "The server took longer than the %u s that it may take", c->ask.limits.total_ms / 1000) : 0;
}

/* The server's task is given up, if it may be at work; nobody waits for what it says to that. */
static void take_back(Conversation *c)
{
        const HttpWatch watch = { .socket = -1 };
        HttpAnswer answer = { .hints = RETRY_NO_HINTS };
        HttpRequest request = {};

        http_give_time(c->http, NET_CANCEL_MS);
        while (c->dialect->cancel && c->dialect->cancel(&c->talk, &request) > 0) {
                (void)http_exchange(c->http, &request, &answer, &watch, NULL);
                http_request_done(&request);
        }
        http_request_done(&request);
        http_answer_done(&answer);
}

int conversation_hold(Conversation *c, Error *error)
{
        HttpAnswer answer = { .hints = RETRY_NO_HINTS };
        HttpRequest request = {};
        bool is_first = true;
        int r;

        while ((r = c->dialect->next(&c->talk, is_first ? NULL : &answer, &request, error)) > 0) {
                is_first = false;
                r = wait_before(c, &request, error);
                if (r >= 0)
                        r = ask_server(c, &request, &answer, error);
                http_request_done(&request);
                if (r < 0)
                        break;
        }
        if (r < 0 && c->may_cost)
                take_back(c);
        http_request_done(&request);
        http_answer_done(&answer);
        return r < 0 && error->code == 0 ? error_set(error, r, "%s", strerror(-r)) : r;
}

int conversation_check(Conversation *c, Error *error)
{
        _cleanup_(http_answer_done) HttpAnswer answer = { .hints = RETRY_NO_HINTS };
        _cleanup_(http_request_done) HttpRequest request = { .method = "GET", .key_header = c->dialect->key_header };

        int r = http_request_url(&request, c->ask.url, c->dialect->check_path);
        if (r >= 0 && c->dialect->check_header)
                r = http_request_header(&request, c->dialect->check_header);
        if (r < 0)
                return error_set(error, r, "Out of memory");
        r = ask_server(c, &request, &answer, error);
        return r < 0 ? r : c->dialect->checked(&c->talk, &answer, error);
}

int conversation_show(Conversation *c, Error *error)
{
        static const NetResult result = { .kind = NET_RESULT_REQUEST };
        char mark[128];
        int r = 0;

        (void)snprintf(mark, sizeof(mark), "<the key %s>", c->ask.key);
        while (r >= 0 && c->talk.n_results < c->ask.count) {
                _cleanup_(bytes_done) Bytes text = { .max = NET_REQUEST_MAX };
                _cleanup_(http_request_done) HttpRequest request = {};

                r = c->dialect->next(&c->talk, NULL, &request, error);
                if (r <= 0)
                        break;
                r = http_request_print(&request, c->ask.key[0] ? mark : NULL, &text);
                if (r >= 0)
                        r = deliver(&c->talk, &result, text.data, text.size);
                c->talk.n_results += MAX(request.draws, 1U) - 1;
        }
        return r < 0 && error->code == 0 ? error_set(error, r, "%s", strerror(-r)) : r;
}

/* For tests: no wait is longer than that many milliseconds. */
static int64_t longest_wait(void)
{
        const char *text = getenv("IMAGINED_NET_TEST_WAIT_MS");

        return text ? strtol(text, NULL, 10) : -1;
}

void conversation_init(Conversation *c, int socket)
{
        *c = (Conversation) { .socket = socket, .wait_max = longest_wait() };
        c->talk = (Talk) { .ask = &c->ask, .parts = c->parts, .deliver = deliver, .progress = on_progress, .userdata = c };
}

void conversation_done(Conversation *c)
{
        http_free(c->http);
        sse_done(&c->sse);
        for (size_t i = 0; i < NET_PART_MAX; i++)
                bytes_done(&c->parts[i]);
        key_done(&c->key);
}
