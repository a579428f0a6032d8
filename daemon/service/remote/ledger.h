/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What was spent on pictures of others: reserved before anything is sent, settled when it is known what it has cost. What was
 * never settled, because the service ended, counts as reserved: it may have cost that.
 *
 *     ledger_reserve(ledger, &id, &budget, &entry, now, &error);
 *     …  ledger_settle(ledger, id, amount, pictures, "done", &error);
 *
 * It is a file of SQLite, $XDG_STATE_HOME/imagined/ledger.sqlite, one row for each job, that others may read:
 *
 *     spending(id, at µs, day 'YYYY-MM-DD' local, provider, service, model, app, job, currency, asked, made,
 *              reserved, settled, outcome)          amounts in millionths; NULL: unknown, or not yet settled
 *
 * The day is never before one that is there already: where the clock was set back, that one goes on until the clock has passed it. */

#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "config-remote.h"

#define LEDGER_OVER_BUDGET (-ENOSR)

typedef struct Ledger Ledger;

typedef struct LedgerEntry {
        const char *provider, *service, *model, *app;
        uint32_t job, pictures;
        Currency currency;
        int64_t amount; /* for all pictures; MONEY_UNKNOWN */
} LedgerEntry;

int ledger_new(Ledger **ret); /* nothing is opened before something is noted */
Ledger *ledger_free(Ledger *ledger);
DEFINE_CLEANUP(Ledger *, ledger_free)

/* LEDGER_OVER_BUDGET with a sentence that names the limit; where the ledger cannot be kept another error, and nothing must be
 * spent: -EPROTO where it is of a newer version. The limit of one picture is not looked at. now: CLOCK_REALTIME. */
int ledger_reserve(Ledger *ledger, int64_t *ret_id, const Budget *budget, const LedgerEntry *entry, time_t now, Error *error);

/* -ESTALE: another file has taken the place of the one that it was reserved in. */
int ledger_settle(Ledger *ledger, int64_t id, int64_t amount, uint32_t pictures, const char *outcome, Error *error);

/* What was spent and reserved in that currency on the day, and in the month, of now. */
int ledger_sums(Ledger *ledger, int64_t *ret_day, int64_t *ret_month, const char *currency, time_t now, Error *error);
