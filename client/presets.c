/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <systemd/sd-path.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/models.h"
#include "client/presets.h"
#include "client/table.h"

#define DIRECTORIES_MAX 16

typedef struct Directories {
        char *list[DIRECTORIES_MAX + 1]; /* NULL-terminated */
        char *text;
} Directories;

static void directories_done(Directories *d)
{
        free(d->text);
}

static int find_directories(Directories *ret)
{
        _cleanup_(freep) char *own = NULL;
        const char *asked = getenv("IMAGINED_PROMPTS");
        size_t n = 0;

        if (asked && *asked)
                ret->text = strdup(asked);
        else if (sd_path_lookup(SD_PATH_USER_CONFIGURATION, "imagined/prompts", &own) < 0 ||
                 asprintf(&ret->text, "%s:%s", own, SYSCONFDIR "/imagined/prompts:" DATADIR "/imagined/prompts") < 0)
                ret->text = strdup(SYSCONFDIR "/imagined/prompts:" DATADIR "/imagined/prompts");
        if (!ret->text)
                return -ENOMEM;
        for (char *at = strtok(ret->text, ":"); at && n < DIRECTORIES_MAX; at = strtok(NULL, ":"))
                ret->list[n++] = at;
        return 0;
}

static void print_faults(const Client *c, const Faults *faults)
{
        for (const char *line = faults->text.s; line && *line;) {
                size_t size = strcspn(line, "\n");
                client_warn(c, "%.*s", (int)size, line);
                line += size + (line[size] == '\n');
        }
}

static json_t *to_json(const Preset *preset)
{
        json_t *fields = json_object(), *open = json_array();

        for (int i = 0; i < FIELD_MAX; i++)
                if (preset->fields.text[i] || preset->left_out & 1U << i)
                        (void)json_object_set_new(fields, field_to_string((PromptField)i),
                                                  json_from_text(preset->fields.text[i] ? preset->fields.text[i] : ""));
        for (size_t i = 0; i < preset->n_placeholders; i++) {
                const Placeholder *p = &preset->placeholders[i];
                (void)json_array_append_new(open, json_pack("{s:s, s:s*, s:s*}", "name", p->name, "default", p->fallback, "help", p->help));
        }
        return json_pack("{s:s, s:o, s:s*, s:o, s:o}", "name", preset->name, "path", json_from_text(preset->path), "title",
                         preset->title, "prompt", fields, "fields", open);
}

/* All files of a kind are read, so that faults are told even where nobody asks for them. */
static ExitCode list(Client *c, const PromptFiles *files, PresetKind kind, Faults *faults)
{
        Table table = { .columns = 3 };
        json_t *all = json_array();

        table_add(&table, "%s", _("NAME"));
        table_add(&table, "%s", _("WHAT"));
        table_add(&table, "%s", _("FILE"));
        for (size_t i = 0; i < files->n; i++) {
                Preset preset = {};
                if (files->items[i].kind != kind || prompt_files_find(files, kind, files->items[i].name, &preset, faults) < 0)
                        continue;
                (void)json_array_append_new(all, to_json(&preset));
                table_add(&table, "%s", preset.name);
                table_add(&table, "%s", preset.title ? preset.title : "");
                table_add(&table, "%s", preset.path);
                preset_done(&preset);
        }
        if (c->options.json)
                c->result = json_pack("{s:O}", preset_kind_folder(kind), all);
        else if (json_array_size(all) > 0)
                table_print(&table);
        table_done(&table);
        json_decref(all);
        return CODE_OK;
}

static ExitCode show(Client *c, const PromptFiles *files, PresetKind kind, const char *name, Faults *faults)
{
        Preset preset = {};

        int r = prompt_files_find(files, kind, name, &preset, faults);
        if (r == -ENOENT)
                return client_fail_named(c, CODE_FAILED, NULL, NULL, _("there is no %s called '%s'"), preset_kind_name(kind), name);
        if (r < 0)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        if (c->options.json)
                c->result = to_json(&preset);
        else
                for (size_t i = 0; i < files->n; i++)
                        if (files->items[i].kind == kind && streq(files->items[i].name, name))
                                (void)fputs(files->items[i].text, stdout);
        client_say(c, "%s", preset.path);
        preset_done(&preset);
        return CODE_OK;
}

ExitCode presets_show(Client *c, PresetKind kind)
{
        _cleanup_(directories_done) Directories directories = {};
        Faults faults = {};
        PromptFiles files = {};

        int r = find_directories(&directories);
        if (r >= 0)
                r = prompt_files_open(&files, directories.list, &faults);
        ExitCode code = r < 0                     ? client_fail(c, CODE_FAILED, _("out of memory"))
                        : c->options.n_words == 0 ? list(c, &files, kind, &faults)
                                                  : show(c, &files, kind, c->options.words[0], &faults);
        print_faults(c, &faults);
        if (code == CODE_OK && faults.n > 0)
                code = client_fail(c, CODE_FAILED, ngettext("one fault was found", "%u faults were found", faults.n), faults.n);
        prompt_files_done(&files);
        faults_done(&faults);
        return code;
}

/* --- the model's words --- */

static char *read_words(const char *directory, size_t *ret_size)
{
        _cleanup_(freep) char *path = NULL, *data = malloc(WORDS_BYTES_MAX);

        if (!data || asprintf(&path, "%s/words.json", directory) < 0)
                return NULL;
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        *ret_size = f ? fread(data, 1, WORDS_BYTES_MAX, f) : 0;
        return *ret_size > 0 ? TAKE_PTR(data) : NULL;
}

/* The words of the model that the service would take; *ret NULL: it has none. */
static ExitCode find_words(Client *c, char **ret, size_t *ret_size)
{
        json_t *models = NULL;

        ExitCode code = models_list(c, &models);
        if (code != CODE_OK)
                return code;
        const char *directory = json_string_value(json_object_get(models_pick(models, c->options.model), "directory"));
        *ret = directory ? read_words(directory, ret_size) : NULL;
        json_decref(models);
        return CODE_OK;
}

ExitCode presets_open(Client *c, Generator *ret)
{
        _cleanup_(directories_done) Directories directories = {};
        _cleanup_(freep) char *words = NULL;
        Generator generator = {};
        Error error = {};
        size_t size = 0;

        ExitCode code = find_words(c, &words, &size);
        if (code != CODE_OK)
                return code;
        int r = find_directories(&directories);
        if (r >= 0)
                r = generator_open(&generator, directories.list, &error);
        if (r >= 0)
                r = generator_read(&generator, words, size, &error);
        if (r < 0) {
                generator_done(&generator);
                return client_fail_error(c, CODE_FAILED, &error, r);
        }
        *ret = generator;
        return CODE_OK;
}
