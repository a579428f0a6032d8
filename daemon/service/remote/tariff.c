/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libconfig.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config-file.h"
#include "base/log.h"
#include "base/util.h"
#include "config-fields.h"
#include "service/remote/tariff.h"

#define SIDE_MAX_PRICED 65536
#define TOKENS_UNIT 1000000

/* A service as a table has it. */
typedef struct Entry {
        Tariff tariff;
        char url[256]; /* at or below which its addresses lie; no slash at its end */
        char dialect[32]; /* wherever it runs */
} Entry;

#define PLACE(field) CONFIG_PLACE(Entry, field)
static const ConfigField entry_fields[] = {
        { "name", FIELD_TEXT, PLACE(tariff.service) },
        { "url", FIELD_TEXT, PLACE(url) },
        { "dialect", FIELD_TEXT, PLACE(dialect) },
        { "where", FIELD_TEXT, PLACE(tariff.where) },
        { "terms", FIELD_TEXT, PLACE(tariff.terms) },
        { "dated", FIELD_TEXT, PLACE(tariff.dated) },
        { "prices_dated", FIELD_TEXT, PLACE(tariff.prices_dated) },
        { "prices_from", FIELD_TEXT, PLACE(tariff.prices_from) },
        { "licence", FIELD_TEXT, PLACE(tariff.licence) },
        { "owner", FIELD_TEXT, PLACE(tariff.owner) },
        { "attribution", FIELD_TEXT, PLACE(tariff.attribution) },
        { "warning", FIELD_TEXT, PLACE(tariff.warning) },
        { "commercial", FIELD_SWITCH, PLACE(tariff.commercial) },
        { "currency", FIELD_TEXT, PLACE(tariff.currency) },
        { "prices", FIELD_OTHER, 0, 0 },
};
#undef PLACE

#define PLACE(field) CONFIG_PLACE(TariffPrice, field)
static const ConfigField price_fields[] = {
        { "model", FIELD_TEXT, PLACE(model) },
        { "quality", FIELD_TEXT, PLACE(quality) },
        { "width", FIELD_NUMBER, PLACE(width), 1, SIDE_MAX_PRICED },
        { "height", FIELD_NUMBER, PLACE(height), 1, SIDE_MAX_PRICED },
        { "picture", FIELD_MONEY, PLACE(picture) },
        { "text_in", FIELD_MONEY, PLACE(text_in) },
        { "pictures_in", FIELD_MONEY, PLACE(pictures_in) },
        { "out", FIELD_MONEY, PLACE(out) },
};
#undef PLACE

static const char *read_prices(Tariff *tariff, const config_setting_t *list, char buffer[static 256])
{
        const char *why = NULL;

        if (!config_setting_is_list(list) || config_setting_length(list) > TARIFF_PRICES_MAX)
                return "prices must be a list of at most 64 groups";
        for (int i = 0; i < config_setting_length(list) && !why; i++) {
                TariffPrice *price = &tariff->prices[tariff->n_prices++];
                const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);

                *price = (TariffPrice) { .picture = MONEY_UNKNOWN, .text_in = MONEY_UNKNOWN, .pictures_in = MONEY_UNKNOWN, .out = MONEY_UNKNOWN };
                why = config_setting_is_group(group) ? config_read_group(price, price_fields, ELEMENTSOF(price_fields), group, buffer)
                                                     : "prices must be a list of groups";
        }
        return why;
}

static const char *read_entry(Entry *ret, const config_setting_t *group, char buffer[static 256])
{
        *ret = (Entry) { .tariff = { .currency = "USD" } };
        if (!config_setting_is_group(group))
                return "must be a list of groups: ( { name = \"…\"; } )";
        const char *why = config_read_group(ret, entry_fields, ELEMENTSOF(entry_fields), group, buffer);
        const config_setting_t *prices = config_setting_get_member(group, "prices");
        if (!why && prices)
                why = read_prices(&ret->tariff, prices, buffer);
        if (!why && !currency_is_valid(ret->tariff.currency))
                return "currency must be three capital letters";
        return !why && ret->tariff.service[0] == '\0' ? "each service needs a name" : why;
}

/* Whether the address lies at or below the other, which ends with the host or in a path. */
static bool is_below(const char *url, const char *above)
{
        const size_t n = strlen(above);

        return n > 0 && strncmp(url, above, n) == 0 && (url[n] == '\0' || url[n] == '/');
}

/* A reference by name has the last word; else where the server is, or how it is spoken to. */
static bool is_of(const Entry *entry, const Server *server)
{
        if (server->service[0])
                return streq(entry->tariff.service, server->service);
        return is_below(server->url, entry->url) ||
               (entry->dialect[0] && streq(entry->dialect, server->dialect));
}

/* Whether the file has it; faults are told once for each file, and what stands before them holds. */
static bool search(Tariff *ret, const config_t *file, const char *path, const Server *server)
{
        const config_setting_t *services = config_lookup(file, "services");
        _cleanup_(freep) Entry *entry = malloc(sizeof(Entry));

        for (int i = 0; entry && services && config_setting_is_list(services) && i < config_setting_length(services); i++) {
                const config_setting_t *group = config_setting_get_elem(services, (unsigned)i);
                char buffer[256];
                const char *why = read_entry(entry, group, buffer);

                if (why) {
                        log_warning("%s:%u: %s", path, config_setting_source_line(group), why);
                        return false;
                }
                if (is_of(entry, server)) {
                        *ret = entry->tariff;
                        return true;
                }
        }
        return false;
}

static bool read_table(Tariff *ret, const char *path, const Server *server)
{
        _cleanup_(freep) char *text = NULL;
        config_t file;
        bool found = false;

        int r = config_file_read(path, &text);
        if (r < 0 || !text) {
                if (r != -ENOENT)
                        log_warning("%s: %s", path, strerror(-r));
                return false;
        }
        config_init(&file);
        if (config_read_string(&file, text))
                found = search(ret, &file, path, server);
        else
                log_warning("%s:%d: %s", path, config_error_line(&file), config_error_text(&file));
        config_destroy(&file);
        return found;
}

/* What the configuration says of this server goes before the tables. */
static void overrule(Tariff *tariff, const Server *server)
{
        const bool is_here = server_is_here(server);

        if (is_here)
                (void)snprintf(tariff->where, sizeof(tariff->where), "%s", "this machine");
        else if (!tariff->where[0])
                (void)snprintf(tariff->where, sizeof(tariff->where), "%.90s", server->url);
        if (server->licence[0])
                (void)snprintf(tariff->licence, sizeof(tariff->licence), "%s", server->licence);
        if (server->terms[0])
                (void)snprintf(tariff->terms, sizeof(tariff->terms), "%s", server->terms);
        if (server->price == MONEY_UNKNOWN && !(is_here && tariff->n_prices == 0))
                return;
        tariff->prices_dated[0] = tariff->prices_from[0] = '\0';
        tariff->n_prices = 1;
        tariff->prices[0] = (TariffPrice) {
                .picture = server->price == MONEY_UNKNOWN ? 0 : server->price,
                .text_in = MONEY_UNKNOWN, .pictures_in = MONEY_UNKNOWN, .out = MONEY_UNKNOWN,
        };
        memcpy(tariff->currency, server->currency, sizeof(Currency));
}

void tariff_find(Tariff *ret, char *const *tables, const Server *server)
{
        *ret = (Tariff) { .currency = "USD" };
        for (char *const *path = tables; *path; path++)
                if (read_table(ret, *path, server))
                        break;
        overrule(ret, server);
}

static bool is_model(const TariffPrice *price, const char *model)
{
        return strncmp(price->model, model, strlen(price->model)) == 0;
}

/* How much of what a row says is the very thing that is asked for; negative: it speaks of another one. */
static int fit(const TariffPrice *price, const char *quality, uint32_t width, uint32_t height)
{
        int n = (int)strlen(price->model) * 4;

        if (price->quality[0] && *quality && !streq(price->quality, quality))
                return -1;
        if (price->width > 0 && width > 0 && (price->width != width || price->height != height))
                return -1;
        n += price->quality[0] && *quality;
        return n + (price->width > 0 && width > 0);
}

int64_t tariff_price(const Tariff *tariff, const char *model, const char *quality, uint32_t width, uint32_t height)
{
        int64_t dearest = MONEY_UNKNOWN;
        int best = -1;

        for (size_t i = 0; i < tariff->n_prices; i++) {
                const TariffPrice *price = &tariff->prices[i];
                int n = price->picture >= 0 && is_model(price, model) ? fit(price, quality, width, height) : -1;
                if (n < 0 || n < best)
                        continue;
                dearest = n > best ? price->picture : MAX(dearest, price->picture);
                best = n;
        }
        return dearest;
}

/* The row that names the model most closely, of those that price tokens. */
static const TariffPrice *find_tokens(const Tariff *tariff, const char *model)
{
        const TariffPrice *best = NULL;

        for (size_t i = 0; i < tariff->n_prices; i++) {
                const TariffPrice *price = &tariff->prices[i];
                if (price->out >= 0 && is_model(price, model) && (!best || strlen(price->model) > strlen(best->model)))
                        best = price;
        }
        return best;
}

int64_t tariff_tokens(const Tariff *tariff, const char *model, uint64_t text_in, uint64_t pictures_in, uint64_t out)
{
        const TariffPrice *price = find_tokens(tariff, model);

        if (!price)
                return MONEY_UNKNOWN;
        __int128 sum = (__int128)text_in * MAX(price->text_in, 0) + (__int128)pictures_in * MAX(price->pictures_in, 0) +
                       (__int128)out * price->out;
        sum = (sum + TOKENS_UNIT - 1) / TOKENS_UNIT;
        return sum > MONEY_MAX ? MONEY_MAX : (int64_t)sum;
}
