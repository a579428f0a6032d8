/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One request and its answer, with libcurl, under limits: HTTP/1.1, certificates verified, nothing decompressed, no proxy, no
 * cookies, and no redirect but to another path of the same server. A link that the server gave may lead to another host, too:
 * over https, to its usual port, where the host's address is public, and without the key.
 *
 *     http_new(&http, ask, key, &error);        before the sandbox: it resolves the name and reads certificates
 *     HttpRequest request = { .method = "POST" };
 *     http_request_url(&request, ask->url, "/chat/completions");
 *     http_request_header(&request, "Content-Type: application/json");
 *     r = http_exchange(http, &request, &answer, &watch, &error); */

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "net/bytes.h"
#include "net/protocol.h"
#include "net/retry.h"

#define HTTP_HEADERS_MAX 8

typedef struct HttpRequest { /* http_request_done() */
        const char *method;
        char *url;
        char *headers[HTTP_HEADERS_MAX]; /* "Name: value" */
        size_t n_headers;
        const char *key_header; /* what precedes the key in its header, "Authorization: Bearer "; NULL: it has none */
        Bytes body; /* .max NET_REQUEST_MAX */
        uint32_t delay_ms; /* before it is sent */
        uint32_t draws; /* results that it asks for; it may cost: what may have reached the server is not sent again */
        bool is_link; /* its address is the server's word */
} HttpRequest;

typedef struct HttpAnswer { /* http_answer_done() */
        long status; /* 0: none has come */
        char type[128]; /* of the content, without parameters, in lower case */
        Bytes body; /* without what went to HttpWatch.data */
        RetryHints hints;
        char finish_reason[32], seed[24]; /* Stability's headers; "": they did not come */
        bool was_sent; /* the request, or a part of it */
        bool is_cut; /* the connection ended before the answer did */
} HttpAnswer;

/* Who looks on. */
typedef struct HttpWatch {
        int socket; /* when there is something to read there (-1: nobody says anything) … */
        bool (*stopped)(void *userdata); /* … this says whether all is to end: then -ECANCELED */
        void (*stage)(NetStage stage, uint64_t received, void *userdata);
        int (*data)(const char *bytes, size_t size, void *userdata); /* of a text/event-stream with status 200; NULL: to the body */
        uint32_t side_ms; /* while an answer is waited for, between requests beside this one: */
        int (*side)(HttpRequest *request, void *userdata); /* 1: send it; NULL: there are none */
        void (*side_answer)(const HttpAnswer *answer, void *userdata); /* of status 200 */
        void *userdata;
} HttpWatch;

typedef struct Http Http;

/* The host of a URL, and its port; 0, or -EINVAL: it is no http(s) address, or has a user, a query or a fragment. */
int http_split_url(const char *url, char ret_host[static 256], uint16_t *ret_port, bool *ret_tls);

/* The same of a link, which may have a query and a fragment. */
int http_split_link(const char *url, char ret_host[static 256], uint16_t *ret_port, bool *ret_tls);

/* key: NULL: none is sent. Both must outlive it. resolver: a socket of resolver_start(), or -1: no link leads elsewhere.
 * Blocks while the name is resolved. */
int http_new(Http **ret, const NetAsk *ask, const char *key, int resolver, Error *error);
Http *http_free(Http *http);
DEFINE_CLEANUP(Http *, http_free)

/* 0: there is an answer, whatever its status. Otherwise an error with a sentence: -ECANCELED, NET_UNREACHABLE,
 * NET_BAD_ANSWER, or what HttpWatch.data returned. answer->status, hints are as far as they were seen. */
int http_exchange(Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, Error *error);

/* To which port beside the server's own links may lead; 0: to none. */
uint16_t http_link_port(const Http *http);

/* From now on there are so many milliseconds. */
void http_give_time(Http *http, uint32_t ms);

/* Waits, for at most what is left of the whole time. 0, -ECANCELED, or -ETIME: there is not so much time. */
int http_wait(Http *http, int64_t ms, const HttpWatch *watch);

int http_request_url(HttpRequest *request, const char *base, const char *path);
int http_request_header(HttpRequest *request, const char *line);
void http_request_done(HttpRequest *request);
void http_answer_done(HttpAnswer *answer);

/* The very bytes that http_exchange() sends, with key in the place of the key (NULL: without that header). */
int http_request_print(const HttpRequest *request, const char *key, Bytes *ret);
