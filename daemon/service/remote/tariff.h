/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of the services behind servers, from dated tables (conf/providers.conf) and the configuration: what a picture
 * costs, and on which terms it is made. What stands nowhere is unknown, which is neither free nor permitted.
 *
 *     tariff_find(&tariff, config->provider_tables, server);
 *     amount = tariff_price(&tariff, "gpt-image-1", "low", 1024, 1024);
 *     …  amount = tariff_tokens(&tariff, model, text_in, pictures_in, out); */

#include "base/money.h"
#include "config-servers.h"

#define TARIFF_PRICES_MAX 64

/* A row fits what it does not contradict. */
typedef struct TariffPrice {
        char model[64]; /* the beginning of their names; "": any */
        char quality[16]; /* "": any */
        uint32_t width, height; /* 0: any */
        int64_t picture; /* MONEY_UNKNOWN: it is not priced by the picture */
        int64_t text_in, pictures_in, out; /* of a million tokens; MONEY_UNKNOWN */
} TariffPrice;

typedef struct Tariff {
        char service[64]; /* "": no table knows it */
        char where[96]; /* it draws */
        char terms[256]; /* their address */
        char dated[16]; /* of the terms that were read: YYYY-MM-DD; "": they were not */
        char prices_dated[16], prices_from[160]; /* when and where the prices were read */
        char licence[160], owner[96]; /* of pictures, in the words of the terms */
        char attribution[160]; /* that is asked for; "": none is known of */
        char warning[256]; /* for who is about to consent */
        bool commercial; /* use is permitted, as the terms have it */
        Currency currency;
        size_t n_prices;
        TariffPrice prices[TARIFF_PRICES_MAX];
} Tariff;

/* All that is known of that server, at least where it is. Tables that cannot be read are passed over with a warning in the log. */
void tariff_find(Tariff *ret, char *const *tables, const Server *server);

/* What one picture will cost at most, going by what is known: where rows contradict each other, the dearest. width 0: any
 * size; quality "": any. MONEY_UNKNOWN. */
int64_t tariff_price(const Tariff *tariff, const char *model, const char *quality, uint32_t width, uint32_t height);

/* What tokens have cost; MONEY_UNKNOWN: they are not what is paid for. */
int64_t tariff_tokens(const Tariff *tariff, const char *model, uint64_t text_in, uint64_t pictures_in, uint64_t out);
