/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HTTP on an event loop (libmicrohttpd): sockets, time limits, bodies. What is asked is for the routes (routes.h); they
 * answer at once or later.
 *
 *     static void ask(Exchange *x)
 *     {
 *             x->state = begin(exchange_body(x, …), on_end, x);        // later: exchange_answer(x, 200, json)
 *     }
 */

#include <jansson.h>

#include "base/error.h"
#include "client/order.h"
#include "client/tokens.h"

#define CONNECTIONS_MAX 32
#define BODIES_BYTES_MAX (160U << 20) /* of all that are being received or kept */

typedef struct Web Web;
typedef struct Exchange Exchange;
typedef struct Route Route;

/* What a program that serves has. */
typedef struct Bridge {
        sd_event *event;
        Link link;
        const char *const *hosts; /* that are ours, too; up to NULL; may be NULL */
        struct Drawing *drawings; /* at work (drawing.h) */
        struct Choice *choices; /* which model an app has chosen (webui.c) */
        Web *web;
} Bridge;

struct Exchange {
        Bridge *bridge;
        const Route *route;
        char app[TOKEN_NAME_MAX + 1]; /* whose token it is */
        void *state; /* the route's; released by its stop() */
        struct Reply *reply; /* of exchange.c */
        Exchange *next;
};

/* idle_usec: how long without a connection until the loop ends; 0: for ever. 0 or a negative errno. */
int web_new(Bridge *bridge, uint64_t idle_usec, Web **ret);

/* Takes connections of a listening socket, which stays the caller's. */
int web_listen(Web *web, int fd);

/* Returns NULL. */
Web *web_free(Web *web);

/* The body as a JSON object, which belongs to the caller; NULL after an answer that says what is wrong with it. The bytes are
 * gone then. */
json_t *exchange_body(Exchange *exchange);

/* A parameter of the query, or NULL. */
const char *exchange_query(Exchange *exchange, const char *name);

/* Answers. The JSON belongs to it. */
void exchange_answer(Exchange *exchange, unsigned status, json_t *json);

/* Answers in the words of the interface that was asked. code: a word of OpenAI's, or NULL. */
void exchange_refuse(Exchange *exchange, unsigned status, const char *code, const char *format, ...) _printf_(4, 5);
void exchange_fail(Exchange *exchange, const Failure *failure);

/* Instead of an answer: server-sent events, any number of them, and an end. */
void exchange_event(Exchange *exchange, const char *name, json_t *json);
void exchange_end_events(Exchange *exchange);
