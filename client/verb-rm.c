/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cleanup.h"
#include "client/recorded.h"
#include "client/removal.h"

static ExitCode remove_one(Client *c, Records *records, const char *word, json_t *removed)
{
        const Options *o = &c->options;
        json_t *record = NULL;

        ExitCode code = recorded_find(c, records, word, &record);
        if (code == CODE_OK)
                code = removal_run(c, records, record,
                                   (o->files || o->only_files ? REMOVE_FILES : 0U) | (o->only_files ? 0U : REMOVE_RECORD), removed);
        json_decref(record);
        return code;
}

ExitCode verb_rm(Client *c)
{
        _cleanup_(records_closep) Records *records = NULL;
        json_t *removed = json_array();
        Error error = { 0 };

        ExitCode worst = recorded_open(c, &records);
        for (int i = 0; records && i < c->options.n_words; i++) {
                ExitCode code = remove_one(c, records, c->options.words[i], removed);
                worst = code != CODE_OK ? code : worst;
        }
        int r = records && !c->options.only_files ? records_scrub(records, &error) : 0;
        c->result = json_pack("{s:o}", "removed", removed);
        return r < 0 ? recorded_fail(c, &error, r) : worst;
}
