/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables, and how older ones become these. */

#include <errno.h>

#include "base/util.h"
#include "records/records-private.h"

/* The words are searched in an index of their own, which triggers keep as the table is; its rows are found by the time. */
static const char first_schema[] =
        "CREATE TABLE picture (time INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, prompt TEXT, negative TEXT, asked TEXT,"
        " lineage TEXT, provider TEXT, terms TEXT, price REAL, currency TEXT, model TEXT, model_version TEXT,"
        " model_digest TEXT, license TEXT, settings TEXT, width INTEGER, height INTEGER, made_with TEXT, seconds REAL,"
        " pixels TEXT, parent TEXT, relation TEXT, app TEXT, state TEXT NOT NULL DEFAULT 'draft', alt TEXT, tags TEXT,"
        " more TEXT);"
        "CREATE INDEX picture_model ON picture(model);"
        "CREATE INDEX picture_provider ON picture(provider);"
        "CREATE INDEX picture_app ON picture(app);"
        "CREATE INDEX picture_state ON picture(state);"
        "CREATE INDEX picture_pixels ON picture(pixels);"
        "CREATE INDEX picture_parent ON picture(parent);"
        "CREATE TABLE file (path TEXT PRIMARY KEY, picture INTEGER NOT NULL REFERENCES picture ON DELETE CASCADE) WITHOUT ROWID;"
        "CREATE INDEX file_picture ON file(picture);"
        "CREATE TABLE comment (number INTEGER PRIMARY KEY, picture INTEGER NOT NULL REFERENCES picture ON DELETE CASCADE,"
        " time INTEGER NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL, state TEXT);"
        "CREATE INDEX comment_picture ON comment(picture);"
        "CREATE TABLE model (digest TEXT PRIMARY KEY, files TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE VIRTUAL TABLE words USING fts5(prompt, asked, alt, tags, content='picture', content_rowid='time');"
        "CREATE TRIGGER picture_added AFTER INSERT ON picture BEGIN"
        " INSERT INTO words(rowid, prompt, asked, alt, tags) VALUES (new.time, new.prompt, new.asked, new.alt, new.tags);"
        "END;"
        "CREATE TRIGGER picture_removed AFTER DELETE ON picture BEGIN"
        " INSERT INTO words(words, rowid, prompt, asked, alt, tags)"
        " VALUES ('delete', old.time, old.prompt, old.asked, old.alt, old.tags);"
        "END;"
        "CREATE TRIGGER picture_changed AFTER UPDATE OF prompt, asked, alt, tags ON picture BEGIN"
        " INSERT INTO words(words, rowid, prompt, asked, alt, tags)"
        " VALUES ('delete', old.time, old.prompt, old.asked, old.alt, old.tags);"
        " INSERT INTO words(rowid, prompt, asked, alt, tags) VALUES (new.time, new.prompt, new.asked, new.alt, new.tags);"
        "END;";

/* Each leads from the version of its number to the next one. */
static const char *const migrations[] = {
        first_schema,
};

static int check_version(Records *records, size_t n, int64_t *ret, Error *error)
{
        int r = records_number(records, "PRAGMA user_version", ret, error);
        if (r >= 0 && (*ret < 0 || *ret > (int64_t)n))
                return error_set(error, -EPROTO, "The records are of a newer version of this program");
        return r;
}

int records_migrate_by(Records *records, const char *const steps[], size_t n, Error *error)
{
        _cleanup_(records_rollbackp) Records *transaction = NULL;
        char sql[64];
        int64_t version = 0;

        int r = check_version(records, n, &version, error);
        if (r < 0 || version == (int64_t)n)
                return r;
        r = records_begin(records, &transaction, error);
        if (r >= 0) /* somebody else may have done it meanwhile */
                r = check_version(records, n, &version, error);
        for (; r >= 0 && version < (int64_t)n; version++)
                r = records_run(records, steps[version], error);
        if (r < 0)
                return r;
        (void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)n);
        r = records_run(records, sql, error);
        return r < 0 ? r : records_commit(records, error);
}

int records_migrate(Records *records, Error *error)
{
        return records_migrate_by(records, migrations, ELEMENTSOF(migrations), error);
}
