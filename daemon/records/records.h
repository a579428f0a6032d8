/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The records of one user: how each of their pictures was made, in an SQLite database that nobody else can read. The user's
 * instance of the service adds to it; the client reads it, files pictures in it and takes out what is to be forgotten. Both at
 * once: it is in WAL mode, and each function below is one transaction, which is there as a whole or not at all whatever dies.
 *
 *     _cleanup_(records_closep) Records *records = NULL;
 *     _cleanup_(freep) char *path = NULL;
 *
 *     r = records_path(&path);
 *     r = records_open(&records, path, RECORDS_CREATE, &error);
 *     r = records_add(records, record, &error);
 *     r = records_search(records, &(RecordsQuery) { .words = "red fox", .limit = 20 }, each, userdata, &error);
 *
 * A record is one JSON object. Every key but id and time may be missing:
 *
 *     id, time          RECORD_ID_SIZE - 1 letters and digits; when it was made, in µs since 1970: no two have the same
 *     prompt, negative  as they were sent
 *     asked             what its user had asked for, where a prompt was made of that
 *     lineage           object: template, profile, purpose, fields (the prompt taken apart: prompts/fields.h), and lineage, the
 *                       texts that led to the prompt
 *     provider          of a remote picture; none: it was made on this machine
 *     terms             object: what was known of them then: address, date, owner, attribution, commercial
 *     price, currency   number; as "EUR"
 *     model, model_version, model_digest, license   as ListModels tells
 *     model_files       object: digest of each of its files by path; kept once for each model_digest
 *     settings          object: the options of Generate that make it again, but prompt and negative prompt
 *     width, height     in pixels
 *     made_with         object: what else decides the pixels: engine, isa, precision, tokenizer (digest of its
 *                       files); what was found: prompt_tokens, …
 *     seconds           it took
 *     pixels            SHA-256 of its pixels, 8-bit RGB, rows from top to bottom: hexadecimal
 *     parent, relation  the id of the picture it was made of, and how: vary, enlarge, from, remake, edit
 *     app               that asked for it
 *     state             draft, approved, rejected, retired
 *     alt, tags         what it shows, for who cannot see it; array of texts
 *     files             array of absolute paths; a path is of the picture that was written there last
 *     comments          array of objects: time, who, text, and state where the comment gave it one
 *     imported          when it was taken in from a file (records_import): all that it says is another's word
 *
 * Other keys are kept as they are. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define RECORD_ID_SIZE 11

typedef struct Records Records;

typedef enum RecordsMode {
        RECORDS_EXIST, /* -ENOENT without any */
        RECORDS_CREATE, /* the directory, with mode 0700, and the database, if they are not there */
} RecordsMode;

/* $XDG_DATA_HOME/imagined/records/records.db, or below the home directory. -ENOENT: there is neither. To be freed. */
int records_path(char **ret);

/* Brings an older database to this version. -EPERM: it is somebody else's; -EPROTO: it is of a newer version; -EBADMSG: it is
 * broken, or no database. */
int records_open(Records **ret, const char *path, RecordsMode mode, Error *error);
Records *records_close(Records *records);
DEFINE_CLEANUP(Records *, records_close)

/* Whether its file was removed or replaced since: what is written now is lost. */
bool records_have_moved(const Records *records);

/* How long a function waits while somebody else writes, before it returns -EAGAIN; at first 5 s. */
void records_set_patience(Records *records, int milliseconds);

/* Leaves it to others to move the log into the database, which waits for the disk, until there are 64 MiB of it. */
void records_leave_checkpoints(Records *records);

/* Errors of all that follow: -EAGAIN, -ENOSPC, -EIO, -EBADMSG, -ENOMEM, with a sentence that quotes nothing of any record. */

/* draft, approved, rejected, retired. */
bool record_state_is_valid(const char *state);

/* Whether an option of Generate may be among a record's settings: it decides what the picture is, and nothing else. Records of
 * strangers may have others, which nobody is to follow. */
bool record_setting_is_valid(const char *option);

/* A new id, random. */
int records_new_id(char ret[static RECORD_ID_SIZE]);

/* -EINVAL: a key has the wrong type, no id or time, or an unknown state; -EEXIST: there is one with that id. */
int records_add(Records *records, const json_t *record, Error *error);

/* By its id or the beginning of it that no other has. -ENOENT; -ENOTUNIQ: several begin so. */
int records_get(Records *records, const char *id, json_t **ret, Error *error);

/* That of the picture made at that time, as records_list() gives it. -ENOENT. */
int records_get_at(Records *records, int64_t time, json_t **ret, Error *error);

/* The latest that was written to that absolute path, or that has these pixels; own ones before imported ones. -ENOENT. */
int records_find_file(Records *records, const char *path, json_t **ret, Error *error);
int records_find_pixels(Records *records, const char *pixels, json_t **ret, Error *error);

/* Which records; what is NULL or 0 does not matter. */
typedef struct RecordsQuery {
        const char *words; /* all of them in prompt, asked, alt or tags; "fo*": beginnings */
        const char *model, *app, *state, *tag, *parent;
        const char *provider; /* "": made on this machine */
        uint64_t since, until; /* time: from, and before that; µs */
        uint32_t limit;
} RecordsQuery;

/* Calls each() for each, newest first, until it returns something else than 0, which is returned. The record is without files,
 * comments and model_files, and goes with the call. */
typedef int (*records_each_t)(json_t *record, void *userdata);
int records_search(Records *records, const RecordsQuery *query, records_each_t each, void *userdata, Error *error);

/* Only the times of the same records, newest first, for who shows few of many: *ret is malloc'ed. */
int records_list(Records *records, const RecordsQuery *query, int64_t **ret, size_t *ret_n, Error *error);

/* change.c: keys of the object take the place of the record's; null takes one out. -ENOENT, -EINVAL; id, time, files and
 * comments cannot be changed so, model_files only with model_digest. id as for records_get. */
int records_change(Records *records, const char *id, const json_t *changes, Error *error);
int records_add_file(Records *records, const char *id, const char *path, Error *error);
/* state: NULL, or the one that the picture gets with it. */
int records_comment(Records *records, const char *id, const char *who, const char *text, const char *state, Error *error);

/* forget.c: takes records out, or only their prompts and what tells of them (asked, negative, lineage, alt, export_name, files,
 * which are named after prompts); nothing of it is left in the files of the database afterwards. *ret_n: how many. */
int records_forget(Records *records, const RecordsQuery *query, bool prompts_only, uint64_t *ret_n, Error *error);

/* Takes one out; records_scrub() makes sure that nothing of it is left in the files, which takes as long as to write them. */
int records_remove(Records *records, const char *id, Error *error);
int records_scrub(Records *records, Error *error);

/* Takes out what is older than so many days and the one that has begun, in UTC; 0: no limit. *ret_n: how many, whose words stay in
 * the files until records_scrub(). */
int records_limit_days(Records *records, uint64_t days, uint64_t *ret_n, Error *error);

/* Takes out the oldest while the database is larger; 0: no limit. */
int records_limit_bytes(Records *records, uint64_t bytes, Error *error);

/* exchange.c: records as JSON, one a line, newest first. What cannot be written is a negative errno. */
int records_export(Records *records, const RecordsQuery *query, FILE *to, uint64_t *ret_n, Error *error);

typedef struct RecordsImported {
        uint64_t added, known; /* those whose id was there already stay as they are */
} RecordsImported;

/* They are marked as imported. A path that another record has stays that one's, and what own records say of the files of a model
 * is what is known of them. -EINVAL with the number of the line that is none; *ret counts those before it, which stay. */
int records_import(Records *records, FILE *from, RecordsImported *ret, Error *error);
