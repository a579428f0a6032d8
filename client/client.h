/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every verb has at hand: the options, the bus, and how to say things.
 *
 *     ExitCode verb_unload(Client *c)
 *     {
 *             int r = bus_call_manager(c, …);
 *             if (r < 0)
 *                     return bus_fail(c, &error, r);
 *             client_say(c, "The model's memory is free");
 *             return CODE_OK;
 *     }
 */

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "client/options.h"

typedef struct Notifier Notifier;
typedef struct Preview Preview;
typedef struct Progress Progress;

struct Client {
        Options options;
        sd_bus *bus; /* see bus.h */
        bool is_user_bus;
        bool is_silent; /* what it would say goes into error and hint alone: somebody else tells it */
        json_t *to_record; /* what records of the pictures that are made do not know yet (recorded.h), or NULL */
        json_t *extra; /* options of Generate beside those of the command line, each [type, value] (extra-options.h), or NULL */
        json_t *result; /* what --json prints at the end, an object, or NULL */
        json_t *error; /* what client_fail() said last, for it */
        char *hint; /* what it said that the user can do, or NULL */
        Notifier *notifier; /* of --notify (notify.h), or NULL */
        Preview *preview; /* of --preview (terminal/preview.h), or NULL */
        Progress *progress; /* what stands on the terminal and has to go before anything is said; or NULL */
};

/* A line on stderr, unless --quiet. */
void client_say(const Client *client, const char *format, ...) _printf_(2, 3);

/* A line on stderr, also with --quiet: something is not as the user wants it, and the work goes on. */
void client_warn(const Client *client, const char *format, ...) _printf_(2, 3);

/* Says what went wrong on stderr, and keeps it for --json; returns the code. name is a D-Bus error's or
 * NULL; hint, what the user can do now, or NULL. */
ExitCode client_fail_named(
        Client *client, ExitCode code, const char *name, const char *hint, const char *format, ...)
        _printf_(5, 6);

#define client_fail(client, code, ...) client_fail_named(client, code, NULL, NULL, __VA_ARGS__)

/* Likewise for an Error whose text says it all, but for what has no text (-ENOMEM). */
ExitCode client_fail_error(Client *client, ExitCode code, const Error *error, int r);

/* Prints the one object of --json, if it was given: the result, with "error" in it after a failure. Returns
 * the code, or CODE_FAILED if stdout, with what verbs have printed there, cannot be written. */
ExitCode client_print_result(Client *client, ExitCode code);

/* Replaces what a terminal would obey instead of showing (control characters) in a text that came from
 * elsewhere, and what is not UTF-8. */
void client_clean_text(char *text);

/* A line on stdout, cleaned so: for people. */
void client_put_line(const char *text);
