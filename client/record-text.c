/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/record-text.h"
#include "client/recorded.h"
#include "client/table.h"

#define PROMPT_SHOWN 48 /* bytes of it in a list */

void record_format_time(json_int_t usec, char *buffer, size_t size)
{
        const time_t seconds = (time_t)(usec / (json_int_t)USEC_PER_SEC);
        struct tm local;

        if (!localtime_r(&seconds, &local) || strftime(buffer, size, "%Y-%m-%d %H:%M", &local) == 0)
                (void)snprintf(buffer, size, "?");
}

/* --- one a line --- */

static void add_prompt(Table *table, const char *prompt)
{
        _cleanup_(freep) char *text = strdup(prompt);
        if (!text)
                return;

        const size_t length = utf8_cut(text, strlen(text), PROMPT_SHOWN);
        text[length] = '\0';
        table_add(table, "%s%s", text, prompt[length] ? "…" : "");
}

static void add_row(Table *table, const json_t *record)
{
        char time[32];

        record_format_time(json_integer_value(json_object_get(record, "time")), time, sizeof(time));
        table_add(table, "%s", recorded_text(record, "id"));
        table_add(table, "%s", time);
        table_add(table, "%s", recorded_text(record, "state"));
        table_add(table, "%s", *recorded_text(record, "provider") ? recorded_text(record, "provider") : recorded_text(record, "model"));
        table_add(table, "%dx%d", (int)json_integer_value(json_object_get(record, "width")),
                  (int)json_integer_value(json_object_get(record, "height")));
        add_prompt(table, recorded_text(record, "prompt"));
}

void record_print_list(const json_t *records)
{
        static const char *const heads[] = { N_("ID"), N_("TIME"), N_("STATE"), N_("MADE BY"), N_("SIZE"), N_("PROMPT"), NULL };
        _cleanup_(table_done) Table table = { .columns = ELEMENTSOF(heads) - 1 };

        table_add_heads(&table, heads);
        for (size_t i = 0; i < json_array_size(records); i++)
                add_row(&table, json_array_get(records, i));
        table_print(&table);
}

/* --- one at a time --- */

static const struct {
        const char *key, *label;
} rows[] = {
        { "id", N_("record") },
        { "state", N_("state") },
        { "prompt", N_("prompt") },
        { "negative", N_("not to show") },
        { "asked", N_("asked for") },
        { "lineage", N_("how the prompt came about") },
        { "provider", N_("provider") },
        { "terms", N_("terms") },
        { "price", N_("price") },
        { "currency", N_("currency") },
        { "model", N_("model") },
        { "model_version", N_("version") },
        { "model_digest", N_("digest of the model") },
        { "license", N_("licence") },
        { "settings", N_("settings") },
        { "made_with", N_("made with") },
        { "seconds", N_("seconds") },
        { "pixels", N_("digest of the pixels") },
        { "parent", N_("made of") },
        { "relation", N_("how") },
        { "app", N_("asked by") },
        { "alt", N_("alternative text") },
        { "tags", N_("tags") },
        { "files", N_("files") },
};

static void put_value(FILE *f, const json_t *value);

static void put_members(FILE *f, const json_t *object)
{
        const char *key, *before = "";
        json_t *member;

        json_object_foreach((json_t *)(uintptr_t)object, key, member)
        {
                (void)fprintf(f, "%s%s: ", before, key);
                put_value(f, member);
                before = ", ";
        }
}

static void put_value(FILE *f, const json_t *value)
{
        if (json_is_string(value))
                (void)fputs(json_string_value(value), f);
        else if (json_is_integer(value))
                (void)fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_number(value))
                (void)fprintf(f, "%.6g", json_number_value(value));
        else if (json_is_boolean(value))
                (void)fputs(json_is_true(value) ? _("yes") : _("no"), f);
        else if (json_is_object(value))
                put_members(f, value);
        for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
                (void)fputs(i > 0 ? ", " : "", f);
                put_value(f, json_array_get(value, i));
        }
}

/* What a record says, and to whom. */
typedef struct Telling {
        record_fact_t tell;
        void *userdata;
} Telling;

static void tell_value(const Telling *telling, const char *label, const json_t *value)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return;

        put_value(f, value);
        if (fclose(f) == 0)
                telling->tell(label, text, telling->userdata);
        free(text);
}

static void tell_model_files(const Telling *telling, const json_t *files)
{
        const char *path;
        json_t *digest;

        json_object_foreach((json_t *)(uintptr_t)files, path, digest)
        {
                _cleanup_(freep) char *text = NULL;
                if (asprintf(&text, "%s  %s", json_is_string(digest) ? json_string_value(digest) : "", path) < 0) {
                        text = NULL;
                        continue;
                }
                telling->tell(_("file of the model"), text, telling->userdata);
        }
}

static void tell_comments(const Telling *telling, const json_t *comments)
{
        for (size_t i = 0; i < json_array_size(comments); i++) {
                const json_t *comment = json_array_get(comments, i);
                const char *state = recorded_text(comment, "state");
                _cleanup_(freep) char *text = NULL;
                char time[32];
                record_format_time(json_integer_value(json_object_get(comment, "time")), time, sizeof(time));
                if (asprintf(&text, "%s, %s%s%s: %s", time, recorded_text(comment, "who"), *state ? ", " : "", state,
                             recorded_text(comment, "text")) < 0) {
                        text = NULL;
                        continue;
                }
                telling->tell(_("comment"), text, telling->userdata);
        }
}

static void tell_times(const Telling *telling, const json_t *record)
{
        const json_t *imported = json_object_get(record, "imported");
        char time[32];

        record_format_time(json_integer_value(json_object_get(record, "time")), time, sizeof(time));
        telling->tell(_("time"), time, telling->userdata);
        if (!imported)
                return;
        record_format_time(json_integer_value(imported), time, sizeof(time));
        telling->tell(_("taken in from a file, which can say what it likes"), time, telling->userdata);
}

void record_tell(const json_t *record, record_fact_t tell, void *userdata)
{
        const Telling telling = { tell, userdata };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const json_t *value = json_object_get(record, rows[i].key);
                if (value)
                        tell_value(&telling, _(rows[i].label), value);
                if (i == 0)
                        tell_times(&telling, record);
        }
        tell_model_files(&telling, json_object_get(record, "model_files"));
        tell_comments(&telling, json_object_get(record, "comments"));
}

static void add_fact(const char *label, const char *text, void *userdata)
{
        table_add(userdata, "%s", label);
        table_add(userdata, "%s", text);
}

void record_print(const json_t *record)
{
        _cleanup_(table_done) Table table = { .columns = 2 };

        record_tell(record, add_fact, &table);
        table_print(&table);
}
