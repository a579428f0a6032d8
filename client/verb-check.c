/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/metadata/metadata.h"
#include "client/settings.h"
#include "client/table.h"
#include "marks/xmp.h"

/* All that a picture's file says of it. */
typedef struct Report { /* report_done() */
        Metadata metadata;
        Settings settings;
        Marks marks;
} Report;

static void report_done(Report *report)
{
        marks_done(&report->marks);
        settings_done(&report->settings);
        metadata_done(&report->metadata);
}

/* What each mark is called, in the order in which they are told; and whether a picture that is to be published should have it. */
static const struct {
        Mark mark;
        const char *label;
        bool is_expected;
} rows[] = {
        { MARK_SOURCE_TYPE, N_("source type"), true },
        { MARK_SYSTEM, N_("model"), true },
        { MARK_SYSTEM_VERSION, N_("version"), false },
        { MARK_PROVIDER, N_("provider"), false },
        { MARK_CREATOR_TOOL, N_("program"), false },
        { MARK_CREATOR, N_("creator"), false },
        { MARK_DATE, N_("date"), true },
        { MARK_ALT_TEXT, N_("alternative text"), true },
        { MARK_USAGE_TERMS, N_("terms"), true },
        { MARK_WEB_STATEMENT, N_("their address"), false },
        { MARK_CREDIT, N_("credit"), false },
        { MARK_PROMPT_WRITER, N_("writer of the prompt"), false },
};

static bool has_prompt(const Report *report)
{
        return report->marks.values[MARK_PROMPT] || (report->settings.prompt && *report->settings.prompt);
}

static const char *source_type(const Report *report)
{
        const char *type = report->marks.values[MARK_SOURCE_TYPE];
        return type && strncmp(type, SOURCE_TYPES, strlen(SOURCE_TYPES)) == 0 ? type + strlen(SOURCE_TYPES) : type;
}

/* --- for people --- */

static void add_row(Table *table, const char *label, const char *value)
{
        table_add(table, "%s", label);
        table_add(table, "%s", value);
}

static void print_missing(const Report *report)
{
        const char *before = _("missing: ");

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].is_expected && !report->marks.values[rows[i].mark]) {
                        (void)printf("%s%s", before, _(rows[i].label));
                        before = ", ";
                }
        if (streq(before, ", "))
                (void)putchar('\n');
}

static void print(const char *path, const Report *report)
{
        _cleanup_(table_done) Table table = { .columns = 2 };

        client_put_line(path);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *value = rows[i].mark == MARK_SOURCE_TYPE ? source_type(report) : report->marks.values[rows[i].mark];
                if (value)
                        add_row(&table, _(rows[i].label), value);
        }
        add_row(&table, _("settings"), report->settings.program ? report->settings.program : _("none"));
        add_row(&table, _("prompt"), has_prompt(report) ? _("in the file") : _("not in the file"));
        add_row(&table, _("signed manifest (C2PA)"), report->metadata.has_c2pa ? _("there, not verified") : _("not there"));
        table_print(&table);
        print_missing(report);
}

/* --- for programs --- */

static json_t *to_json(const char *path, const Report *report)
{
        json_t *marks = json_object(), *missing = json_array(), *prompts = json_array();

        for (Mark i = 0; i < MARK_MAX; i++)
                if (report->marks.values[i])
                        (void)json_object_set_new(marks, mark_to_string(i), json_from_text(report->marks.values[i]));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].is_expected && !report->marks.values[rows[i].mark])
                        (void)json_array_append_new(missing, json_string(mark_to_string(rows[i].mark)));
        if (report->settings.prompt && *report->settings.prompt)
                (void)json_array_append_new(prompts, json_string("settings"));
        if (report->marks.values[MARK_PROMPT])
                (void)json_array_append_new(prompts, json_string("xmp"));
        return json_pack("{s:o, s:s, s:o, s:o?, s:o, s:b, s:o}", "path", json_from_text(path), "container", report->metadata.container,
                         "marks", marks, "program", report->settings.program ? json_string(report->settings.program) : NULL,
                         "prompts", prompts, "c2pa", (int)report->metadata.has_c2pa, "missing", missing);
}

/* --- both --- */

static int read_report(const BatchFile *file, Report *ret)
{
        int r = metadata_read(file->data, file->size, &ret->metadata);

        if (r > 0 && ret->metadata.xmp) {
                r = xmp_read(ret->metadata.xmp, ret->metadata.xmp_size, &ret->marks);
                r = r < 0 && r != -EBADMSG ? r : 1; /* a broken packet says nothing */
        }
        if (r > 0)
                r = settings_find(file->data, file->size, &ret->settings) < 0 ? -ENOMEM : 1;
        return r;
}

static ExitCode check(Client *c, const char *path, json_t *checked)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        _cleanup_(report_done) Report report = { 0 };

        ExitCode code = batch_check_file(c, path);
        if (code == CODE_OK)
                code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        int r = read_report(&file, &report);
        if (r < 0)
                return client_fail(c, CODE_FAILED, "%s: %s", path, strerror(-r));
        if (r == 0)
                return client_fail(c, CODE_FAILED, _("%s is neither PNG nor JPEG nor WebP"), path);
        if (c->options.json)
                (void)json_array_append_new(checked, to_json(path, &report));
        else
                print(path, &report);
        return CODE_OK;
}

ExitCode verb_check(Client *c)
{
        json_t *checked = json_array();
        ExitCode worst = CODE_OK;

        for (int i = 0; i < c->options.n_words; i++) {
                _cleanup_(freep) char *path = batch_path(c->options.words[i]);
                if (i > 0 && !c->options.json)
                        (void)putchar('\n');
                ExitCode code = path ? check(c, path, checked) : client_fail(c, CODE_FAILED, _("out of memory"));
                worst = code != CODE_OK ? code : worst;
        }
        c->result = json_pack("{s:o}", "pictures", checked);
        return worst;
}
