/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "base/money.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/remote/ledger.h"
#include "service/remote/manager-budget.h"
#include "service/service.h"

/* Any amount is none. */
static int append_amount(sd_bus_message *reply, const char *key, int64_t amount)
{
        return amount < 0 ? 0 : sd_bus_message_append(reply, "{sv}", key, "x", amount);
}

static int append_budget(sd_bus_message *reply, const Budget *budget, int64_t day_spent, int64_t month_spent)
{
        int r = sd_bus_message_append(reply, "{sv}", "currency", "s", budget->currency);
        if (r >= 0)
                r = append_amount(reply, "picture", budget->picture);
        if (r >= 0)
                r = append_amount(reply, "day", budget->day);
        if (r >= 0)
                r = append_amount(reply, "month", budget->month);
        if (r >= 0)
                r = append_amount(reply, "day-spent", day_spent);
        return r < 0 ? r : append_amount(reply, "month-spent", month_spent);
}

int manager_get_budget(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Service *service = userdata;
        const Budget *budget = &service->config->remote->budget;
        const bool is_there = service->forward && budget->currency[0]; /* the machine's instance spends nothing */
        int64_t day = 0, month = 0;
        Error failure = {};

        if (strncmp(callers_app(service->callers, call), "flatpak:", strlen("flatpak:")) == 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "An app in a sandbox is not told what its user spends");
        int r = is_there ? ledger_sums(service->ledger, &day, &month, budget->currency, time(NULL), &failure) : 0;
        if (r < 0)
                return error_to_bus_or_code(error, &failure, r);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && is_there)
                r = append_budget(reply, budget, day, month);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
