/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a request may leave the machine: consent, privacy, restrictions and budget, asked in this order before anything is
 * sent, not even a name looked up. What is refused here has sent nothing.
 *
 *     r = gate_check(rules, server, &tariff, &ask, &price, &error);
 *     if (r >= 0)
 *             r = gate_reserve(ledger, rules, server, &tariff, &ask, price, &entry, &error);
 *     …  ledger_settle(ledger, entry, cost, pictures, "done", &error); */

#include "config-remote.h"
#include "config-servers.h"
#include "service/remote/ledger.h"
#include "service/remote/tariff.h"

#define GATE_WITHHELD (-ERFKILL) /* by a rule of the configuration, or because the call says so */
#define GATE_OVER_BUDGET LEDGER_OVER_BUDGET

typedef struct GateAsk {
        const char *prompt, *negative; /* UTF-8 */
        bool is_private; /* the caller says so */
        bool has_picture; /* one to start from */
        const char *model, *quality; /* "": the server's own */
        uint32_t width, height; /* as the server is asked; 0: its own */
        uint32_t pictures;
        const char *app;
        uint32_t job;
} GateAsk;

/* What holds for any provider, PROVIDER_LOCAL too: restrictions. GATE_WITHHELD with a sentence. */
int gate_check_words(const RemoteRules *rules, const char *provider, const GateAsk *ask, Error *error);

/* What is private goes to servers on this machine only: GATE_WITHHELD. */
int gate_check_place(const Server *server, Error *error);

/* What holds for all texts and pictures that go to that server, also if it draws nothing: GATE_WITHHELD. */
int gate_check_private(const Privacy *privacy, const Server *server, const char *const *texts, size_t n, bool has_picture, Error *error);

/* All but what was spent already. *ret_price: of one picture; MONEY_UNKNOWN. REMOTE_NO_CONSENT, GATE_WITHHELD, GATE_OVER_BUDGET. */
int gate_check(const RemoteRules *rules, const Server *server, const Tariff *tariff, const GateAsk *ask, int64_t *ret_price, Error *error);

/* Notes what the pictures will cost, if day and month have room for it: GATE_OVER_BUDGET. */
int gate_reserve(
                Ledger *ledger, const RemoteRules *rules, const Server *server, const Tariff *tariff, const GateAsk *ask, int64_t price,
                int64_t *ret_entry, Error *error);
