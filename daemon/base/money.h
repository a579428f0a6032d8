/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Amounts of money: whole millionths of a currency's unit, for a picture may cost less than a cent. */

#include <stdbool.h>
#include <stdint.h>

#define MONEY_UNIT INT64_C(1000000)
#define MONEY_UNKNOWN INT64_C(-1) /* which is not free */
#define MONEY_MAX (INT64_C(1000000000) * MONEY_UNIT)
#define MONEY_TEXT_MAX 48

typedef char Currency[4]; /* three capital letters (ISO 4217) */
bool currency_is_valid(const char *name);

/* "0.04 USD": two decimals or more, as many as it has; "?" where it is unknown. */
void money_format(char ret[static MONEY_TEXT_MAX], int64_t amount, const char *currency);

/* Of a finite number of units, rounded; MONEY_UNKNOWN: out of 0 to MONEY_MAX. */
int64_t money_from_units(double units);
