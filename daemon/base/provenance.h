/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who drew a picture that was not drawn here, on which terms, and for how much: as it was known when the job was given to
 * them. Plain; texts are UTF-8 in one line, "" where nothing is known. */

#include <stdbool.h>

#include "base/money.h"

typedef struct Provenance {
        char provider[64]; /* the server's name in the configuration */
        char dialect[32];
        char url[512];
        char service[64]; /* in the tables of prices */
        char model[128]; /* as the server calls it */
        char where[96]; /* it draws */
        char licence[160], owner[96], attribution[160]; /* of the pictures, in the words of the terms */
        char terms[256]; /* their address */
        char dated[16]; /* of the terms that were read: YYYY-MM-DD */
        bool commercial; /* use is permitted, as the terms have it */
        bool seeded; /* it takes seeds: those of the pictures mean something there */
        Currency currency;
        int64_t price; /* of one picture, as foreseen; MONEY_UNKNOWN */
        int64_t reserved, cost; /* of all that were asked for, of all that came; MONEY_UNKNOWN */
        char notes[1024]; /* what became of the request, a sentence a line */
        char revised[4096]; /* the prompt that the server says it drew in place of the one that it got */
} Provenance;
