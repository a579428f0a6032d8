/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "net/http.h"

DEFINE_CLEANUP(CURLU *, curl_url_cleanup)

static int get(CURLU *url, CURLUPart what, char buffer[static 256], unsigned flags)
{
        char *part = NULL;

        if (curl_url_get(url, what, &part, flags) != CURLUE_OK || strlen(part) >= 256) {
                curl_free(part);
                return -EINVAL;
        }
        (void)snprintf(buffer, 256, "%s", part);
        curl_free(part);
        return 0;
}

static bool has(CURLU *url, CURLUPart what)
{
        char *part = NULL;
        bool there = curl_url_get(url, what, &part, 0) == CURLUE_OK;

        curl_free(part);
        return there;
}

static int split(const char *url, bool is_link, char ret_host[static 256], uint16_t *ret_port, bool *ret_tls)
{
        _cleanup_(curl_url_cleanupp) CURLU *parsed = curl_url();
        char scheme[256], host[256], port[256];

        if (!parsed)
                return -ENOMEM;
        if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
            get(parsed, CURLUPART_SCHEME, scheme, 0) < 0 || get(parsed, CURLUPART_HOST, host, 0) < 0 || host[0] == '\0' ||
            get(parsed, CURLUPART_PORT, port, CURLU_DEFAULT_PORT) < 0)
                return -EINVAL;
        if ((!streq(scheme, "http") && !streq(scheme, "https")) || has(parsed, CURLUPART_USER) || has(parsed, CURLUPART_PASSWORD))
                return -EINVAL;
        if (!is_link && (has(parsed, CURLUPART_QUERY) || has(parsed, CURLUPART_FRAGMENT)))
                return -EINVAL;
        (void)snprintf(ret_host, 256, "%s", host);
        *ret_port = (uint16_t)strtoul(port, NULL, 10);
        *ret_tls = streq(scheme, "https");
        return *ret_port > 0 ? 0 : -EINVAL;
}

int http_split_url(const char *url, char ret_host[static 256], uint16_t *ret_port, bool *ret_tls)
{
        return split(url, false, ret_host, ret_port, ret_tls);
}

int http_split_link(const char *url, char ret_host[static 256], uint16_t *ret_port, bool *ret_tls)
{
        return split(url, true, ret_host, ret_port, ret_tls);
}

int http_request_url(HttpRequest *request, const char *base, const char *path)
{
        size_t n = strlen(base);

        while (n > 0 && base[n - 1] == '/')
                n--;
        free(request->url);
        return asprintf(&request->url, "%.*s%s", (int)n, base, path) < 0 ? (request->url = NULL, -ENOMEM) : 0;
}

int http_request_header(HttpRequest *request, const char *line)
{
        if (request->n_headers == HTTP_HEADERS_MAX || strpbrk(line, "\r\n"))
                return -EINVAL;
        char *copy = strdup(line);
        if (!copy)
                return -ENOMEM;
        request->headers[request->n_headers++] = copy;
        return 0;
}

void http_request_done(HttpRequest *request)
{
        free(request->url);
        for (size_t i = 0; i < request->n_headers; i++)
                free(request->headers[i]);
        bytes_done(&request->body);
        *request = (HttpRequest) {};
}

void http_answer_done(HttpAnswer *answer)
{
        bytes_done(&answer->body);
        *answer = (HttpAnswer) { .hints = RETRY_NO_HINTS };
}

/* The host as a header has it: with the port only where it is not the scheme's, addresses of version 6 in brackets. */
static int add_first_lines(const HttpRequest *request, Bytes *ret)
{
        _cleanup_(curl_url_cleanupp) CURLU *url = curl_url();
        char *path = NULL, *query = NULL, *host = NULL, *port = NULL;
        int r = -ENOMEM;

        if (url && curl_url_set(url, CURLUPART_URL, request->url, 0) == CURLUE_OK &&
            curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
            curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
                (void)curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
                (void)curl_url_get(url, CURLUPART_QUERY, &query, 0);
                const char *const pieces[] = {
                        request->method, " ", path, query ? "?" : "", query ? query : "", " HTTP/1.1\r\nHost: ", host, port ? ":" : "", port ? port : "",
                        "\r\nUser-Agent: imagined/" VERSION "\r\n",
                };
                r = 0;
                for (size_t i = 0; i < ELEMENTSOF(pieces) && r >= 0; i++)
                        r = bytes_add_text(ret, pieces[i]);
        }
        curl_free(path);
        curl_free(query);
        curl_free(host);
        curl_free(port);
        return r;
}

int http_request_print(const HttpRequest *request, const char *key, Bytes *ret)
{
        char length[64];

        int r = add_first_lines(request, ret);
        for (size_t i = 0; i < request->n_headers && r >= 0; i++) {
                r = bytes_add_text(ret, request->headers[i]);
                if (r >= 0)
                        r = bytes_add_text(ret, "\r\n");
        }
        if (r >= 0 && key && request->key_header) {
                r = bytes_add_text(ret, request->key_header);
                if (r >= 0)
                        r = bytes_add_text(ret, key);
                if (r >= 0)
                        r = bytes_add_text(ret, "\r\n");
        }
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", request->body.size);
        if (r >= 0 && streq(request->method, "POST"))
                r = bytes_add_text(ret, length);
        if (r >= 0)
                r = bytes_add_text(ret, "\r\n");
        return r < 0 || request->body.size == 0 ? r : bytes_add(ret, request->body.data, request->body.size);
}
