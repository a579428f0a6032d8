/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/model-path.h"
#include "base/util.h"
#include "service/models.h"

#define MODELS_MAX 1024

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

static const char *const file_ends[] = { ".safetensors", ".gguf", ".ckpt" };

/* The length of a model file's name without its end; 0 if it is none. NAME.vae.safetensors belongs to NAME. */
static size_t stem_length(const char *file)
{
        const size_t length = strlen(file);

        for (size_t i = 0; i < ELEMENTSOF(file_ends); i++) {
                const size_t end = strlen(file_ends[i]);

                if (length > end && streq(file + length - end, file_ends[i]))
                        return length > end + 4 && strncmp(file + length - end - 4, ".vae", 4) == 0 ? 0 : length - end;
        }
        return 0;
}

static bool is_readable_file(const char *path)
{
        struct stat st;
        return stat(path, &st) >= 0 && S_ISREG(st.st_mode) && access(path, R_OK) >= 0;
}

/* A folder with an index. */
static bool is_folder_model(const char *path)
{
        _cleanup_(freep) char *index = NULL;
        if (asprintf(&index, "%s/model_index.json", path) < 0) {
                index = NULL;
                return false;
        }
        return access(index, R_OK) >= 0;
}

/* The model of that name in a directory: a folder, else a file. */
static bool holds_model(const char *directory, const char *name, char **ret_path)
{
        for (size_t i = 0; i <= ELEMENTSOF(file_ends); i++) {
                _cleanup_(freep) char *path = NULL;
                if (asprintf(&path, "%s/%s%s", directory, name, i > 0 ? file_ends[i - 1] : "") < 0) {
                        path = NULL;
                        return false;
                }
                if (i > 0 ? stem_length(path) > 0 && is_readable_file(path) : is_folder_model(path)) {
                        *ret_path = TAKE_PTR(path);
                        return true;
                }
        }
        return false;
}

/* Whether a configured path is a model by itself; *ret_name is what it is called. */
static bool is_model(const char *path, char ret_name[static MODEL_NAME_MAX + 1])
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        const size_t stem = stem_length(name), length = stem ? stem : strlen(name);

        if (length > MODEL_NAME_MAX || !(stem ? is_readable_file(path) : is_folder_model(path)))
                return false;
        (void)snprintf(ret_name, MODEL_NAME_MAX + 1, "%.*s", (int)length, name);
        return model_name_is_valid(ret_name);
}

static const Model *find(const Models *models, const char *name)
{
        for (size_t i = 0; i < models->n; i++)
                if (streq(models->items[i].name, name))
                        return &models->items[i];
        return NULL;
}

/* Takes the path. */
static int add_path(Models *models, const char *name, char *path)
{
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

static bool has_room_for(const Models *models, const char *name)
{
        return models->n < MODELS_MAX && model_name_is_valid(name) && !find(models, name);
}

/* entry: of a folder or a file in the directory. */
static int add(Models *models, const char *directory, const char *entry)
{
        char name[MODEL_NAME_MAX + 1], *path;
        const size_t stem = stem_length(entry);

        if (snprintf(name, sizeof(name), "%.*s", (int)(stem ? stem : strlen(entry)), entry) >= (int)sizeof(name) ||
            !has_room_for(models, name) || !holds_model(directory, name, &path))
                return 0;
        return add_path(models, name, path);
}

static int add_itself(Models *models, const char *path)
{
        char name[MODEL_NAME_MAX + 1];

        if (!is_model(path, name) || !has_room_for(models, name))
                return 0;
        char *copy = strdup(path);
        return copy ? add_path(models, name, copy) : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const Model *)a)->name, ((const Model *)b)->name);
}

int models_find(Models *ret, char *const *directories)
{
        Models models = {};

        for (char *const *directory = directories; *directory; directory++) {
                int r = add_itself(&models, *directory);
                _cleanup_(closedirp) DIR *dir = opendir(*directory);
                struct dirent *entry;
                while (r >= 0 && dir && (entry = readdir(dir)))
                        r = add(&models, *directory, entry->d_name);
                if (r < 0) {
                        models_clear(&models);
                        return r;
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

/* "a, b and c", as many as there is room for. */
static void list_directories(char *const *directories, char *ret, size_t size)
{
        size_t length = 0;

        *ret = '\0';
        for (size_t i = 0; directories[i] && length < size; i++)
                length += (size_t)snprintf(ret + length, size - length, "%s%s", i == 0 ? "" : directories[i + 1] ? ", " : " and ",
                                           directories[i]);
}

/* The negative errno if something is there that cannot be read; 0 if it can be read, or nothing is there. */
static int try_to_read(const char *path)
{
        struct stat st;

        if (access(path, R_OK) >= 0)
                return 0;
        const int r = -errno;
        return (r == -ENOENT || r == -ENOTDIR) && lstat(path, &st) < 0 ? 0 : r;
}

/* What should be the model of that name, but cannot be read: *ret_path, and the negative errno. 0: nothing. */
static int find_unreadable(char *const *directories, const char *name, char ret_path[static PATH_MAX])
{
        for (char *const *directory = directories; *directory; directory++) {
                const char *slash = strrchr(*directory, '/'), *last = slash ? slash + 1 : *directory;
                int r = strncmp(last, name, strlen(name)) == 0 && stem_length(last) == strlen(name) ? try_to_read(*directory) : 0;

                (void)snprintf(ret_path, PATH_MAX, "%s", *directory);
                for (size_t i = 0; r == 0 && i <= ELEMENTSOF(file_ends); i++)
                        if (snprintf(ret_path, PATH_MAX, "%s/%s%s", *directory, name, i > 0 ? file_ends[i - 1] : "") < PATH_MAX)
                                r = try_to_read(ret_path);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Why there is no model of that name here. */
static int not_found(char *const *directories, const char *name, Error *error)
{
        char places[ERROR_TEXT_MAX / 2], path[PATH_MAX] = "";

        list_directories(directories, places, sizeof(places));
        if (strchr(name, '/'))
                return error_set(error, -ENOPKG,
                                 "No model %.64s: models are asked for by name, not by path, and are read only below %s", name, places);
        int r = model_name_is_valid(name) ? find_unreadable(directories, name, path) : 0;
        if (r < 0)
                return error_set(error, -ENOPKG, "%.128s cannot be read (%s); models are read only below %s", path, strerror(-r), places);
        return error_set(error, -ENOPKG, "No model %.64s is installed below %s", name, places);
}

int models_resolve(
                char *const *directories, const char *name, char **ret_directory,
                char ret_name[static MODEL_NAME_MAX + 1], Error *error)
{
        if (*name == '\0')
                return resolve_first(directories, ret_directory, ret_name, error);

        for (char *const *directory = directories; *directory && model_name_is_valid(name); directory++) {
                char own[MODEL_NAME_MAX + 1];
                if (is_model(*directory, own) && streq(own, name)) {
                        *ret_directory = strdup(*directory);
                        if (!*ret_directory)
                                return error_set(error, -ENOMEM, "Out of memory");
                } else if (!holds_model(*directory, name, ret_directory))
                        continue;
                if (ret_name != name)
                        memcpy(ret_name, name, strlen(name) + 1);
                return 0;
        }
        return not_found(directories, name, error);
}

void models_tell_workers(char *const *directories)
{
        size_t size = 1;

        for (char *const *directory = directories; *directory; directory++)
                size += strlen(*directory) + 1;
        _cleanup_(freep) char *text = calloc(size, 1);
        for (char *const *directory = directories; text && *directory; directory++) {
                strcat(text, *directory);
                if (directory[1])
                        strcat(text, ":");
        }
        if (text)
                (void)setenv(MODEL_PATH_VARIABLE, text, 1);
}
