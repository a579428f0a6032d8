/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of http.h: one request on its way, with libcurl. */

#include <curl/curl.h>

#include "net/http.h"

struct Http {
        CURLM *multi;
        const NetAsk *ask;
        const char *key;
        char host[256]; /* the server's */
        struct curl_slist *addresses; /* the server's */
        struct curl_slist *link_addresses; /* of the host of the last link that led elsewhere */
        Bytes certificates;
        int resolver; /* -1: no link leads elsewhere */
        uint16_t link_port; /* the one port of such links */
        uint64_t deadline; /* CLOCK_MONOTONIC, µs: of all of it */
};

typedef struct Transfer { /* transfer_begin(), transfer_end() */
        Http *http;
        CURL *easy; /* NULL: it has not begun */
        struct curl_slist *headers;
        HttpAnswer *answer;
        const HttpWatch *watch;
        char host[256];
        NetStage stage;
        uint64_t stage_begun; /* CLOCK_MONOTONIC, µs */
        uint64_t window_begun, window_received; /* for the idle limit */
        uint64_t received; /* headers and body */
        char location[4096];
        bool leads_elsewhere; /* to a host that the server named: it must be public */
        bool too_large, is_private, is_over;
        int data_result; /* of HttpWatch.data */
        CURLcode code; /* once it is over */
} Transfer;

/* request and answer must outlive it. 0, or an error with a sentence. */
int transfer_begin(Transfer *t, Http *http, const HttpRequest *request, HttpAnswer *answer, const HttpWatch *watch, Error *error);

/* Until it is over, or a limit is reached, or all is to end; the watch's requests beside it are sent meanwhile. */
int transfer_drive(Transfer *t, Error *error);

/* What its end means: 0: there is an answer. */
int transfer_conclude(Transfer *t, Error *error);

void transfer_end(Transfer *t);

/* http-link.c: whether this request may be sent to where its link leads, whose name is looked up. 1: elsewhere; 0: it is the
 * server's own; else an error with a sentence. */
int http_admit(Http *http, const HttpRequest *request, const HttpWatch *watch, Error *error);

/* http-link.c: where an answer sends a request on to. To be freed with curl_free(); NULL: nowhere that is followed. */
char *http_redirect(const Http *http, const HttpRequest *request, long status, const char *location);
