/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "client/i18n.h"
#include "client/launcher/query.h"
#include "client/launcher/runner.h"
#include "client/launcher/start.h"
#include "dbus/names.h"

#define TEXT_MAX 16384

/* The words of an array, joined as they were typed. 0, or a negative errno; *ret is to be freed. */
static int read_words(sd_bus_message *m, char **ret)
{
        _cleanup_(freep) char *text = calloc(1, TEXT_MAX);
        size_t size = 0;
        const char *word;
        int r = text ? sd_bus_message_enter_container(m, 'a', "s") : -ENOMEM;

        while (r >= 0 && (r = sd_bus_message_read(m, "s", &word)) > 0) {
                const size_t length = strlen(word);
                if (length + 2 > TEXT_MAX - size)
                        return -E2BIG;
                if (size > 0)
                        text[size++] = ' ';
                memcpy(text + size, word, length + 1);
                size += length;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

static int answer(sd_bus_message *m)
{
        _cleanup_(freep) char *text = NULL;

        int r = read_words(m, &text);
        if (r < 0)
                return r;
        const char *prompt = query_find_prompt(text);
        return prompt ? sd_bus_reply_method_return(m, "as", 1, prompt) : sd_bus_reply_method_return(m, "as", 0);
}

static int on_initial(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata;
        (void)error;
        return answer(m);
}

static int on_subsearch(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata;
        (void)error;
        int r = sd_bus_message_skip(m, "as");
        return r < 0 ? r : answer(m);
}

static int append_meta(sd_bus_message *reply, const char *prompt)
{
        return sd_bus_message_append(reply, "a{sv}", 4, "id", "s", prompt, "name", "s", prompt, "description", "s",
                                     _("Make a picture"), "gicon", "s", "org.imagined.Imagine");
}

static int on_metas(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *id;

        (void)userdata;
        (void)error;
        int r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &id)) > 0)
                r = append_meta(reply, id);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_started(sd_bus_message *m, int r, const Error *why, sd_bus_error *error)
{
        return r < 0 ? sd_bus_error_set(error, IMAGINE_ERROR_FAILED, why->text) : sd_bus_reply_method_return(m, "");
}

static int on_activate(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *id;
        Error why = { 0 };

        (void)userdata;
        int r = sd_bus_message_read(m, "s", &id);
        return r < 0 ? r : reply_started(m, start_picture(id, &why), &why, error);
}

static int on_launch(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *text = NULL;
        Error why = { 0 };

        (void)userdata;
        int r = read_words(m, &text);
        if (r < 0)
                return r;
        const char *prompt = query_find_prompt(text);
        return reply_started(m, start_window(prompt ? prompt : "", &why), &why, error);
}

#define FLAGS (SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE)

const sd_bus_vtable search_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetInitialResultSet", SD_BUS_ARGS("as", terms), SD_BUS_RESULT("as", results), on_initial, FLAGS),
        SD_BUS_METHOD_WITH_ARGS("GetSubsearchResultSet", SD_BUS_ARGS("as", previous_results, "as", terms),
                                SD_BUS_RESULT("as", results), on_subsearch, FLAGS),
        SD_BUS_METHOD_WITH_ARGS("GetResultMetas", SD_BUS_ARGS("as", identifiers), SD_BUS_RESULT("aa{sv}", metas), on_metas, FLAGS),
        SD_BUS_METHOD_WITH_ARGS("ActivateResult", SD_BUS_ARGS("s", identifier, "as", terms, "u", timestamp), SD_BUS_NO_RESULT,
                                on_activate, FLAGS),
        SD_BUS_METHOD_WITH_ARGS("LaunchSearch", SD_BUS_ARGS("as", terms, "u", timestamp), SD_BUS_NO_RESULT, on_launch, FLAGS),
        SD_BUS_VTABLE_END,
};
