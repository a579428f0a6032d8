/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ledger for tests, in the scratch folder. */

#include <stdlib.h>

#include "service/remote/ledger.h"
#include "../scratch.h"

#define CENT (MONEY_UNIT / 100)

static Ledger *ledger;

static inline int ledger_set_up(void **state)
{
        if (scratch_make(state) < 0 || setenv("TZ", "UTC", 1) < 0)
                return -1;
        return setenv("XDG_STATE_HOME", scratch, 1) < 0 ? -1 : ledger_new(&ledger);
}

static inline int ledger_tear_down(void **state)
{
        ledger = ledger_free(ledger);
        return scratch_remove(state);
}
