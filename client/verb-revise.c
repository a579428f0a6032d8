/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/recorded.h"
#include "client/review/subject.h"

/* What is true of the old picture alone: how its pixels came about, and what was said of them; and what is found by its
 * model_digest, which may be another's word. */
static const char *const own_keys[] = {
        "settings", "made_with", "seconds", "pixels", "price", "currency", "files", "comments", "checked", "approved_sha256",
        "export_name", "width", "height", "model_files",
};

/* The old record with what holds of the new picture, too. */
static json_t *new_version(const Subject *old, const char *path, const char *id)
{
        json_t *record = json_deep_copy(old->record);
        char pixels[PIXELS_DIGEST_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(own_keys); i++)
                (void)json_object_del(record, own_keys[i]);
        json_t *changes = json_pack("{s:s, s:I, s:s, s:s, s:s, s:[s]}", "id", id, "time", (json_int_t)clock_usec(CLOCK_REALTIME), "parent",
                                    old->id, "relation", "edit", "state", "draft", "files", path);
        if (changes && recorded_read_digest(path, pixels))
                (void)json_object_set_new(changes, "pixels", json_string(pixels));
        if (!record || !changes || json_object_update(record, changes) < 0) {
                json_decref(record);
                record = NULL;
        }
        json_decref(changes);
        return record;
}

static ExitCode add(Client *c, Subject *old, const char *path)
{
        char id[RECORD_ID_SIZE];
        Error error = { 0 };

        int r = records_new_id(id);
        json_t *record = r >= 0 ? new_version(old, path, id) : NULL;
        if (r >= 0)
                r = record ? records_add(old->records, record, &error) : -ENOMEM;
        json_decref(record);
        if (r < 0)
                return client_fail_error(c, CODE_FAILED, &error, r);
        c->result = json_pack("{s:s, s:s}", "id", id, "parent", old->id);
        if (!c->options.json)
                (void)puts(id);
        return CODE_OK;
}

ExitCode verb_revise(Client *c)
{
        _cleanup_(subject_done) Subject subject = { 0 };
        const char *word = c->options.words[1];
        char path[PATH_MAX];

        ExitCode code = batch_check_file(c, word);
        if (code == CODE_OK)
                code = subject_open(c, &subject);
        if (code == CODE_OK)
                code = subject_find(c, &subject, c->options.words[0]);
        if (code != CODE_OK)
                return code;
        if (!realpath(word, path))
                return client_fail(c, CODE_FAILED, _("cannot read %s: %s"), word, strerror(errno));
        return add(c, &subject, path);
}
