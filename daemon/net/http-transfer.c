/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "net/address.h"
#include "net/http-transfer.h"

#define ERROR_BODY_MAX (64U * 1024) /* of an answer that is not 2xx */
#define IDLE_BYTES 16 /* in idle_ms, or the answer has stopped */

static void set_stage(Transfer *t, NetStage stage)
{
        if (stage != t->stage) {
                t->stage = stage;
                t->stage_begun = t->window_begun = clock_usec(CLOCK_MONOTONIC);
        }
        if (t->watch->stage)
                t->watch->stage(stage, t->received, t->watch->userdata);
}

static void take_type(HttpAnswer *answer, const char *value)
{
        size_t n = MIN(strcspn(value, "; \t"), sizeof(answer->type) - 1);

        for (size_t i = 0; i < n; i++)
                answer->type[i] = (char)tolower((unsigned char)value[i]);
        answer->type[n] = '\0';
}

/* "Name: value\r\n" */
static void take_header(Transfer *t, const char *line, size_t size)
{
        char text[sizeof(t->location) + 16], *value;

        if (size >= sizeof(text) || memchr(line, '\0', size))
                return;
        memcpy(text, line, size);
        text[size] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        value = strchr(text, ':');
        if (!value)
                return;
        *value++ = '\0';
        value += strspn(value, " \t");
        if (strcasecmp(text, "content-type") == 0)
                take_type(t->answer, value);
        else if (strcasecmp(text, "location") == 0)
                (void)snprintf(t->location, sizeof(t->location), "%s", value);
        else if (strcasecmp(text, "finish-reason") == 0)
                (void)snprintf(t->answer->finish_reason, sizeof(t->answer->finish_reason), "%s", value);
        else if (strcasecmp(text, "seed") == 0)
                (void)snprintf(t->answer->seed, sizeof(t->answer->seed), "%s", value);
        else
                retry_read_header(&t->answer->hints, text, value, (int64_t)time(NULL));
}

static bool count(Transfer *t, size_t size)
{
        if (t->stage != NET_STAGE_RECEIVING)
                set_stage(t, NET_STAGE_RECEIVING);
        t->received += size;
        t->too_large = t->too_large || t->received > t->http->ask->limits.answer_bytes;
        return !t->too_large;
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
        Transfer *t = userdata;
        (void)one;

        if (!count(t, size))
                return 0;
        if (size > 5 && strncmp(line, "HTTP/", 5) == 0) { /* of a further answer, after "100 Continue" */
                t->answer->type[0] = t->location[0] = '\0';
                t->answer->hints = (RetryHints) RETRY_NO_HINTS;
        } else {
                take_header(t, line, size);
        }
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->answer->status);
        return size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *userdata)
{
        Transfer *t = userdata;
        HttpAnswer *answer = t->answer;
        bool good = answer->status >= 200 && answer->status < 300;
        (void)one;

        if (!count(t, size))
                return 0;
        set_stage(t, NET_STAGE_RECEIVING);
        if (good && t->watch->data && streq(answer->type, "text/event-stream")) {
                t->data_result = t->watch->data(bytes, size, t->watch->userdata);
                return t->data_result < 0 ? 0 : size;
        }
        answer->body.max = good ? t->http->ask->limits.answer_bytes : ERROR_BODY_MAX;
        /* The beginning of an error's text says enough. */
        size_t room = answer->body.max - answer->body.size;
        t->data_result = bytes_add(&answer->body, bytes, good ? size : MIN(size, room));
        return t->data_result < 0 ? 0 : size;
}

/* For tests: this machine counts as public. */
static bool tests_downloads(void)
{
        return getenv("IMAGINED_NET_TEST_LINK_PORT");
}

/* The last word on where a connection goes, whatever the name was. */
static curl_socket_t on_socket(void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
        Transfer *t = userdata;
        (void)purpose;

        if (t->leads_elsewhere && !address_is_public(&address->addr) && !tests_downloads()) {
                t->is_private = true;
                return CURL_SOCKET_BAD;
        }
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int add_header(struct curl_slist **list, const char *line)
{
        struct curl_slist *longer = curl_slist_append(*list, line);

        if (!longer)
                return -ENOMEM;
        *list = longer;
        return 0;
}

static int make_headers(Transfer *t, const HttpRequest *request)
{
        _cleanup_(bytes_done) Bytes line = { .max = 8192 };
        int r = 0;

        for (size_t i = 0; i < request->n_headers && r >= 0; i++)
                r = add_header(&t->headers, request->headers[i]);
        if (r >= 0 && t->http->key && request->key_header && !t->leads_elsewhere) {
                r = bytes_add_text(&line, request->key_header);
                if (r >= 0)
                        r = bytes_add_text(&line, t->http->key);
                if (r >= 0)
                        r = add_header(&t->headers, line.data);
        }
        /* What libcurl would add by itself. */
        return r < 0 ? r : add_header(&t->headers, "Expect:");
}

static void set_certificates(const Transfer *t)
{
        struct curl_blob blob = { t->http->certificates.data, t->http->certificates.size, CURL_BLOB_NOCOPY };

        (void)curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
        (void)curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
        (void)curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        (void)curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
        if (blob.data)
                (void)curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob);
}

static void set_method(const Transfer *t, const HttpRequest *request)
{
        if (streq(request->method, "POST")) {
                (void)curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
                (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, request->body.size > 0 ? request->body.data : "");
                (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        } else if (!streq(request->method, "GET")) {
                (void)curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, request->method);
        }
}

static void set_up(Transfer *t, const HttpRequest *request)
{
        const Http *http = t->http;
        CURL *easy = t->easy;

        (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
        (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, t->leads_elsewhere ? "https" : "http,https");
        (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        /* On a connection that was used before, and that the server then left, libcurl would send it again by itself. */
        (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)(request->draws > 0));
        (void)curl_easy_setopt(easy, CURLOPT_RESOLVE, t->leads_elsewhere ? http->link_addresses : http->addresses);
        (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->ask->limits.connect_ms);
        (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "imagined/" VERSION);
        (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
        (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
        (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
        (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
        set_certificates(t);
        set_method(t, request);
}

int transfer_begin(Transfer *t, Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, Error *error)
{
        uint16_t port;
        bool tls;

        http_answer_done(answer);
        *t = (Transfer) { .http = http, .answer = answer, .watch = watch, .stage = NET_STAGE_MAX };
        int r = request->is_link ? http_admit(http, request, watch, error) : 0;
        if (r < 0)
                return r;
        t->leads_elsewhere = r > 0;
        (void)http_split_link(request->url, t->host, &port, &tls);
        t->easy = curl_easy_init();
        r = t->easy ? make_headers(t, request) : -ENOMEM;
        if (r >= 0) {
                set_up(t, request);
                set_stage(t, NET_STAGE_CONNECTING);
                r = curl_multi_add_handle(http->multi, t->easy) == CURLM_OK ? 0 : -ENOMEM;
        }
        return r < 0 ? error_set(error, r, "Out of memory") : 0;
}

void transfer_end(Transfer *t)
{
        if (t->easy) {
                (void)curl_multi_remove_handle(t->http->multi, t->easy);
                curl_easy_cleanup(t->easy);
        }
        /* One of them holds the key. */
        for (struct curl_slist *h = t->headers; h; h = h->next)
                explicit_bzero(h->data, strlen(h->data));
        curl_slist_free_all(t->headers);
        t->easy = NULL;
        t->headers = NULL;
}

static uint64_t left(uint64_t begun, uint64_t ms, uint64_t now)
{
        uint64_t end = begun + ms * USEC_PER_MSEC;

        return end > now ? (end - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC : 0;
}

/* Milliseconds until the next limit; 0 with a sentence: one is reached. */
static uint64_t check_limits(Transfer *t, Error *error)
{
        const NetLimits *limits = &t->http->ask->limits;
        uint64_t now = clock_usec(CLOCK_MONOTONIC), next = left(t->http->deadline, 0, now);

        if (next == 0)
                (void)error_set(error, NET_UNREACHABLE, "%s took longer than the %u s that it may take", t->host,
                                limits->total_ms / 1000);
        if (next > 0 && t->stage == NET_STAGE_WAITING) {
                next = MIN(next, left(t->stage_begun, limits->first_byte_ms, now));
                if (next == 0)
                        (void)error_set(error, NET_UNREACHABLE, "%s does not answer", t->host);
        }
        if (next > 0 && t->stage == NET_STAGE_RECEIVING && left(t->window_begun, limits->idle_ms, now) == 0) {
                if (t->received - t->window_received < IDLE_BYTES) {
                        (void)error_set(error, NET_UNREACHABLE, "%s has stopped in the middle of its answer", t->host);
                        return 0;
                }
                t->window_begun = now;
                t->window_received = t->received;
        }
        if (next > 0 && t->stage == NET_STAGE_RECEIVING)
                next = MIN(next, left(t->window_begun, limits->idle_ms, now));
        return next;
}

static void take_ends(CURLM *multi)
{
        const CURLMsg *message;
        int more;

        while ((message = curl_multi_info_read(multi, &more))) {
                Transfer *t = NULL;

                (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
                t->is_over = true;
                t->code = message->data.result;
        }
}

/* A request beside another one, again and again. */
typedef struct Side {
        Transfer transfer;
        HttpRequest request;
        HttpAnswer answer;
        HttpWatch watch; /* nobody hears of its stages */
        uint64_t next; /* CLOCK_MONOTONIC, µs: when the next is due */
} Side;

static void side_end(Side *side)
{
        transfer_end(&side->transfer);
        http_request_done(&side->request);
        http_answer_done(&side->answer);
}

/* Nothing that goes wrong here matters. Milliseconds until there is something to do. */
static uint64_t side_step(Side *side, const Transfer *t)
{
        const HttpWatch *watch = t->watch;
        uint64_t now = clock_usec(CLOCK_MONOTONIC);

        if (!watch->side)
                return UINT64_MAX;
        if (side->transfer.easy && side->transfer.is_over) {
                if (side->transfer.code == CURLE_OK && side->answer.status == 200)
                        watch->side_answer(&side->answer, watch->userdata);
                side_end(side);
                side->next = now + watch->side_ms * USEC_PER_MSEC;
        }
        if (side->next == 0)
                side->next = now + watch->side_ms * USEC_PER_MSEC;
        if (!side->transfer.easy && now >= side->next && t->stage == NET_STAGE_WAITING) {
                side->next = now + watch->side_ms * USEC_PER_MSEC;
                if (watch->side(&side->request, watch->userdata) <= 0 ||
                    transfer_begin(&side->transfer, t->http, &side->request, &side->answer, &side->watch, NULL) < 0)
                        side_end(side);
        }
        return MAX(left(side->next, 0, now), UINT64_C(1));
}

static int drive(Transfer *t, Side *side, Error *error)
{
        CURLM *multi = t->http->multi;
        int running;

        for (;;) {
                struct curl_waitfd extra = { .fd = t->watch->socket, .events = CURL_WAIT_POLLIN };
                const unsigned n_extra = t->watch->socket >= 0;
                curl_off_t connected = 0;

                if (curl_multi_perform(multi, &running) != CURLM_OK)
                        return error_set(error, -ENOMEM, "Out of memory");
                take_ends(multi);
                (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
                t->answer->was_sent = connected > 0;
                if (t->is_over)
                        return 0;
                if (t->stage == NET_STAGE_CONNECTING && connected > 0)
                        set_stage(t, NET_STAGE_WAITING);
                uint64_t next = check_limits(t, error);
                if (next == 0)
                        return NET_UNREACHABLE;
                next = MIN(next, side_step(side, t));
                if (curl_multi_poll(multi, &extra, n_extra, (int)MIN(next, UINT64_C(60000)), NULL) != CURLM_OK)
                        return error_set(error, -ENOMEM, "Out of memory");
                if (extra.revents && t->watch->stopped(t->watch->userdata))
                        return error_set(error, -ECANCELED, "It was cancelled");
        }
}

int transfer_drive(Transfer *t, Error *error)
{
        Side side = { .watch = { .socket = -1 }, .answer = { .hints = RETRY_NO_HINTS } };

        int r = drive(t, &side, error);
        side_end(&side);
        return r;
}

int transfer_conclude(Transfer *t, Error *error)
{
        const char *host = t->host;

        if (t->code == CURLE_OK)
                return 0;
        if (t->is_private)
                return error_set(error, NET_BAD_ANSWER, "The server sends to %s, which is not on the Internet", host);
        if (t->too_large)
                return error_set(error, NET_BAD_ANSWER, "%s sent more than %u bytes", host, t->http->ask->limits.answer_bytes);
        if (t->data_result == -ENOMEM)
                return error_set(error, -ENOMEM, "Out of memory");
        if (t->data_result < 0)
                return error_set(error, NET_BAD_ANSWER, "%s sent what is no stream of events of this kind", host);
        if (t->code == CURLE_PEER_FAILED_VERIFICATION || t->code == CURLE_SSL_CACERT_BADFILE)
                return error_set(error, NET_UNREACHABLE, "%s has no certificate that is trusted", host);
        if (t->answer->status > 0) {
                t->answer->is_cut = true;
                return error_set(error, NET_BAD_ANSWER, "The answer of %s is cut off", host);
        }
        return error_set(error, NET_UNREACHABLE, "%s: %s", host, curl_easy_strerror(t->code));
}
