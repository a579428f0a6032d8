/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was spent on pictures that others drew, summed up from the ledger that the user's instance of the service keeps
 * (service/remote/ledger.h). Pictures of this machine are not in it: they cost nothing.
 *
 *     r = spending_sum(&(SpendingQuery) { .by_day = true, .since = since }, each, userdata, &error);
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct SpendingQuery {
        bool by_day, by_provider, by_app; /* each of these apart; none of them: all in one, but for the currencies */
        uint64_t since, until; /* from, and before that; µs since 1970; 0: any time */
} SpendingQuery;

typedef struct Spending {
        const char *day, *provider, *app; /* "YYYY-MM-DD", as it was called here; "" where they are not told apart */
        const char *currency; /* "": of a server without prices */
        int64_t settled, reserved; /* in millionths: what it cost; what may have been spent beside that, for nobody has said yet */
        uint64_t requests, unpriced; /* how many; how many of them are in neither sum, because nobody knows what they cost */
        uint64_t pictures; /* that came */
} Spending;

/* Calls each() for each sum, the newest day first, until it returns something else than 0, which is returned. Without a ledger there
 * is none. -EIO: it cannot be read; -ENOMEM. */
typedef int (*spending_each_t)(const Spending *sum, void *userdata);
int spending_sum(const SpendingQuery *query, spending_each_t each, void *userdata, Error *error);
