/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* web.c: sockets and the loop; exchange.c: one request and its answer. */

#include <microhttpd.h>

#include "client/http/routes.h"

struct Web {
        Bridge *bridge;
        struct MHD_Daemon *daemon;
        sd_event_source *ready, *timeout, *pump, *idle, *rest;
        sd_event_source *listeners[8];
        size_t n_listeners;
        uint64_t idle_usec;
        unsigned n_connections;
        size_t bodies; /* bytes */
        Exchange *exchanges; /* all that are not over */
};

/* Its time for asking, or for reading an answer; from MHD's socket context. */
typedef struct Visit {
        Web *web;
        int fd;
        sd_event_source *deadline;
} Visit;

typedef struct Reply {
        struct MHD_Connection *connection;
        Manner manner;
        sd_event_source *watch; /* whether the other side has gone */
        char *body;
        size_t size, room;
        bool is_asked, is_answered, is_suspended, is_too_large;
        unsigned status;
        char *text; /* of the answer */
        char *events;
        size_t n_events, events_room;
        bool is_streaming, has_ended;
} Reply;

enum MHD_Result exchange_handle(void *web, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **context);
/* Lets go of what is waited for, since libmicrohttpd ends. */
void exchange_abandon(Exchange *exchange);

void exchange_over(void *web, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code);

/* What libmicrohttpd has to be told when something has changed behind its back. */
void web_wake(Web *web);

/* How long the connection's next stage may take. */
void visit_set_deadline(struct MHD_Connection *connection, uint64_t usec);
