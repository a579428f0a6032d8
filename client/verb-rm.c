/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/recorded.h"

/* Whether the file is still this picture: the one that was saved there last may be another by now. */
static bool is_still(const char *path, const json_t *record)
{
        json_t *last = recorded_find_file(path);
        const bool same = last && streq(recorded_text(last, "id"), recorded_text(record, "id")) && recorded_is_picture(record, path);

        json_decref(last);
        return same;
}

static bool is_file(const char *path)
{
        struct stat st;
        return stat(path, &st) >= 0 && S_ISREG(st.st_mode);
}

static ExitCode remove_files(Client *c, const json_t *record, json_t *removed)
{
        const json_t *files = json_object_get(record, "files");
        ExitCode code = CODE_OK;

        for (size_t i = 0; i < json_array_size(files); i++) {
                const char *path = json_string_value(json_array_get(files, i));
                if (!is_file(path))
                        continue;
                if (!is_still(path, record)) {
                        client_warn(c, _("%s stays: it is another picture by now"), path);
                        continue;
                }
                if (unlink(path) < 0)
                        code = client_fail(c, CODE_FAILED, _("cannot remove %s: %s"), path, strerror(errno));
                else
                        (void)json_array_append_new(removed, json_from_text(path));
        }
        return code;
}

static ExitCode remove_one(Client *c, Records *records, const char *word, json_t *removed)
{
        json_t *record = NULL;
        Error error = { 0 };

        ExitCode code = recorded_find(c, records, word, &record);
        if (code == CODE_OK && (c->options.files || c->options.only_files))
                code = remove_files(c, record, removed);
        if (code == CODE_OK && !c->options.only_files) {
                int r = records_remove(records, recorded_text(record, "id"), &error);
                if (r < 0)
                        code = recorded_fail(c, &error, r);
                else
                        (void)json_array_append_new(removed, json_string(recorded_text(record, "id")));
        }
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
