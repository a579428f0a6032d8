/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/config-file.h"
#include "base/util.h"
#include "prompts/files.h"

#define FILES_MAX 1000 /* of all directories */
#define SUFFIX ".conf"

static PromptFile *add(PromptFiles *files, PresetKind kind, const char *name, const char *path)
{
        PromptFile *items = reallocarray(files->items, files->n + 1, sizeof(PromptFile));
        if (!items)
                return NULL;
        files->items = items;
        PromptFile *file = &items[files->n];
        *file = (PromptFile) { .kind = kind, .path = strdup(path) };
        if (!file->path)
                return NULL;
        (void)snprintf(file->name, sizeof(file->name), "%s", name);
        files->n++;
        return file;
}

static const PromptFile *find(const PromptFiles *files, PresetKind kind, const char *name)
{
        for (size_t i = 0; i < files->n; i++)
                if (files->items[i].kind == kind && streq(files->items[i].name, name))
                        return &files->items[i];
        return NULL;
}

static int take(PromptFiles *files, PresetKind kind, const char *name, const char *path, Faults *faults)
{
        _cleanup_(freep) char *text = NULL;

        int r = config_file_read(path, &text);
        if (r == -ENOENT)
                return 0;
        PromptFile *file = add(files, kind, name, path);
        if (!file)
                return -ENOMEM;
        if (!text)
                faults_add(faults, path, 0, "%s", strerror(-r));
        file->text = TAKE_PTR(text);
        return 0;
}

static int take_entry(PromptFiles *files, PresetKind kind, const char *folder, const char *entry, Faults *faults)
{
        size_t length = strlen(entry), suffix = strlen(SUFFIX);
        char name[256];

        if (length <= suffix || length >= sizeof(name) || !streq(entry + length - suffix, SUFFIX))
                return 0;
        (void)snprintf(name, sizeof(name), "%.*s", (int)(length - suffix), entry);
        _cleanup_(text_done) Text path = {};
        text_format(&path, "%s/%s", folder, entry);
        if (path.failed)
                return -ENOMEM;
        if (!preset_name_is_valid(name)) {
                faults_add(faults, path.s, 0, "a name is at most %d letters, digits, dots, dashes and underscores", PRESET_NAME_MAX);
                return 0;
        }
        if (find(files, kind, name))
                return 0;
        if (files->n == FILES_MAX) {
                faults_add(faults, path.s, 0, "there are more than %d such files", FILES_MAX);
                return 0;
        }
        return take(files, kind, name, path.s, faults);
}

static int take_folder(PromptFiles *files, PresetKind kind, const char *directory, Faults *faults)
{
        _cleanup_(text_done) Text path = {};
        int r = 0;

        text_format(&path, "%s/%s", directory, preset_kind_folder(kind));
        if (path.failed)
                return -ENOMEM;
        _cleanup_(closedirp) DIR *dir = opendir(path.s);
        for (struct dirent *entry; dir && r >= 0 && (entry = readdir(dir));)
                r = take_entry(files, kind, path.s, entry->d_name, faults);
        return r;
}

static int by_kind_and_name(const void *a, const void *b)
{
        const PromptFile *p = a, *q = b;
        return p->kind != q->kind ? (p->kind > q->kind) - (p->kind < q->kind) : strcmp(p->name, q->name);
}

int prompt_files_open(PromptFiles *ret, char *const *directories, Faults *faults)
{
        PromptFiles files = {};
        int r = 0;

        for (char *const *directory = directories; *directory && r >= 0; directory++) {
                _cleanup_(text_done) Text path = {};
                char name[16];
                text_format(&path, "%s/vocabulary" SUFFIX, *directory);
                (void)snprintf(name, sizeof(name), "%04zu", (size_t)(directory - directories) % 10000); /* keeps their order */
                r = path.failed ? -ENOMEM : take(&files, PRESET_MAX, name, path.s, faults);
                for (int kind = 0; kind < PRESET_MAX && r >= 0; kind++)
                        r = take_folder(&files, (PresetKind)kind, *directory, faults);
        }
        if (r < 0) {
                prompt_files_done(&files);
                return r;
        }
        if (files.n > 0)
                qsort(files.items, files.n, sizeof(PromptFile), by_kind_and_name);
        *ret = files;
        return 0;
}

void prompt_files_done(PromptFiles *files)
{
        for (size_t i = 0; i < files->n; i++) {
                free(files->items[i].path);
                free(files->items[i].text);
        }
        free(files->items);
        *files = (PromptFiles) {};
}

int prompt_files_vocabulary(const PromptFiles *files, Vocabulary *ret, Faults *faults)
{
        int r = 0;

        for (size_t i = 0; i < files->n && r >= 0; i++)
                if (files->items[i].kind == PRESET_MAX && files->items[i].text)
                        r = vocabulary_add(ret, files->items[i].path, files->items[i].text, faults);
        return r;
}

int prompt_files_find(const PromptFiles *files, PresetKind kind, const char *name, Preset *ret, Faults *faults)
{
        const PromptFile *file = find(files, kind, name);

        if (!file || !file->text)
                return -ENOENT;
        Preset preset = { .kind = kind, .path = strdup(file->path) };
        (void)snprintf(preset.name, sizeof(preset.name), "%s", file->name);
        int r = preset.path ? preset_read(&preset, file->text, faults) : -ENOMEM;
        if (r < 0) {
                preset_done(&preset);
                return r;
        }
        *ret = preset;
        return 0;
}
