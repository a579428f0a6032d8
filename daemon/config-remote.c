/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "config-fields.h"
#include "config-remote.h"

#define PLACE(field) CONFIG_PLACE(Budget, field)
static const ConfigField budget_fields[] = {
        { "currency", FIELD_TEXT, PLACE(currency) },
        { "picture", FIELD_MONEY, PLACE(picture) },
        { "day", FIELD_MONEY, PLACE(day) },
        { "month", FIELD_MONEY, PLACE(month) },
        { "unknown_prices", FIELD_SWITCH, PLACE(unknown_prices) },
};
#undef PLACE

#define PLACE(field) CONFIG_PLACE(Privacy, field)
static const ConfigField privacy_fields[] = {
        { "words", FIELD_WORDS, PLACE(words) },
        { "pictures", FIELD_SWITCH, PLACE(pictures) },
};
#undef PLACE

#define PLACE(field) CONFIG_PLACE(Restriction, field)
static const ConfigField restriction_fields[] = {
        { "words", FIELD_WORDS, PLACE(words) },
        { "providers", FIELD_WORDS, PLACE(providers) },
        { "reason", FIELD_TEXT, PLACE(reason) },
};
#undef PLACE

#define PLACE(field) CONFIG_PLACE(Route, field)
static const ConfigField route_fields[] = {
        { "purpose", FIELD_TEXT, PLACE(purpose) },
        { "words", FIELD_WORDS, PLACE(words) },
        { "providers", FIELD_WORDS, PLACE(providers) },
        { "price", FIELD_MONEY, PLACE(price) },
        { "commercial", FIELD_SWITCH, PLACE(commercial) },
        { "here", FIELD_SWITCH, PLACE(here) },
};
#undef PLACE

static const char *read_budget(RemoteRules *rules, const config_setting_t *setting, char buffer[static 256])
{
        Budget *budget = &rules->budget;

        if (!config_setting_is_group(setting))
                return "budget must be a group: { currency = \"USD\"; day = 1; }";
        const char *why = config_read_group(budget, budget_fields, ELEMENTSOF(budget_fields), setting, buffer);
        if (!why && !currency_is_valid(budget->currency))
                return "budget needs a currency of three capital letters";
        return why;
}

static const char *read_privacy(RemoteRules *rules, const config_setting_t *setting, char buffer[static 256])
{
        if (!config_setting_is_group(setting))
                return "private must be a group: { words = [\"…\"]; }";
        return config_read_group(&rules->privacy, privacy_fields, ELEMENTSOF(privacy_fields), setting, buffer);
}

static const char *read_restriction(RemoteRules *rules, const config_setting_t *setting, char buffer[static 256])
{
        if (rules->n_restrictions == RESTRICTIONS_MAX)
                return "restrictions: at most 16";
        Restriction *restriction = &rules->restrictions[rules->n_restrictions++];
        const char *why = config_read_group(restriction, restriction_fields, ELEMENTSOF(restriction_fields), setting, buffer);
        return why || restriction->words.text[0] ? why : "a restriction needs words";
}

static const char *read_route(RemoteRules *rules, const config_setting_t *setting, char buffer[static 256])
{
        if (rules->n_routes == ROUTES_MAX)
                return "routes: at most 16";
        Route *route = &rules->routes[rules->n_routes++];
        route->price = MONEY_UNKNOWN;
        const char *why = config_read_group(route, route_fields, ELEMENTSOF(route_fields), setting, buffer);
        return why || route->providers.text[0] ? why : "a route needs providers";
}

typedef const char *(*read_t)(RemoteRules *rules, const config_setting_t *setting, char buffer[static 256]);

static const char *read_each(RemoteRules *rules, const config_setting_t *list, read_t read, char buffer[static 256])
{
        const char *why = NULL;

        if (!config_setting_is_list(list))
                return "restrictions and routes must be lists of groups: ( { … } )";
        for (int i = 0; i < config_setting_length(list) && !why; i++) {
                const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
                why = config_setting_is_group(group) ? read(rules, group, buffer)
                                                     : "restrictions and routes must be lists of groups: ( { … } )";
        }
        return why;
}

static const char *read_rules(RemoteRules *rules, const config_setting_t *group, char buffer[static 256])
{
        const char *why = NULL;

        for (int i = 0; i < config_setting_length(group) && !why; i++) {
                const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
                const char *name = config_setting_name(setting);

                if (streq(name, "budget"))
                        why = read_budget(rules, setting, buffer);
                else if (streq(name, "private"))
                        why = read_privacy(rules, setting, buffer);
                else if (streq(name, "restrictions"))
                        why = read_each(rules, setting, read_restriction, buffer);
                else if (streq(name, "routes"))
                        why = read_each(rules, setting, read_route, buffer);
                else
                        why = "holds budget, private, restrictions and routes only";
        }
        return why;
}

int config_set_remote(RemoteRules **value, const config_setting_t *setting, const char **why, char buffer[static 256])
{
        if (!config_setting_is_group(setting)) {
                *why = "must be a group: { budget = { … }; routes = ( … ); }";
                return -EINVAL;
        }
        _cleanup_(freep) RemoteRules *rules = calloc(1, sizeof(RemoteRules));
        if (!rules)
                return -ENOMEM;
        rules->budget = (Budget) { .picture = MONEY_UNKNOWN, .day = MONEY_UNKNOWN, .month = MONEY_UNKNOWN };
        rules->privacy.pictures = true;
        *why = read_rules(rules, setting, buffer);
        if (*why)
                return -EINVAL;
        free(*value);
        *value = TAKE_PTR(rules);
        return 0;
}

RemoteRules *config_copy_remote(const RemoteRules *rules)
{
        RemoteRules *copy = malloc(sizeof(*rules));

        return copy ? memcpy(copy, rules, sizeof(*rules)) : NULL;
}
