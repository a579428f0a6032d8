/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"
#include "client/input.h"
#include "client/metadata/metadata.h"
#include "client/recorded.h"
#include "marks/xmp.h"

#define SAVE_PATIENCE 1000 /* milliseconds; who waits for a picture has it by then */

ExitCode recorded_fail(Client *c, const Error *error, int r)
{
        const ExitCode code = r == -ENOENT || r == -ENOTUNIQ ? CODE_NOT_FOUND : r == -EINVAL ? CODE_USAGE : CODE_FAILED;
        return client_fail_error(c, code, error, r);
}

static int open_quietly(Records **ret, Error *error)
{
        _cleanup_(freep) char *path = NULL;

        int r = records_path(&path);
        return r < 0 ? error_set(error, r, "%s", strerror(-r)) : records_open(ret, path, RECORDS_EXIST, error);
}

ExitCode recorded_open(Client *c, Records **ret)
{
        Error error = { 0 };

        int r = open_quietly(ret, &error);
        if (r == -ENOENT)
                return client_fail_named(c, CODE_NOT_FOUND, NULL, _("'records' in imagined.conf(5) says whether they are kept."),
                                         "%s", _("there are no records of pictures yet"));
        return r < 0 ? recorded_fail(c, &error, r) : CODE_OK;
}

const char *recorded_text(const json_t *record, const char *key)
{
        const char *text = json_string_value(json_object_get(record, key));
        return text ? text : "";
}

bool recorded_is_file(const char *path)
{
        struct stat st;
        return path[0] == '/' && stat(path, &st) >= 0 && S_ISREG(st.st_mode) && access(path, R_OK) >= 0;
}

const char *recorded_path(const json_t *record)
{
        const json_t *files = json_object_get(record, "files");

        for (size_t i = 0; i < json_array_size(files); i++) {
                const char *path = json_string_value(json_array_get(files, i));
                if (path && recorded_is_file(path))
                        return path;
        }
        return NULL;
}

/* --- by a file --- */

bool recorded_read_digest(const char *path, char ret[static PIXELS_DIGEST_SIZE])
{
        _cleanup_(picture_unmap) Picture picture = { 0 };
        _cleanup_(pixels_done) Pixels pixels = { 0 };
        _cleanup_(closep) int fd = -1;

        return input_read(path, &fd, NULL, NULL) >= 0 && picture_map(fd, &picture, NULL) >= 0 &&
               pixels_from_png(&picture, INPUT_SIDE_MAX, &pixels) >= 0 && pixels_digest(&pixels, ret) >= 0;
}

static bool is_of_size(const json_t *record, const Picture *picture)
{
        return json_integer_value(json_object_get(record, "width")) == picture->width &&
               json_integer_value(json_object_get(record, "height")) == picture->height;
}

static bool is_by_us(const Picture *picture)
{
        static const char by_us[] = "imagined ";
        _cleanup_(metadata_done) Metadata metadata = { 0 };
        _cleanup_(marks_done) Marks marks = { 0 };

        if (metadata_read(picture->data, picture->size, &metadata) <= 0 || !metadata.xmp ||
            xmp_read(metadata.xmp, metadata.xmp_size, &marks) < 0)
                return false;
        const char *tool = marks.values[MARK_CREATOR_TOOL];
        return tool && strncmp(tool, by_us, strlen(by_us)) == 0;
}

bool recorded_is_picture(const json_t *record, const char *path)
{
        _cleanup_(picture_unmap) Picture picture = { 0 };
        char digest[PIXELS_DIGEST_SIZE];
        _cleanup_(closep) int fd = -1;

        if (recorded_read_digest(path, digest))
                return streq(recorded_text(record, "pixels"), digest);
        return input_read(path, &fd, NULL, NULL) >= 0 && picture_map(fd, &picture, NULL) >= 0 && is_of_size(record, &picture) &&
               is_by_us(&picture);
}

/* The record of the path; that of the pixels, if the path's is another picture's; 0: there is neither. */
static int find_file(Records *records, const char *path, json_t **ret, Error *error)
{
        _cleanup_(freep) char *absolute = realpath(path, NULL);
        char digest[PIXELS_DIGEST_SIZE] = "";
        json_t *by_path = NULL, *by_pixels = NULL;

        int r = absolute ? records_find_file(records, absolute, &by_path, error) : -errno;
        if (r < 0 && r != -ENOENT)
                return r;
        if (recorded_read_digest(path, digest) && !(by_path && streq(recorded_text(by_path, "pixels"), digest))) {
                r = records_find_pixels(records, digest, &by_pixels, error);
                if (r < 0 && r != -ENOENT) {
                        json_decref(by_path);
                        return r;
                }
        }
        *ret = json_incref(by_pixels ? by_pixels : by_path);
        json_decref(by_path);
        json_decref(by_pixels);
        return *ret ? 1 : 0;
}

json_t *recorded_find_file(const char *path)
{
        _cleanup_(records_closep) Records *records = NULL;
        json_t *record = NULL;

        return open_quietly(&records, NULL) >= 0 && find_file(records, path, &record, NULL) > 0 ? record : NULL;
}

bool recorded_is_still(const json_t *record, const char *path)
{
        json_t *last = recorded_find_file(path);
        const bool same = last && streq(recorded_text(last, "id"), recorded_text(record, "id")) && recorded_is_picture(record, path);

        json_decref(last);
        return same;
}

char *recorded_find_source(Records *records, const json_t *record)
{
        const char *id = recorded_text(record, "parent");
        json_t *parent = NULL;
        char *source = NULL;

        if (!*id || records_get(records, id, &parent, NULL) < 0)
                return NULL;
        const json_t *files = json_object_get(parent, "files");
        for (size_t i = 0; i < json_array_size(files) && !source; i++) {
                const char *path = json_string_value(json_array_get(files, i));
                if (recorded_is_file(path) && recorded_is_still(parent, path))
                        source = strdup(path);
        }
        json_decref(parent);
        return source;
}

ExitCode recorded_find(Client *c, Records *records, const char *word, json_t **ret)
{
        _cleanup_(freep) char *path = batch_path(word);
        Error error = { 0 };

        if (!path)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        if (access(path, F_OK) >= 0) {
                int r = find_file(records, path, ret, &error);
                if (r == 0)
                        return client_fail(c, CODE_NOT_FOUND, _("there is no record of %s"), path);
                return r < 0 ? recorded_fail(c, &error, r) : CODE_OK;
        }
        int r = records_get(records, word, ret, &error);
        if (r == -ENOENT)
                return client_fail(c, CODE_NOT_FOUND, _("'%s' is neither a file nor the id of a record"), word);
        if (r == -ENOTUNIQ)
                return client_fail(c, CODE_NOT_FOUND, _("several ids begin with '%s'"), word);
        return r < 0 ? recorded_fail(c, &error, r) : CODE_OK;
}

/* --- by the options --- */

RecordsQuery recorded_query(const Options *o, const char *words)
{
        return (RecordsQuery) {
                .words = words,
                .model = o->model,
                .app = o->app,
                .state = o->state,
                .tag = o->tag,
                .provider = o->provider && streq(o->provider, "local") ? "" : o->provider,
                .since = o->since,
                .until = o->until,
                .limit = (uint32_t)o->limit,
        };
}

char *recorded_words(const Options *o)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        for (int i = 0; i < o->n_words; i++)
                (void)fprintf(f, "%s%s", i > 0 ? " " : "", o->words[i]);
        return fclose(f) == 0 ? text : NULL;
}

/* --- what was saved --- */

/* Without prompts in the records, what is made of them stays out, too: also files' names. */
static int note(Records *records, const Client *c, const char *id, const char *path)
{
        json_t *record = NULL;

        int r = records_get(records, id, &record, NULL);
        if (r < 0)
                return r;
        const bool has_prompt = json_object_get(record, "prompt") != NULL;
        json_t *changes = c->to_record ? json_copy(c->to_record) : NULL;
        if (changes && !has_prompt)
                (void)(json_object_del(changes, "asked"), json_object_del(changes, "lineage"));
        if (changes && json_object_size(changes) > 0)
                r = records_change(records, id, changes, NULL);
        if (r >= 0 && has_prompt)
                r = records_add_file(records, id, path, NULL);
        json_decref(changes);
        json_decref(record);
        return r;
}

void recorded_saved(const Client *c, const Picture *picture, const char *path)
{
        _cleanup_(records_closep) Records *records = NULL;
        _cleanup_(freep) char *absolute = NULL;

        if (!picture->record[0] || !c->is_user_bus || !(absolute = realpath(path, NULL)) || open_quietly(&records, NULL) < 0)
                return;
        records_set_patience(records, SAVE_PATIENCE);
        (void)note(records, c, picture->record, absolute);
}

static void set_to_record(Client *c, const char *key, json_t *value)
{
        if (!c->to_record)
                c->to_record = json_object();
        (void)json_object_set_new(c->to_record, key, value);
}

void recorded_made_of(Client *c, const char *path, const char *relation)
{
        json_t *record = recorded_find_file(path);

        if (c->to_record)
                (void)(json_object_del(c->to_record, "parent"), json_object_del(c->to_record, "relation"));
        if (record) {
                set_to_record(c, "parent", json_string(recorded_text(record, "id")));
                set_to_record(c, "relation", json_string(relation));
        }
        json_decref(record);
}

void recorded_made_from(Client *c, const char *asked, const json_t *enhanced)
{
        static const char *const keys[] = { "template", "profile", "purpose", "lineage", "seed", "fields" };
        json_t *lineage = json_object();

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (json_object_get(enhanced, keys[i]))
                        (void)json_object_set(lineage, keys[i], json_object_get(enhanced, keys[i]));
        set_to_record(c, "asked", json_string(asked));
        set_to_record(c, "lineage", lineage);
}
