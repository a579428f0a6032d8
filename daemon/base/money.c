/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/money.h"

#define DECIMALS 6 /* of a millionth */
#define DECIMALS_MIN 2

bool currency_is_valid(const char *name)
{
        return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == sizeof(Currency) - 1 && strlen(name) == sizeof(Currency) - 1;
}

void money_format(char ret[static MONEY_TEXT_MAX], int64_t amount, const char *currency)
{
        char digits[32];

        if (amount < 0) {
                (void)snprintf(ret, MONEY_TEXT_MAX, "?");
                return;
        }
        int n = snprintf(digits, sizeof(digits), "%" PRId64 ".%06" PRId64, amount / MONEY_UNIT, amount % MONEY_UNIT);
        for (int i = DECIMALS; i > DECIMALS_MIN && digits[n - 1] == '0'; i--)
                digits[--n] = '\0';
        (void)snprintf(ret, MONEY_TEXT_MAX, "%s%s%.3s", digits, *currency ? " " : "", currency);
}

int64_t money_from_units(double units)
{
        if (!isfinite(units) || units < 0 || units > (double)MONEY_MAX / (double)MONEY_UNIT)
                return MONEY_UNKNOWN;
        return (int64_t)llround(units * (double)MONEY_UNIT);
}
