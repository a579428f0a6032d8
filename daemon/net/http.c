/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "net/http-resolve.h"
#include "net/http.h"

#define REDIRECTS_MAX 3
#define ERROR_BODY_MAX (64U * 1024) /* of an answer that is not 2xx */
#define IDLE_BYTES 16 /* in idle_ms, or the answer has stopped */

struct Http {
        CURLM *multi;
        CURL *easy;
        const NetAsk *ask;
        const char *key;
        struct curl_slist *addresses;
        Bytes certificates;
        char host[256];
        uint64_t deadline; /* CLOCK_MONOTONIC, µs: of all of it */
};

/* One request on its way. */
typedef struct Transfer {
        Http *http;
        HttpAnswer *answer;
        const HttpWatch *watch;
        NetStage stage;
        uint64_t stage_begun; /* CLOCK_MONOTONIC, µs */
        uint64_t window_begun, window_received; /* for the idle limit */
        uint64_t received; /* headers and body */
        char location[1024];
        bool too_large;
        int data_result; /* of HttpWatch.data */
} Transfer;

int http_new(Http **ret, const NetAsk *ask, const char *key, Error *error)
{
        _cleanup_(http_freep) Http *http = calloc(1, sizeof(Http));
        uint16_t port;
        bool tls;

        if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return error_set(error, -ENOMEM, "Out of memory");
        http->ask = ask;
        http->key = key;
        http->certificates.max = 8U << 20;
        http->deadline = clock_usec(CLOCK_MONOTONIC) + ask->limits.total_ms * USEC_PER_MSEC;
        int r = http_split_url(ask->url, http->host, &port, &tls);
        if (r < 0)
                return error_set(error, -EINVAL, "%s is no address of a server", ask->url);
        if (tls)
                r = http_read_certificates(&http->certificates, ask->ca, error);
        if (r >= 0)
                r = http_resolve(&http->addresses, http->host, port, error);
        if (r < 0)
                return r;
        http->multi = curl_multi_init();
        http->easy = curl_easy_init();
        if (!http->multi || !http->easy)
                return error_set(error, -ENOMEM, "Out of memory");
        *ret = TAKE_PTR(http);
        return 0;
}

Http *http_free(Http *http)
{
        if (!http)
                return NULL;
        curl_easy_cleanup(http->easy);
        if (http->multi)
                (void)curl_multi_cleanup(http->multi);
        curl_slist_free_all(http->addresses);
        bytes_done(&http->certificates);
        free(http);
        return NULL;
}

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
        char text[1024], *value;

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
        (void)curl_easy_getinfo(t->http->easy, CURLINFO_RESPONSE_CODE, &t->answer->status);
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

static struct curl_slist *make_headers(const Http *http, const HttpRequest *request)
{
        struct curl_slist *list = NULL, *longer;
        _cleanup_(bytes_done) Bytes line = { .max = 8192 };

        for (size_t i = 0; i < request->n_headers; i++) {
                longer = curl_slist_append(list, request->headers[i]);
                if (!longer)
                        goto fail;
                list = longer;
        }
        if (http->key && request->key_header) {
                if (bytes_add_text(&line, request->key_header) < 0 || bytes_add_text(&line, http->key) < 0)
                        goto fail;
                longer = curl_slist_append(list, line.data);
                if (!longer)
                        goto fail;
                list = longer;
        }
        /* What libcurl would add by itself. */
        longer = curl_slist_append(list, "Expect:");
        if (longer)
                return longer;
fail:
        curl_slist_free_all(list);
        return NULL;
}

static void set_up(Transfer *t, const HttpRequest *request, struct curl_slist *headers)
{
        Http *http = t->http;
        CURL *easy = http->easy;
        struct curl_blob blob = { http->certificates.data, http->certificates.size, CURL_BLOB_NOCOPY };

        curl_easy_reset(easy);
        (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
        (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (blob.data)
                (void)curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
        (void)curl_easy_setopt(easy, CURLOPT_RESOLVE, http->addresses);
        (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->ask->limits.connect_ms);
        (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "imagined/" VERSION);
        (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        if (streq(request->method, "POST")) {
                (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
                (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.size > 0 ? request->body.data : "");
                (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        }
        (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
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
                (void)error_set(error, NET_UNREACHABLE, "%s took longer than the %u s that it may take", t->http->host,
                                limits->total_ms / 1000);
        if (next > 0 && t->stage == NET_STAGE_WAITING) {
                next = MIN(next, left(t->stage_begun, limits->first_byte_ms, now));
                if (next == 0)
                        (void)error_set(error, NET_UNREACHABLE, "%s does not answer", t->http->host);
        }
        if (next > 0 && t->stage == NET_STAGE_RECEIVING && left(t->window_begun, limits->idle_ms, now) == 0) {
                if (t->received - t->window_received < IDLE_BYTES) {
                        (void)error_set(error, NET_UNREACHABLE, "%s has stopped in the middle of its answer", t->http->host);
                        return 0;
                }
                t->window_begun = now;
                t->window_received = t->received;
        }
        if (next > 0 && t->stage == NET_STAGE_RECEIVING)
                next = MIN(next, left(t->window_begun, limits->idle_ms, now));
        return next;
}

/* Until libcurl is through (its code in *ret), or a limit is reached, or all is to end. */
static int drive(Transfer *t, CURLcode *ret, Error *error)
{
        CURLM *multi = t->http->multi;
        int running = 1;

        for (;;) {
                struct curl_waitfd extra = { .fd = t->watch->socket, .events = CURL_WAIT_POLLIN };
                uint64_t next;
                curl_off_t connected = 0;

                if (curl_multi_perform(multi, &running) != CURLM_OK)
                        return error_set(error, -ENOMEM, "Out of memory");
                if (running == 0)
                        break;
                (void)curl_easy_getinfo(t->http->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
                if (t->stage == NET_STAGE_CONNECTING && connected > 0)
                        set_stage(t, NET_STAGE_WAITING);
                next = check_limits(t, error);
                if (next == 0)
                        return NET_UNREACHABLE;
                if (curl_multi_poll(multi, &extra, 1, (int)MIN(next, UINT64_C(60000)), NULL) != CURLM_OK)
                        return error_set(error, -ENOMEM, "Out of memory");
                if (extra.revents && t->watch->stopped(t->watch->userdata))
                        return error_set(error, -ECANCELED, "It was cancelled");
        }
        int more;
        const CURLMsg *message = curl_multi_info_read(multi, &more);
        *ret = message ? message->data.result : CURLE_FAILED_INIT;
        return 0;
}

/* What libcurl's code means here. */
static int conclude(Transfer *t, CURLcode code, Error *error)
{
        const char *host = t->http->host;

        if (code == CURLE_OK)
                return 0;
        if (t->too_large)
                return error_set(error, NET_BAD_ANSWER, "%s sent more than %u bytes", host, t->http->ask->limits.answer_bytes);
        if (t->data_result == -ENOMEM)
                return error_set(error, -ENOMEM, "Out of memory");
        if (t->data_result < 0)
                return error_set(error, NET_BAD_ANSWER, "%s sent what is no stream of events of this kind", host);
        if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
                return error_set(error, NET_UNREACHABLE, "%s has no certificate that is trusted", host);
        if (t->answer->status > 0) {
                t->answer->is_cut = true;
                return error_set(error, NET_BAD_ANSWER, "The answer of %s is cut off", host);
        }
        return error_set(error, NET_UNREACHABLE, "%s: %s", host, curl_easy_strerror(code));
}

static int exchange_once(
                Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, char location[static 1024],
                Error *error)
{
        Transfer t = { .http = http, .answer = answer, .watch = watch, .stage = NET_STAGE_MAX };
        struct curl_slist *headers = make_headers(http, request);
        CURLcode code = CURLE_OK;

        http_answer_done(answer);
        if (!headers)
                return error_set(error, -ENOMEM, "Out of memory");
        set_up(&t, request, headers);
        set_stage(&t, NET_STAGE_CONNECTING);
        int r = curl_multi_add_handle(http->multi, http->easy) == CURLM_OK ? 0 : -ENOMEM;
        if (r >= 0)
                r = drive(&t, &code, error);
        (void)curl_multi_remove_handle(http->multi, http->easy);
        /* The header with the key. */
        for (struct curl_slist *h = headers; h; h = h->next)
                explicit_bzero(h->data, strlen(h->data));
        curl_slist_free_all(headers);
        if (r < 0)
                return r;
        (void)snprintf(location, 1024, "%s", t.location);
        return conclude(&t, code, error);
}

/* Another path of the same server; NULL: anything else. To be freed with curl_free(). */
static char *same_server(const char *from, const char *location)
{
        char host[256], other_host[256], *url = NULL;
        uint16_t port = 0, other_port = 0;
        bool tls = false, other_tls = false;
        CURLU *parsed = curl_url();

        if (!parsed || location[0] == '\0' || curl_url_set(parsed, CURLUPART_URL, from, 0) != CURLUE_OK ||
            curl_url_set(parsed, CURLUPART_URL, location, 0) != CURLUE_OK ||
            curl_url_get(parsed, CURLUPART_URL, &url, 0) != CURLUE_OK)
                url = NULL;
        curl_url_cleanup(parsed);
        if (url && http_split_url(from, host, &port, &tls) >= 0 && http_split_url(url, other_host, &other_port, &other_tls) >= 0 &&
            strcasecmp(host, other_host) == 0 && port == other_port && tls == other_tls)
                return url;
        curl_free(url);
        return NULL;
}

int http_exchange(Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, Error *error)
{
        HttpRequest current = *request; /* borrows all but the URL */
        char location[1024] = "", *url = NULL;
        int r = 0;

        for (int redirects = 0;; redirects++) {
                r = exchange_once(http, &current, answer, watch, location, error);
                /* 307 and 308 repeat the request; after the others it would be another one. */
                bool again = r >= 0 && (answer->status == 307 || answer->status == 308);
                char *next = again && redirects < REDIRECTS_MAX ? same_server(current.url, location) : NULL;

                curl_free(url);
                url = next;
                if (!next)
                        break;
                current.url = next;
        }
        if (r >= 0 && answer->status >= 300 && answer->status < 400)
                r = error_set(error, NET_BAD_ANSWER, "%s sends to another address (status %ld), which is not followed",
                              http->host, answer->status);
        return r;
}

int http_wait(Http *http, int64_t ms, const HttpWatch *watch)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + (uint64_t)ms * USEC_PER_MSEC;

        if (end >= http->deadline)
                return -ETIME;
        for (uint64_t now; (now = clock_usec(CLOCK_MONOTONIC)) < end;) {
                struct pollfd fd = { .fd = watch->socket, .events = POLLIN };
                int n = poll(&fd, 1, (int)((end - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC));

                if (n > 0 && watch->stopped(watch->userdata))
                        return -ECANCELED;
        }
        return 0;
}
