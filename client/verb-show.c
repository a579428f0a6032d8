/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/notify.h"
#include "client/record-text.h"
#include "client/recorded.h"
#include "client/settings.h"
#include "client/verbs.h"

static json_t *to_json(const char *path, const Settings *s)
{
        json_t *object = json_object(), *values = json_object();
        char *name, *value;

        for (const char *at = s->values; settings_next(&at, &name, &value) > 0;) {
                (void)json_object_set_new(values, name, json_from_text(value));
                freep(&name);
                freep(&value);
        }
        (void)json_object_set_new(object, "path", json_from_text(path));
        (void)json_object_set_new(object, "prompt", json_from_text(s->prompt));
        (void)json_object_set_new(object, "negative", json_from_text(s->negative));
        (void)json_object_set_new(object, "program", json_from_text(s->program));
        (void)json_object_set_new(object, "settings", values);
        return object;
}

static ExitCode show(Client *c, const char *path, json_t *shown)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        _cleanup_(settings_done) Settings settings = { 0 };

        ExitCode code = batch_check_file(c, path);
        if (code == CODE_OK)
                code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        int r = settings_find(file.data, file.size, &settings);
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", path, strerror(-r));
        if (r == 0)
                return client_fail(c, CODE_FAILED, _("%s does not say how it was made"), path);
        json_t *object = to_json(path, &settings), *record = recorded_find_file(path);
        if (record)
                (void)json_object_set_new(object, "record", record);
        (void)json_array_append_new(shown, object);
        const char *slash = strrchr(path, '/');
        notifier_set_text(c->notifier, slash ? slash + 1 : path, settings.text);
        if (!c->options.json) {
                /* What a terminal would obey stays out; lines stay lines. */
                for (char *line = settings.text, *next; line; line = next) {
                        next = strchr(line, '\n');
                        if (next)
                                *next++ = '\0';
                        client_clean_text(line);
                        (void)puts(line);
                }
        }
        if (record)
                client_say(c, _("More is on record: imagine show %s"), recorded_text(record, "id"));
        return CODE_OK;
}

/* A word that is no file. */
static ExitCode show_record(Client *c, const char *id, json_t *shown)
{
        _cleanup_(records_closep) Records *records = NULL;
        json_t *record = NULL;

        ExitCode code = recorded_open(c, &records);
        if (code == CODE_OK)
                code = recorded_find(c, records, id, &record);
        if (code == CODE_NOT_FOUND) /* "imagine show me a fox" */
                client_say(c, _("For a picture of these words write: imagine generate %s ..."), c->options.verb->name);
        if (code == CODE_OK && !c->options.json)
                record_print(record);
        if (code == CODE_OK)
                (void)json_array_append_new(shown, json_pack("{s:O}", "record", record));
        json_decref(record);
        return code;
}

static bool is_id(const char *word)
{
        return access(word, F_OK) < 0 && strlen(word) < RECORD_ID_SIZE && !strpbrk(word, "./");
}

ExitCode verb_show(Client *c)
{
        json_t *shown = json_array();
        ExitCode worst = CODE_OK;

        notifier_set_failure(c->notifier, _("Cannot show how it was made"));
        for (int i = 0; i < c->options.n_words; i++) {
                _cleanup_(freep) char *path = batch_path(c->options.words[i]);
                if (i > 0 && !c->options.json)
                        (void)putchar('\n');
                ExitCode code = !path         ? client_fail(c, CODE_FAILED, _("out of memory"))
                                : is_id(path) ? show_record(c, path, shown)
                                              : show(c, path, shown);
                worst = code != CODE_OK ? code : worst;
        }
        c->result = json_pack("{s:o}", "pictures", shown);
        return worst;
}
