/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>

#include "base/util.h"
#include "service/models.h"

#define MODELS_MAX 1024

DEFINE_CLEANUP(DIR *, closedir)

bool model_name_is_valid(const char *name)
{
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
        return n > 0 && n <= MODEL_NAME_MAX && name[n] == '\0' && name[0] != '.';
}

void models_clear(Models *models)
{
        for (size_t i = 0; i < models->n; i++)
                free(models->items[i].directory);
        free(models->items);
        *models = (Models) {};
}

static bool holds_model(const char *directory, const char *name, char **ret_directory)
{
        _cleanup_(freep) char *path = NULL, *index = NULL;
        if (asprintf(&path, "%s/%s", directory, name) < 0 || asprintf(&index, "%s/model_index.json", path) < 0) {
                path = index = NULL;
                return false;
        }
        if (access(index, R_OK) < 0)
                return false;
        *ret_directory = TAKE_PTR(path);
        return true;
}

static const Model *find(const Models *models, const char *name)
{
        for (size_t i = 0; i < models->n; i++)
                if (streq(models->items[i].name, name))
                        return &models->items[i];
        return NULL;
}

static int add(Models *models, const char *directory, const char *name)
{
        if (models->n >= MODELS_MAX || !model_name_is_valid(name) || find(models, name))
                return 0;

        char *path;
        if (!holds_model(directory, name, &path))
                return 0;
        Model *items = reallocarray(models->items, models->n + 1, sizeof(Model));
        if (!items) {
                free(path);
                return -ENOMEM;
        }
        models->items = items;
        Model *model = &items[models->n++];
        *model = (Model) { .directory = path };
        memcpy(model->name, name, strlen(name) + 1);
        return 0;
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const Model *)a)->name, ((const Model *)b)->name);
}

int models_find(Models *ret, char *const *directories)
{
        Models models = {};

        for (char *const *directory = directories; *directory; directory++) {
                _cleanup_(closedirp) DIR *dir = opendir(*directory);
                struct dirent *entry;
                while (dir && (entry = readdir(dir))) {
                        int r = add(&models, *directory, entry->d_name);
                        if (r < 0) {
                                models_clear(&models);
                                return r;
                        }
                }
        }
        if (models.n > 0)
                qsort(models.items, models.n, sizeof(Model), compare);
        *ret = models;
        return 0;
}

/* The first by name of the first directory that has any. */
static int resolve_first(
                char *const *directories, char **ret_directory, char ret_name[static MODEL_NAME_MAX + 1], Error *error)
{
        for (char *const *directory = directories; *directory; directory++) {
                char *const one[] = { *directory, NULL };
                Models models;
                int r = models_find(&models, one);
                if (r < 0)
                        return error_set(error, r, "Out of memory");
                if (models.n == 0)
                        continue;
                memcpy(ret_name, models.items[0].name, MODEL_NAME_MAX + 1);
                *ret_directory = TAKE_PTR(models.items[0].directory);
                models_clear(&models);
                return 0;
        }
        return error_set(error, -ENOPKG, "No model is installed");
}

int models_resolve(
                char *const *directories, const char *name, char **ret_directory,
                char ret_name[static MODEL_NAME_MAX + 1], Error *error)
{
        if (*name == '\0')
                return resolve_first(directories, ret_directory, ret_name, error);

        for (char *const *directory = directories; *directory && model_name_is_valid(name); directory++) {
                if (!holds_model(*directory, name, ret_directory))
                        continue;
                if (ret_name != name)
                        memcpy(ret_name, name, strlen(name) + 1);
                return 0;
        }
        return error_set(error, -ENOPKG, "No model %.64s is installed", name);
}
