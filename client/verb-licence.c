/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/metadata/metadata.h"
#include "client/recorded.h"
#include "client/review/rights.h"
#include "client/table.h"
#include "marks/xmp.h"

/* What is known of one picture, from its record or from its file; texts point there, NULL: not known. */
typedef struct Known {
        const char *path, *id, *provider, *model;
        const char *made; /* when */
        bool is_imported; /* the record: another's word */
        Rights rights;
} Known;

/* --- for people --- */

static void add_row(Table *table, const char *label, const char *value)
{
        table_add(table, "%s", label);
        table_add(table, "%s", value ? value : _("not known"));
}

static const char *commerce_text(const Rights *rights)
{
        return rights->is_commercial_permitted ? _("permitted") : rights->is_commercial_refused ? _("not permitted, as far as is known") : NULL;
}

static void print(const Known *known)
{
        _cleanup_(table_done) Table table = { .columns = 2 };
        const Rights *rights = &known->rights;

        client_put_line(known->path ? known->path : known->id);
        add_row(&table, _("made"), known->made);
        add_row(&table, _("provider"), known->provider);
        add_row(&table, _("model"), known->model);
        add_row(&table, _("licence"), rights->licence);
        add_row(&table, _("terms"), rights->address);
        add_row(&table, _("terms read"), rights->dated);
        add_row(&table, _("owner"), rights->owner);
        add_row(&table, _("to be named"), rights->credit ? rights->credit : rights->needs_credit ? _("required, without words for it") : NULL);
        add_row(&table, _("commercial use"), commerce_text(rights));
        add_row(&table, _("known from"),
                known->is_imported ? _("a record from elsewhere, which can say what it likes")
                : known->id        ? _("its record")
                                   : _("its file, which can say what it likes"));
        table_print(&table);
}

/* --- for programs --- */

static json_t *text_or_null(const char *text)
{
        return text ? json_from_text(text) : json_null();
}

static json_t *commerce_json(const Rights *rights)
{
        return rights->is_commercial_permitted ? json_true() : rights->is_commercial_refused ? json_false() : json_null();
}

static json_t *to_json(const Known *known)
{
        const Rights *rights = &known->rights;

        return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", text_or_null(known->path), "id",
                         text_or_null(known->id), "source", known->is_imported ? "imported" : known->id ? "record" : "file", "made", text_or_null(known->made), "provider",
                         text_or_null(known->provider), "model", text_or_null(known->model), "licence", text_or_null(rights->licence), "address",
                         text_or_null(rights->address), "date", text_or_null(rights->dated), "owner", text_or_null(rights->owner),
                         "attribution", text_or_null(rights->credit), "attribution_needed", rights->needs_credit ? json_true() : json_null(),
                         "commercial", commerce_json(rights));
}

/* --- both --- */

static void tell(const Client *c, const Known *known, json_t *told)
{
        if (!c->options.json)
                print(known);
        (void)json_array_append_new(told, to_json(known));
}

static const char *or_null(const char *text)
{
        return *text ? text : NULL;
}

/* As files have it. */
static void format_time(json_int_t usec, char *buffer, size_t size)
{
        const time_t seconds = (time_t)(usec / (json_int_t)USEC_PER_SEC);
        struct tm utc;

        if (!gmtime_r(&seconds, &utc) || strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
                buffer[0] = '\0';
}

static void tell_record(const Client *c, const char *path, const json_t *record, json_t *told)
{
        char made[32], digest[PIXELS_DIGEST_SIZE];

        format_time(json_integer_value(json_object_get(record, "time")), made, sizeof(made));
        tell(c,
             &(Known) {
                     .path = path,
                     .id = recorded_text(record, "id"),
                     .made = or_null(made),
                     .is_imported = json_object_get(record, "imported") != NULL,
                     .provider = *recorded_text(record, "provider") ? recorded_text(record, "provider") : _("this machine"),
                     .model = or_null(recorded_text(record, "model")),
                     .rights = rights_of(record),
             },
             told);
        if (path && *recorded_text(record, "pixels") && recorded_read_digest(path, digest) && !streq(digest, recorded_text(record, "pixels")))
                client_warn(c, _("%s is not the picture that was recorded, or has been changed since"), path);
}

/* 1; 0: it says nothing. */
static int read_marks(const BatchFile *file, Marks *ret)
{
        _cleanup_(metadata_done) Metadata metadata = { 0 };

        int r = metadata_read(file->data, file->size, &metadata);
        if (r <= 0 || !metadata.xmp)
                return r < 0 ? r : 0;
        r = xmp_read(metadata.xmp, metadata.xmp_size, ret);
        return r == -EBADMSG ? 0 : r < 0 ? r : 1;
}

static ExitCode tell_file(Client *c, const char *path, json_t *told)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        _cleanup_(marks_done) Marks marks = { 0 };

        ExitCode code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        int r = read_marks(&file, &marks);
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", path, strerror(-r));
        if (r == 0)
                return client_fail(c, CODE_FAILED, _("there is no record of %s, and it says nothing of itself"), path);
        tell(c,
             &(Known) {
                     .path = path,
                     .made = marks.values[MARK_DATE],
                     .provider = marks.values[MARK_PROVIDER],
                     .model = marks.values[MARK_SYSTEM],
                     .rights = rights_of_marks(&marks),
             },
             told);
        return CODE_OK;
}

static ExitCode tell_id(Client *c, const char *word, json_t *told)
{
        _cleanup_(records_closep) Records *records = NULL;
        json_t *record = NULL;

        ExitCode code = recorded_open(c, &records);
        if (code == CODE_OK)
                code = recorded_find(c, records, word, &record);
        if (code == CODE_OK)
                tell_record(c, NULL, record, told);
        json_decref(record);
        return code;
}

static ExitCode tell_word(Client *c, const char *word, json_t *told)
{
        _cleanup_(freep) char *path = batch_path(word);

        if (!path)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        if (access(path, F_OK) < 0)
                return tell_id(c, word, told);
        ExitCode code = batch_check_file(c, path);
        if (code != CODE_OK)
                return code;
        json_t *record = recorded_find_file(path);
        if (!record)
                return tell_file(c, path, told);
        tell_record(c, path, record, told);
        json_decref(record);
        return CODE_OK;
}

ExitCode verb_licence(Client *c)
{
        static const char advice[] = N_("What is said of licences is information and no legal advice.");
        json_t *told = json_array();
        ExitCode worst = CODE_OK;

        for (int i = 0; i < c->options.n_words; i++) {
                if (i > 0 && !c->options.json)
                        (void)putchar('\n');
                ExitCode code = tell_word(c, c->options.words[i], told);
                worst = code != CODE_OK ? code : worst;
        }
        if (!c->options.json && json_array_size(told) > 0)
                (void)puts(_(advice));
        c->result = json_pack("{s:o, s:s}", "pictures", told, "note", advice);
        return worst;
}
