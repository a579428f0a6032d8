/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/desktop/place.h"
#include "client/desktop/record.h"
#include "client/files.h"
#include "client/i18n.h"
#include "client/spawn.h"

#define URI "file:///"

/* JSON is UTF-8, paths are not. */
static json_t *path_to_json(const char *path)
{
        _cleanup_(freep) char *uri = utf8_is_valid(path, strlen(path)) ? NULL : spawn_file_uri(path);

        return json_string(uri ? uri : path);
}

static char *path_of(const json_t *value)
{
        return batch_path(json_string_value(value));
}

static json_t *child(json_t *object, const char *key, json_t *(*new)(void))
{
        json_t *value = json_object_get(object, key);

        if (!value)
                (void)json_object_set_new(object, key, value = new());
        return value;
}

static bool are_strings(const json_t *array)
{
        size_t i;
        json_t *value;

        json_array_foreach(array, i, value)
                if (!json_is_string(value) ||
                    (json_string_value(value)[0] != '/' && strncmp(json_string_value(value), URI, strlen(URI)) != 0))
                        return false;
        return json_is_array(array);
}

static bool is_valid(json_t *root)
{
        const char *name;
        json_t *files;

        if (!json_is_object(root) || !are_strings(child(root, "directories", json_array)) ||
            !json_is_object(child(root, "pieces", json_object)))
                return false;
        json_object_foreach(json_object_get(root, "pieces"), name, files)
                if (!are_strings(files))
                        return false;
        return true;
}

int record_load(Record *ret, Error *error)
{
        _cleanup_(record_done) Record record = { .path = place_of_user(BASE_STATE, "imagined/desktop.json") };
        _cleanup_(freep) char *text = NULL;

        if (!record.path)
                return -ENOMEM;
        int r = place_read(record.path, &text);
        if (r < 0 && r != -ENOENT)
                return error_set(error, r, _("cannot read %s: %s"), record.path, strerror(-r));
        record.root = text ? json_loads(text, 0, NULL) : json_object();
        if (!record.root || !is_valid(record.root))
                return error_set(error, -EBADMSG, _("%s is not as 'imagine desktop' has written it"), record.path);
        *ret = (Record) { .path = TAKE_PTR(record.path), .root = TAKE_PTR(record.root) };
        return 0;
}

void record_done(Record *record)
{
        free(record->path);
        json_decref(record->root);
        *record = (Record) { 0 };
}

static json_t *pieces(const Record *record)
{
        return json_object_get(record->root, "pieces");
}

int record_save(Record *record, Error *error)
{
        if (json_object_size(pieces(record)) == 0) {
                if (unlink(record->path) < 0 && errno != ENOENT)
                        return error_set(error, -errno, _("cannot remove %s: %s"), record->path, strerror(errno));
                record_remove_folders(record);
                return 0;
        }
        int r = record_make_folders(record, record->path, error);
        if (r < 0)
                return r;
        _cleanup_(freep) char *text = json_dumps(record->root, JSON_INDENT(2));
        r = text ? file_replace(record->path, text, strlen(text)) : -ENOMEM;
        return r < 0 ? error_set(error, r, _("cannot write %s: %s"), record->path, strerror(-r)) : 0;
}

bool record_has(const Record *record, const char *piece)
{
        return json_object_get(pieces(record), piece);
}

size_t record_count(const Record *record, const char *piece)
{
        return json_array_size(json_object_get(pieces(record), piece));
}

char *record_file(const Record *record, const char *piece, size_t i)
{
        return path_of(json_array_get(json_object_get(pieces(record), piece), i));
}

bool record_owns(const Record *record, const char *piece, const char *path)
{
        for (size_t i = 0; i < record_count(record, piece); i++) {
                _cleanup_(freep) char *file = record_file(record, piece, i);
                if (file && streq(file, path))
                        return true;
        }
        return false;
}

int record_add(Record *record, const char *piece, const char *path)
{
        json_t *files = child(pieces(record), piece, json_array);

        if (!path || record_owns(record, piece, path))
                return 0;
        return json_array_append_new(files, path_to_json(path)) < 0 ? -ENOMEM : 0;
}

void record_forget(Record *record, const char *piece)
{
        (void)json_object_del(pieces(record), piece);
}

static int note_folder(Record *record, const char *path)
{
        return json_array_append_new(json_object_get(record->root, "directories"), path_to_json(path)) < 0 ? -ENOMEM : 0;
}

static int make_folder(Record *record, const char *path, Error *error)
{
        if (mkdir(path, 0777) < 0)
                return errno == EEXIST ? 0 : error_set(error, -errno, _("cannot make %s: %s"), path, strerror(errno));
        int r = note_folder(record, path);
        if (r < 0)
                (void)rmdir(path);
        return r;
}

int record_make_folders(Record *record, const char *path, Error *error)
{
        _cleanup_(freep) char *copy = strdup(path);
        int r = copy ? 0 : -ENOMEM;

        for (char *slash = copy ? strchr(copy + 1, '/') : NULL; r >= 0 && slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                r = make_folder(record, copy, error);
                *slash = '/';
        }
        return r;
}

int record_note_folders(Record *record, const char *path)
{
        _cleanup_(freep) char *copy = strdup(path);
        int r = copy ? 0 : -ENOMEM;

        for (char *slash = copy ? strchr(copy + 1, '/') : NULL; r >= 0 && slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (access(copy, F_OK) < 0)
                        r = note_folder(record, copy);
                *slash = '/';
        }
        return r;
}

void record_remove_folders(Record *record)
{
        json_t *directories = json_object_get(record->root, "directories");

        for (size_t i = json_array_size(directories); i-- > 0;) {
                _cleanup_(freep) char *path = path_of(json_array_get(directories, i));
                if (path && (rmdir(path) >= 0 || errno == ENOENT))
                        (void)json_array_remove(directories, i);
        }
}
