/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "service/remote/gate.h"
#include "service/remote/mention.h"
#include "service/remote/remote.h"

int gate_check_words(const RemoteRules *rules, const char *provider, const GateAsk *ask, Error *error)
{
        const char *texts[] = { ask->prompt, ask->negative };
        char word[64];

        for (size_t i = 0; i < rules->n_restrictions; i++) {
                const Restriction *restriction = &rules->restrictions[i];
                const bool holds = !restriction->providers.text[0] || words_have(&restriction->providers, provider);

                if (holds && mentions(&restriction->words, texts, ELEMENTSOF(texts), word))
                        return error_set(error, GATE_WITHHELD, "%s: not drawn with the word \"%s\" (remote.restrictions)%s%s", provider,
                                         word, restriction->reason[0] ? ": " : "", restriction->reason);
        }
        return 0;
}

int gate_check_place(const Server *server, Error *error)
{
        return server_is_here(server) ? 0 : error_set(error, GATE_WITHHELD, "It is private: nothing was sent to %s", server->name);
}

int gate_check_private(const Privacy *privacy, const Server *server, const char *const *texts, size_t n, bool has_picture, Error *error)
{
        char word[64];

        if (server_is_here(server))
                return 0; /* it does not leave the machine */
        if (has_picture && privacy->pictures)
                return error_set(error, GATE_WITHHELD, "Pictures stay on this machine (remote.private.pictures): nothing was sent to %s",
                                 server->name);
        if (!mentions(&privacy->words, texts, n, word))
                return 0;
        return error_set(error, GATE_WITHHELD,
                         "Prompts with the word \"%s\" stay on this machine (remote.private.words): nothing was sent to %s", word,
                         server->name);
}

static int check_privacy(const Privacy *privacy, const Server *server, const GateAsk *ask, Error *error)
{
        const char *texts[] = { ask->prompt, ask->negative };

        int r = ask->is_private ? gate_check_place(server, error) : 0;
        return r < 0 ? r : gate_check_private(privacy, server, texts, ELEMENTSOF(texts), ask->has_picture, error);
}

/* Whether one picture may cost that much. */
static int check_price(const Budget *budget, const Server *server, const Tariff *tariff, int64_t price, Error *error)
{
        char text[MONEY_TEXT_MAX], limit[MONEY_TEXT_MAX];

        if (!budget->currency[0] || price == 0)
                return 0;
        if (price < 0 || !streq(tariff->currency, budget->currency)) {
                if (budget->unknown_prices)
                        return 0;
                return error_set(error, GATE_OVER_BUDGET,
                                 "What %s costs is not known in %s, and there is a budget: say its price, or set remote.budget.unknown_prices",
                                 server->name, budget->currency);
        }
        if (budget->picture < 0 || price <= budget->picture)
                return 0;
        money_format(text, price, tariff->currency);
        money_format(limit, budget->picture, "");
        return error_set(error, GATE_OVER_BUDGET, "A picture of %s may cost %s, the budget of one is %s", server->name, text, limit);
}

int gate_check(const RemoteRules *rules, const Server *server, const Tariff *tariff, const GateAsk *ask, int64_t *ret_price, Error *error)
{
        const int64_t price = tariff_price(tariff, ask->model, ask->quality, ask->width, ask->height);

        int r = remote_check(server, error);
        if (r >= 0)
                r = check_privacy(&rules->privacy, server, ask, error);
        if (r >= 0)
                r = gate_check_words(rules, server->name, ask, error);
        if (r >= 0)
                r = check_price(&rules->budget, server, tariff, price, error);
        if (r >= 0)
                *ret_price = price;
        return r;
}

int gate_reserve(
                Ledger *ledger, const RemoteRules *rules, const Server *server, const Tariff *tariff, const GateAsk *ask, int64_t price,
                int64_t *ret_entry, Error *error)
{
        LedgerEntry entry = {
                .provider = server->name,
                .service = tariff->service,
                .model = ask->model,
                .app = ask->app,
                .job = ask->job,
                .pictures = ask->pictures,
                .amount = price < 0 ? MONEY_UNKNOWN : price * ask->pictures,
        };

        memcpy(entry.currency, tariff->currency, sizeof(Currency));
        return ledger_reserve(ledger, ret_entry, &rules->budget, &entry, time(NULL), error);
}
