/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cleanup.h"
#include "client/contact-sheet.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/record-text.h"
#include "client/recorded.h"

#define LIMIT_DEFAULT 50

static int append(json_t *record, void *userdata)
{
        return json_array_append(userdata, record);
}

static void print(const Client *c, const json_t *found)
{
        if (json_array_size(found) == 0)
                client_say(c, _("No picture is recorded that fits"));
        else if (!c->options.quiet)
                record_print_list(found);
        for (size_t i = 0; c->options.quiet && i < json_array_size(found); i++)
                (void)puts(recorded_text(json_array_get(found, i), "id"));
}

static ExitCode write_sheet(Client *c, Records *records, const json_t *found, const char *words)
{
        const char *title = words && *words ? words : _("Pictures");

        ExitCode code = contact_sheet_write(c, records, found, title, c->options.sheet);
        if (code == CODE_OK && !c->options.json)
                (void)puts(c->options.sheet);
        return code;
}

static ExitCode list(Client *c, const char *words)
{
        _cleanup_(records_closep) Records *records = NULL;
        Error error = { 0 };

        ExitCode code = recorded_open(c, &records);
        if (code != CODE_OK)
                return code;
        RecordsQuery query = recorded_query(&c->options, words);
        if (!options_has(&c->options, OPTION_LIMIT))
                query.limit = LIMIT_DEFAULT;
        json_t *found = json_array();
        int r = records_search(records, &query, append, found, &error);
        if (r < 0)
                code = recorded_fail(c, &error, r);
        else if (c->options.sheet)
                code = write_sheet(c, records, found, words);
        else if (!c->options.json)
                print(c, found);
        c->result = json_pack("{s:o}", "records", found);
        return code;
}

ExitCode verb_history(Client *c)
{
        return list(c, NULL);
}

ExitCode verb_search(Client *c)
{
        _cleanup_(freep) char *words = recorded_words(&c->options);

        return words ? list(c, words) : client_fail(c, CODE_FAILED, _("out of memory"));
}
