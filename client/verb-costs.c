/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/money.h"
#include "base/util.h"
#include "client/bus.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/spending.h"
#include "client/table.h"

typedef struct Costs {
        SpendingQuery query;
        bool is_shown; /* and not JSON alone */
        Table table;
        json_t *sums, *totals;
} Costs;

/* --- for people --- */

static void add_heads(Table *table, const SpendingQuery *by)
{
        const char *heads[] = { by->by_day ? _("DAY") : NULL, by->by_provider ? _("PROVIDER") : NULL, by->by_app ? _("APP") : NULL, _("PICTURES"),
                                _("SPENT"), _("RESERVED"), _("UNKNOWN") };

        for (size_t i = 0; i < ELEMENTSOF(heads); i++)
                if (heads[i]) {
                        table_add(table, "%s", heads[i]);
                        table->columns++;
                }
}

/* What is not known is no 0. */
static void add_amount(Table *table, const Spending *sum, int64_t amount)
{
        char text[MONEY_TEXT_MAX];

        money_format(text, sum->unpriced == sum->requests ? MONEY_UNKNOWN : amount, sum->currency);
        table_add(table, "%s", text);
}

static void add_row(Table *table, const SpendingQuery *by, const Spending *sum)
{
        if (by->by_day)
                table_add(table, "%s", sum->day);
        if (by->by_provider)
                table_add(table, "%s", sum->provider);
        if (by->by_app)
                table_add(table, "%s", sum->app);
        table_add(table, "%" PRIu64, sum->pictures);
        add_amount(table, sum, sum->settled);
        add_amount(table, sum, sum->reserved);
        table_add(table, "%" PRIu64, sum->unpriced);
}

static void print_total(const Spending *sum)
{
        char settled[MONEY_TEXT_MAX], reserved[MONEY_TEXT_MAX];

        money_format(settled, sum->settled, sum->currency);
        money_format(reserved, sum->reserved, sum->currency);
        if (sum->unpriced < sum->requests)
                (void)printf(_("In all %s, and %s reserved\n"), settled, reserved);
        if (sum->unpriced > 0)
                (void)printf(_("Requests of unknown cost: %u\n"), (unsigned)sum->unpriced);
}

/* --- both --- */

static json_t *to_json(const SpendingQuery *by, const Spending *sum)
{
        return json_pack("{s:s*, s:s*, s:s*, s:s, s:I, s:I, s:I, s:I, s:I}", "day", by->by_day ? sum->day : NULL, "provider",
                         by->by_provider ? sum->provider : NULL, "app", by->by_app ? sum->app : NULL, "currency", sum->currency, "settled",
                         (json_int_t)sum->settled, "reserved", (json_int_t)sum->reserved, "requests", (json_int_t)sum->requests,
                         "unpriced", (json_int_t)sum->unpriced, "pictures", (json_int_t)sum->pictures);
}

static int on_sum(const Spending *sum, void *userdata)
{
        Costs *costs = userdata;

        add_row(&costs->table, &costs->query, sum);
        return json_array_append_new(costs->sums, to_json(&costs->query, sum)) < 0 ? -ENOMEM : 0;
}

static int on_total(const Spending *sum, void *userdata)
{
        Costs *costs = userdata;

        if (costs->is_shown)
                print_total(sum);
        return json_array_append_new(costs->totals, to_json(&(SpendingQuery) { 0 }, sum)) < 0 ? -ENOMEM : 0;
}

/* --- what is left --- */

/* NULL: there is none, or nobody to ask. */
static json_t *read_budget(Client *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_t *budget = NULL;

        if (bus_try(c) < 0 || bus_call_manager(c, "GetBudget", &error, &reply, "") < 0 || json_read_dict(reply, &budget) < 0)
                return NULL;
        if (json_object_size(budget) > 0)
                return budget;
        json_decref(budget);
        return NULL;
}

static void print_left(const json_t *budget, const char *limit, const char *spent, const char *format)
{
        const char *currency = json_string_value(json_object_get(budget, "currency"));
        const json_t *most = json_object_get(budget, limit);
        char left_text[MONEY_TEXT_MAX], most_text[MONEY_TEXT_MAX];

        if (!most || !currency)
                return;
        const int64_t left = json_integer_value(most) - json_integer_value(json_object_get(budget, spent));
        money_format(left_text, MAX(left, INT64_C(0)), currency);
        money_format(most_text, json_integer_value(most), currency);
        (void)printf(format, left_text, most_text);
}

static void print_budget(const json_t *budget)
{
        print_left(budget, "day", "day-spent", _("Left today: %s of %s\n"));
        print_left(budget, "month", "month-spent", _("Left this month: %s of %s\n"));
}

static SpendingQuery query_of(const Options *o)
{
        return (SpendingQuery) {
                .by_day = !o->by || streq(o->by, "day"),
                .by_provider = !o->by || streq(o->by, "provider"),
                .by_app = !o->by || streq(o->by, "app"),
                .since = o->since,
                .until = o->until,
        };
}

/* The sums, and what they come to in each currency. */
static int sum_up(Costs *costs, Error *error)
{
        const SpendingQuery in_all = { .since = costs->query.since, .until = costs->query.until };

        add_heads(&costs->table, &costs->query);
        int r = spending_sum(&costs->query, on_sum, costs, error);
        if (r < 0 || json_array_size(costs->sums) == 0)
                return r;
        if (costs->is_shown)
                table_print(&costs->table);
        return spending_sum(&in_all, on_total, costs, error);
}

ExitCode verb_costs(Client *c)
{
        Costs costs = { .query = query_of(&c->options), .is_shown = !c->options.json, .sums = json_array(), .totals = json_array() };
        Error error = { 0 };

        int r = sum_up(&costs, &error);
        if (r >= 0 && costs.is_shown && json_array_size(costs.sums) == 0)
                client_say(c, _("Nothing was spent"));
        json_t *budget = r >= 0 ? read_budget(c) : NULL;
        if (costs.is_shown)
                print_budget(budget);
        c->result = json_pack("{s:o, s:o, s:o*}", "costs", costs.sums, "totals", costs.totals, "budget", budget);
        table_done(&costs.table);
        return r < 0 ? client_fail_error(c, CODE_FAILED, &error, r) : CODE_OK;
}
