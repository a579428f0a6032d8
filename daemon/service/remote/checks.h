/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether providers would draw: each is asked as its dialect has it (NET_ASK_CHECK), which draws nothing and costs nothing, and
 * what it said last is remembered. */

#include <systemd/sd-bus.h>

#include "config-servers.h"

struct Service;
typedef struct Checks Checks;

typedef struct CheckResult {
        char name[64]; /* the server's */
        char url[512];
        uint64_t when; /* CLOCK_REALTIME, µs */
        bool ready;
        char text[ERROR_TEXT_MAX]; /* why not; "": it is ready */
} CheckResult;

int checks_new(Checks **ret, struct Service *service);
Checks *checks_free(Checks *checks);

/* Asks; the call is answered with its result when it is there. -EDQUOT: too many are asked already; else the errors of remote_ask(). */
int checks_begin(Checks *checks, sd_bus_message *call, const Server *server, Error *error);

/* What it said last; NULL: it was not asked at that address. */
const CheckResult *checks_find(const Checks *checks, const Server *server);
