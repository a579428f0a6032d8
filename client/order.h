/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For programs that ask for somebody else and have several jobs at once on one event loop (mcp/, http/): a connection
 * to the service that is made anew when it was lost, and orders, each a job with the options and errors of its own.
 * Nothing is written to the terminal.
 *
 *     Link link = { .base = options, .event = event };
 *     …
 *     const OrderHooks hooks = { .on_picture = keep, .on_end = answer, .userdata = request };
 *     code = order_new(&link, &options, &inputs, &hooks, &order, &failure);
 *     …
 *     order_cancel(order);                // on_end() follows
 *     order = order_free(order);          // nothing follows; a job at work is cancelled
 */

#include <systemd/sd-event.h>

#include "client/generate.h"
#include "client/track.h"

typedef struct Order Order;

typedef struct Link {
        Options base; /* which bus, and whether the service may be started */
        sd_event *event;
        sd_bus *bus;
        bool is_user_bus;
        Order *abandoned; /* freed, and not ended yet */
} Link;

/* Why something was not done: the code, the D-Bus error's name ("" without one) and a sentence. */
typedef struct Failure {
        ExitCode code;
        char name[128];
        char message[ERROR_TEXT_MAX];
} Failure;

/* A client of the link's connection, for a call or an order; to be released with link_client_done(). */
ExitCode link_open(Link *link, Client *ret, Failure *failure);
void link_client_done(Client *client);
void link_close(Link *link);

/* Puts a sentence into it; the code stays. */
void failure_say(Failure *failure, const char *format, ...) _printf_(2, 3);

/* What a client was told last, as a failure of that code. */
void failure_take(Failure *failure, const Client *client, ExitCode code);

typedef struct OrderHooks {
        /* Takes a picture; false ends the order as failed with what is in *failure. */
        bool (*on_picture)(uint32_t index, uint64_t seed, const JobInfo *job, const Picture *picture, Failure *failure,
                           void *userdata);
        /* Takes a prompt (enhance.h), of order_new_prompts(); likewise. */
        bool (*on_prompt)(json_t *prompt, Failure *failure, void *userdata);
        void (*on_preview)(const Picture *preview, void *userdata); /* may be NULL */
        uint64_t preview_usec;
        void (*on_update)(const JobInfo *job, void *userdata); /* may be NULL */
        /* Once, from the event loop: the order may be freed in it. failure is NULL when all pictures were taken. */
        void (*on_end)(const JobInfo *job, const Failure *failure, void *userdata);
        void *userdata;
} OrderHooks;

/* Asks for the pictures. *options and *inputs are not needed afterwards. CODE_OK, or the code in *failure. */
ExitCode order_new(Link *link, const Options *options, const Inputs *inputs, const OrderHooks *hooks, Order **ret,
                   Failure *failure);

/* Likewise for an idea: prompts, as many as the options' count. */
ExitCode order_new_prompts(Link *link, const Options *options, const char *idea, const json_t *lineage, const OrderHooks *hooks,
                           Order **ret, Failure *failure);

void order_cancel(Order *order);

/* Returns NULL. */
Order *order_free(Order *order);
