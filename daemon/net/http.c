/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "net/http-resolve.h"
#include "net/http-transfer.h"

#define REDIRECTS_MAX 3
#define LINK_PORT 443

/* For tests, which have no right to listen there. */
static uint16_t link_port(void)
{
        const char *text = getenv("IMAGINED_NET_TEST_LINK_PORT");

        return text ? (uint16_t)strtoul(text, NULL, 10) : LINK_PORT;
}

/* Of the server, and of those to which its links may lead. */
static int read_certificates(Http *http, bool tls, Error *error)
{
        const char *own = http->ask->ca;
        int r = tls || own[0] ? http_read_certificates(&http->certificates, own, error) : 0;

        if (r >= 0 && http->resolver >= 0 && (own[0] || !tls))
                /* Without the system's, links are not trusted. */
                (void)http_read_certificates(&http->certificates, "", NULL);
        return r;
}

int http_new(Http **ret, const NetAsk *ask, const char *key, int resolver, Error *error)
{
        _cleanup_(http_freep) Http *http = calloc(1, sizeof(Http));
        uint16_t port;
        bool tls;

        if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return error_set(error, -ENOMEM, "Out of memory");
        http->ask = ask;
        http->key = key;
        http->resolver = resolver;
        http->link_port = resolver >= 0 ? link_port() : 0;
        http->certificates.max = 8U << 20;
        http_give_time(http, ask->limits.total_ms);
        int r = http_split_url(ask->url, http->host, &port, &tls);
        if (r < 0)
                return error_set(error, -EINVAL, "%s is no address of a server", ask->url);
        r = read_certificates(http, tls, error);
        if (r >= 0)
                r = http_resolve(&http->addresses, http->host, port, error);
        if (r < 0)
                return r;
        http->multi = curl_multi_init();
        if (!http->multi)
                return error_set(error, -ENOMEM, "Out of memory");
        *ret = TAKE_PTR(http);
        return 0;
}

Http *http_free(Http *http)
{
        if (!http)
                return NULL;
        if (http->multi)
                (void)curl_multi_cleanup(http->multi);
        curl_slist_free_all(http->addresses);
        curl_slist_free_all(http->link_addresses);
        bytes_done(&http->certificates);
        free(http);
        return NULL;
}

uint16_t http_link_port(const Http *http)
{
        return http->link_port;
}

void http_give_time(Http *http, uint32_t ms)
{
        http->deadline = clock_usec(CLOCK_MONOTONIC) + ms * USEC_PER_MSEC;
}

/* redirect: where the answer sends it on to, to be freed with curl_free(). */
static int exchange_once(
                Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, char **ret_redirect, Error *error)
{
        Transfer t;

        int r = transfer_begin(&t, http, request, answer, watch, error);
        if (r >= 0)
                r = transfer_drive(&t, error);
        if (r >= 0)
                r = transfer_conclude(&t, error);
        if (r >= 0)
                *ret_redirect = http_redirect(http, request, answer->status, t.location);
        transfer_end(&t);
        return r;
}

int http_exchange(Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, Error *error)
{
        HttpRequest current = *request; /* borrows all but the URL */
        char *url = NULL;
        int r;

        for (int redirects = 0;; redirects++) {
                char *next = NULL;

                r = exchange_once(http, &current, answer, watch, &next, error);
                curl_free(url);
                url = next;
                if (!next || redirects == REDIRECTS_MAX)
                        break;
                current.url = next;
        }
        curl_free(url);
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
