/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/recorded.h"

static size_t find(const json_t *tags, const char *tag)
{
        size_t i = 0;

        while (i < json_array_size(tags) && !streq(json_string_value(json_array_get(tags, i)), tag))
                i++;
        return i;
}

/* The tags of a record with those of the command line, or without them. */
static json_t *tags_of(const Options *o, const json_t *record)
{
        json_t *tags = json_array();

        (void)json_array_extend(tags, json_object_get(record, "tags"));
        for (int i = 1; i < o->n_words; i++) {
                const size_t at = find(tags, o->words[i]);
                if (o->remove)
                        (void)json_array_remove(tags, at);
                else if (at == json_array_size(tags))
                        (void)json_array_append_new(tags, json_string(o->words[i]));
        }
        return tags;
}

ExitCode verb_tag(Client *c)
{
        _cleanup_(records_closep) Records *records = NULL;
        json_t *record = NULL;
        Error error = { 0 };

        for (int i = 1; i < c->options.n_words; i++)
                if (!utf8_is_valid(c->options.words[i], strlen(c->options.words[i])))
                        return client_fail(c, CODE_USAGE, _("the text is not valid UTF-8"));
        ExitCode code = recorded_open(c, &records);
        if (code == CODE_OK)
                code = recorded_find(c, records, c->options.words[0], &record);
        if (code != CODE_OK)
                return code;
        json_t *changes = json_pack("{s:o}", "tags", tags_of(&c->options, record));
        int r = changes ? records_change(records, recorded_text(record, "id"), changes, &error) : -ENOMEM;
        if (r < 0)
                code = recorded_fail(c, &error, r);
        c->result = json_pack("{s:s, s:O*}", "id", recorded_text(record, "id"), "tags", json_object_get(changes, "tags"));
        json_decref(changes);
        json_decref(record);
        return code;
}
