/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "client/i18n.h"
#include "client/launcher/query.h"
#include "client/launcher/runner.h"
#include "client/launcher/start.h"
#include "dbus/names.h"

#define SHOWN_MAX 400 /* bytes of the prompt */
#define EXACT_MATCH 100 /* Plasma::QueryMatch::ExactMatch */

/* id, text, icon, type, relevance, properties */
static int append_match(sd_bus_message *reply, const char *prompt)
{
        char text[512];

        (void)snprintf(text, sizeof(text), _("Make a picture of “%.*s”"), (int)utf8_cut(prompt, strlen(prompt), SHOWN_MAX), prompt);
        return sd_bus_message_append(reply, "(sssida{sv})", prompt, text, "org.imagined.Imagine", EXACT_MATCH, 1.0, 1, "subtext",
                                     "s", "Imagine");
}

static int on_match(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *query;

        (void)userdata;
        (void)error;
        int r = sd_bus_message_read(m, "s", &query);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sssida{sv})");
        const char *prompt = r >= 0 ? query_find_prompt(query) : NULL;
        if (prompt)
                r = append_match(reply, prompt);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_run(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *id, *action;
        Error why = { 0 };

        (void)userdata;
        int r = sd_bus_message_read(m, "ss", &id, &action);
        if (r >= 0)
                r = start_picture(id, &why);
        if (r < 0)
                return sd_bus_error_set(error, IMAGINE_ERROR_FAILED, why.text);
        return sd_bus_reply_method_return(m, "");
}

static int on_actions(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata;
        (void)error;
        return sd_bus_reply_method_return(m, "a(sss)", 0);
}

static int on_teardown(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata;
        (void)error;
        return sd_bus_reply_method_return(m, "");
}

const sd_bus_vtable krunner_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Match", SD_BUS_ARGS("s", query), SD_BUS_RESULT("a(sssida{sv})", matches), on_match,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Run", SD_BUS_ARGS("s", matchId, "s", actionId), SD_BUS_NO_RESULT, on_run,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Actions", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sss)", actions), on_actions, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Teardown", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_teardown, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
