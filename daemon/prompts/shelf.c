/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/config-file.h"
#include "base/util.h"
#include "prompts/shelf.h"

#define FILES_MAX 1000 /* of all directories */
#define SUFFIX ".conf"

static ShelfFile *add(Shelf *shelf, PresetKind kind, const char *name, const char *path)
{
        ShelfFile *files = reallocarray(shelf->files, shelf->n + 1, sizeof(ShelfFile));
        if (!files)
                return NULL;
        shelf->files = files;
        ShelfFile *file = &files[shelf->n];
        *file = (ShelfFile) { .kind = kind, .path = strdup(path) };
        if (!file->path)
                return NULL;
        (void)snprintf(file->name, sizeof(file->name), "%s", name);
        shelf->n++;
        return file;
}

static const ShelfFile *find(const Shelf *shelf, PresetKind kind, const char *name)
{
        for (size_t i = 0; i < shelf->n; i++)
                if (shelf->files[i].kind == kind && streq(shelf->files[i].name, name))
                        return &shelf->files[i];
        return NULL;
}

static int take(Shelf *shelf, PresetKind kind, const char *name, const char *path, Faults *faults)
{
        _cleanup_(freep) char *text = NULL;

        int r = config_file_read(path, &text);
        if (r == -ENOENT)
                return 0;
        ShelfFile *file = add(shelf, kind, name, path);
        if (!file)
                return -ENOMEM;
        if (!text)
                faults_add(faults, path, 0, "%s", strerror(-r));
        file->text = TAKE_PTR(text);
        return 0;
}

static int take_entry(Shelf *shelf, PresetKind kind, const char *folder, const char *entry, Faults *faults)
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
        if (find(shelf, kind, name))
                return 0;
        if (shelf->n == FILES_MAX) {
                faults_add(faults, path.s, 0, "there are more than %d such files", FILES_MAX);
                return 0;
        }
        return take(shelf, kind, name, path.s, faults);
}

static int take_folder(Shelf *shelf, PresetKind kind, const char *directory, Faults *faults)
{
        _cleanup_(text_done) Text path = {};
        int r = 0;

        text_format(&path, "%s/%s", directory, preset_kind_folder(kind));
        if (path.failed)
                return -ENOMEM;
        _cleanup_(closedirp) DIR *dir = opendir(path.s);
        for (struct dirent *entry; dir && r >= 0 && (entry = readdir(dir));)
                r = take_entry(shelf, kind, path.s, entry->d_name, faults);
        return r;
}

static int by_kind_and_name(const void *a, const void *b)
{
        const ShelfFile *p = a, *q = b;
        return p->kind != q->kind ? (p->kind > q->kind) - (p->kind < q->kind) : strcmp(p->name, q->name);
}

int shelf_open(Shelf *ret, char *const *directories, Faults *faults)
{
        Shelf shelf = {};
        int r = 0;

        for (char *const *directory = directories; *directory && r >= 0; directory++) {
                _cleanup_(text_done) Text path = {};
                char name[16];
                text_format(&path, "%s/vocabulary" SUFFIX, *directory);
                (void)snprintf(name, sizeof(name), "%04zu", (size_t)(directory - directories) % 10000); /* keeps their order */
                r = path.failed ? -ENOMEM : take(&shelf, PRESET_MAX, name, path.s, faults);
                for (int kind = 0; kind < PRESET_MAX && r >= 0; kind++)
                        r = take_folder(&shelf, (PresetKind)kind, *directory, faults);
        }
        if (r < 0) {
                shelf_done(&shelf);
                return r;
        }
        if (shelf.n > 0)
                qsort(shelf.files, shelf.n, sizeof(ShelfFile), by_kind_and_name);
        *ret = shelf;
        return 0;
}

void shelf_done(Shelf *shelf)
{
        for (size_t i = 0; i < shelf->n; i++) {
                free(shelf->files[i].path);
                free(shelf->files[i].text);
        }
        free(shelf->files);
        *shelf = (Shelf) {};
}

int shelf_vocabulary(const Shelf *shelf, Vocabulary *ret, Faults *faults)
{
        int r = 0;

        for (size_t i = 0; i < shelf->n && r >= 0; i++)
                if (shelf->files[i].kind == PRESET_MAX && shelf->files[i].text)
                        r = vocabulary_add(ret, shelf->files[i].path, shelf->files[i].text, faults);
        return r;
}

int shelf_find(const Shelf *shelf, PresetKind kind, const char *name, Preset *ret, Faults *faults)
{
        const ShelfFile *file = find(shelf, kind, name);

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
