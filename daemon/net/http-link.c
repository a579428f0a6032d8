/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/util.h"
#include "net/http-resolve.h"
#include "net/http-transfer.h"

/* Scheme, host and port are those of the configuration. */
static bool is_own(const Http *http, const char *url)
{
        char host[256], other_host[256];
        uint16_t port = 0, other_port = 0;
        bool tls = false, other_tls = false;

        return http_split_url(http->ask->url, host, &port, &tls) >= 0 &&
               http_split_link(url, other_host, &other_port, &other_tls) >= 0 && strcasecmp(host, other_host) == 0 &&
               port == other_port && tls == other_tls;
}

/* The name is looked up by the process outside; who has asked may want no more meanwhile. */
static int look_up(Http *http, const char *host, const HttpWatch *watch, char ret[static RESOLVER_TEXT_MAX], Error *error)
{
        struct pollfd fds[] = { { .fd = http->resolver, .events = POLLIN }, { .fd = watch->socket, .events = POLLIN } };

        int r = resolver_send(http->resolver, host, error);
        if (r < 0)
                return r;
        for (;;) {
                int n = poll(fds, ELEMENTSOF(fds), (int)http->ask->limits.connect_ms);

                if (n == 0) {
                        http->resolver = -1; /* its answer may still come, to another question */
                        return error_set(error, NET_UNREACHABLE, "%s cannot be looked up in time", host);
                }
                if (fds[1].revents && watch->stopped(watch->userdata))
                        return error_set(error, -ECANCELED, "It was cancelled");
                if (fds[0].revents)
                        return resolver_receive(http->resolver, ret, error);
        }
}

int http_admit(Http *http, const HttpRequest *request, const HttpWatch *watch, Error *error)
{
        char host[256], addresses[RESOLVER_TEXT_MAX];
        uint16_t port;
        bool tls;

        if (is_own(http, request->url))
                return 0;
        if (http->resolver < 0 || !streq(request->method, "GET") || http_split_link(request->url, host, &port, &tls) < 0 || !tls ||
            port != http->link_port)
                return error_set(error, NET_BAD_ANSWER, "The server sends to an address that is not followed");
        if (http_is_address(host)) /* it is judged when it is connected to, as all are */
                return 1;
        int r = look_up(http, host, watch, addresses, error);
        if (r < 0)
                return r;
        curl_slist_free_all(http->link_addresses);
        http->link_addresses = NULL;
        r = http_pin(&http->link_addresses, host, port, addresses);
        return r < 0 ? error_set(error, r, "Out of memory") : 1;
}

/* NULL: it is no address, or there is no memory. */
static char *resolve_location(const char *from, const char *location)
{
        char *url = NULL;
        CURLU *parsed = curl_url();

        if (!parsed || location[0] == '\0' || curl_url_set(parsed, CURLUPART_URL, from, 0) != CURLUE_OK ||
            curl_url_set(parsed, CURLUPART_URL, location, 0) != CURLUE_OK ||
            curl_url_get(parsed, CURLUPART_URL, &url, 0) != CURLUE_OK)
                url = NULL;
        curl_url_cleanup(parsed);
        return url;
}

char *http_redirect(const Http *http, const HttpRequest *request, long status, const char *location)
{
        /* 307 and 308 repeat the request; after the others it would be another one, unless it only fetches. */
        const bool repeats = status == 307 || status == 308;
        const bool fetches = request->is_link && (status == 301 || status == 302 || status == 303);
        char *url = repeats || fetches ? resolve_location(request->url, location) : NULL;

        /* A link's next address is looked at as the first was. */
        if (!url || request->is_link || is_own(http, url))
                return url;
        curl_free(url);
        return NULL;
}
