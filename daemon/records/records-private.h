/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of records/ share: the database, and the table of its columns. */

#include <sqlite3.h>
#include <stdbool.h>

#include "records/records.h"

struct Records {
        sqlite3 *db;
};

typedef enum ColumnType {
        COLUMN_INTEGER,
        COLUMN_REAL,
        COLUMN_TEXT,
        COLUMN_JSON, /* an object or array, as text */
} ColumnType;

/* Those of the table picture, in the order in which they are read and written; the names are the record's keys. */
#define RECORD_COLUMNS(X)                                                                                          \
        X(time, INTEGER) X(id, TEXT) X(prompt, TEXT) X(negative, TEXT) X(asked, TEXT) X(lineage, JSON)             \
        X(provider, TEXT) X(terms, JSON) X(price, REAL) X(currency, TEXT) X(model, TEXT) X(model_version, TEXT)    \
        X(model_digest, TEXT) X(license, TEXT) X(settings, JSON) X(width, INTEGER) X(height, INTEGER)              \
        X(made_with, JSON) X(seconds, REAL) X(pixels, TEXT) X(parent, TEXT) X(relation, TEXT) X(app, TEXT)         \
        X(state, TEXT) X(alt, TEXT) X(tags, JSON)

typedef enum ColumnNumber {
#define X(name, type) COLUMN_OF_##name,
        RECORD_COLUMNS(X)
#undef X
} ColumnNumber;

typedef struct Column {
        const char *name;
        ColumnType type;
} Column;

extern const Column record_columns[];
extern const size_t record_n_columns;

bool record_id_is_valid(const char *id);

/* sql.c: what SQLite says, as a negative errno with its words; statements. */
int records_fail(int code, Error *error);
int records_run(Records *records, const char *sql, Error *error);
int records_prepare(Records *records, const char *sql, sqlite3_stmt **ret, Error *error);
int records_step(sqlite3_stmt *statement, Error *error); /* 1: a row; 0: no more */
DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize)

/* One number. */
int records_number(Records *records, const char *sql, int64_t *ret, Error *error);

/* A transaction that writes: what is not committed is undone at the end of the scope.
 *
 *     _cleanup_(records_rollbackp) Records *transaction = NULL;
 *     r = records_begin(records, &transaction, error);
 *     …
 *     return records_commit(records, error); */
int records_begin(Records *records, Records **ret_transaction, Error *error);
int records_commit(Records *records, Error *error);
void records_rollbackp(Records **transaction);

/* schema.c: brings the database to this version; by these n steps, which lead from the version of each's number to the next one.
 * -EPROTO with a sentence: it is of a newer one. */
int records_migrate(Records *records, Error *error);
int records_migrate_by(Records *records, const char *const steps[], size_t n, Error *error);

/* Whose word it is. An own one takes the place of what was said before of a path, or of the files of a model; another's, which came
 * out of a file, is not believed against what is there. */
typedef enum Word {
        WORD_OWN,
        WORD_OF_OTHERS,
} Word;

/* add.c: as records_add(). */
int record_insert(Records *records, const json_t *record, Word word, Error *error);
/* What a column's value may be; binds it. -EINVAL. */
int record_bind(sqlite3_stmt *statement, int index, const Column *column, const json_t *value, Error *error);
int record_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* Into the tables beside, of the picture of that time. -EINVAL. */
int record_insert_files(Records *records, const json_t *files, int64_t time, Word word, Error *error);
int record_insert_comment(Records *records, const json_t *comment, int64_t time, Error *error);
/* The model_files of a record, or of changes that have its model_digest, too. */
int record_insert_model(Records *records, const json_t *record, Word word, Error *error);
/* A new object of those of a record's keys that have neither column nor table. */
int record_take_more(const json_t *record, json_t **ret);

/* read.c: what is selected for records, "picture.time, picture.id, …, more"; the record of such a row. NULL: no memory. */
extern const char record_selection[];
json_t *record_of_row(sqlite3_stmt *statement);
/* The time, by which all tables know it, of the record of that id or beginning of one. */
int records_find(Records *records, const char *id, int64_t *ret_time, Error *error);

/* search.c: " FROM … WHERE …" of a query, to be freed; its values bound to the statement that was made with it. */
int query_to_sql(const RecordsQuery *query, char **ret);
int query_bind(sqlite3_stmt *statement, const RecordsQuery *query);
