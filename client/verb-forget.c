/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/recorded.h"
#include "client/thumbnail.h"

static bool is_limited(const RecordsQuery *q)
{
        return q->words || q->model || q->app || q->state || q->tag || q->provider || q->since || q->until;
}

/* Thumbnails show the pictures, and name their files, which are named after prompts. */
static int remove_thumbnails(json_t *found, void *records)
{
        json_t *record = NULL;

        int r = records_get(records, recorded_text(found, "id"), &record, NULL);
        const json_t *files = json_object_get(record, "files");
        for (size_t i = 0; i < json_array_size(files); i++)
                thumbnail_remove(json_string_value(json_array_get(files, i)));
        json_decref(record);
        return r == -ENOENT ? 0 : r; /* somebody else forgot it meanwhile */
}

ExitCode verb_forget(Client *c)
{
        _cleanup_(records_closep) Records *records = NULL;
        _cleanup_(freep) char *words = c->options.n_words > 0 ? recorded_words(&c->options) : NULL;
        const RecordsQuery query = recorded_query(&c->options, words);
        Error error = { 0 };
        uint64_t n = 0;

        if (is_limited(&query) == c->options.everybody)
                return client_fail(c, CODE_USAGE, "%s",
                                   _("'forget' needs words, or an option that says which records, or --all and neither"));
        ExitCode code = recorded_open(c, &records);
        if (code != CODE_OK)
                return code;
        int r = records_search(records, &query, remove_thumbnails, records, &error);
        if (r >= 0)
                r = records_forget(records, &query, c->options.prompts, &n, &error);
        if (r < 0)
                return recorded_fail(c, &error, r);
        client_say(c,
                   c->options.prompts ? ngettext("The prompts of %" PRIu64 " picture are forgotten", "The prompts of %" PRIu64 " pictures are forgotten", n)
                                      : ngettext("%" PRIu64 " record is forgotten", "%" PRIu64 " records are forgotten", n),
                   n);
        c->result = json_pack("{s:o}", "forgotten", json_from_u64(n));
        return CODE_OK;
}
