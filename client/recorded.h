/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The user's records (records/records.h), as verbs need them: opened with words of regret, asked for what the options say, found
 * by what stands on the command line.
 *
 *     _cleanup_(records_closep) Records *records = NULL;
 *     json_t *record = NULL;
 *
 *     ExitCode code = recorded_open(c, &records);
 *     if (code == CODE_OK)
 *             code = recorded_find(c, records, c->options.words[0], &record);
 */

#include "client/client.h"
#include "client/pixels.h"
#include "records/records.h"

/* CODE_OK, or what was reported: CODE_NOT_FOUND if there are none. */
ExitCode recorded_open(Client *client, Records **ret);

/* Says what went wrong with them. */
ExitCode recorded_fail(Client *client, const Error *error, int r);

/* By its id, by the beginning of one, or by a file: the one that was saved there, unless its pixels are another one's. */
ExitCode recorded_find(Client *client, Records *records, const char *word, json_t **ret);

/* The same for a file whose record is of use, but need not be: NULL. */
json_t *recorded_find_file(const char *path);

/* The digest of a PNG's pixels; other formats do not keep them as they are. Whether there is one. */
bool recorded_read_digest(const char *path, char ret[static PIXELS_DIGEST_SIZE]);

/* Whether the file is that record's picture, for sure: records may come from anybody. A PNG has the same pixels; one of another
 * format was written by this program, in that size. */
bool recorded_is_picture(const json_t *record, const char *path);

/* Likewise, and nothing else has been saved there since. */
bool recorded_is_still(const json_t *record, const char *path);

/* The picture that it was made of, where it was saved and still is; to be freed. NULL: it is not there. */
char *recorded_find_source(Records *records, const json_t *record);

/* What --model, --state and the like say. words: may be NULL. */
RecordsQuery recorded_query(const Options *options, const char *words);

/* All words of the command line as one text, to be freed. */
char *recorded_words(const Options *options);

/* A picture was written there: its record gets to know where, and client->to_record. Without a record nothing happens. */
void recorded_saved(const Client *client, const Picture *picture, const char *path);

/* What is made next is made of that file: of the picture that it is, if that is recorded. */
void recorded_made_of(Client *client, const char *path, const char *relation);

/* Its prompt was made of what was asked for, as GetResult gives it. */
void recorded_made_from(Client *client, const char *asked, const json_t *enhanced);

/* Whether it is an absolute path of a file that can be read, as far as is known before: a record may be a stranger's, and name what
 * never ends. */
bool recorded_is_file(const char *path);

/* The first of its files that is there and can be read; it lies in the record. NULL: none is. */
const char *recorded_path(const json_t *record);

/* The text of a key; "" without one. */
const char *recorded_text(const json_t *record, const char *key);
