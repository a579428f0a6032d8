/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture of the user's records that is reviewed or exported.
 *
 *     _cleanup_(subject_done) Subject subject = { 0 };
 *     code = subject_open(c, &subject);                       // the records and the policy, once
 *     if (code == CODE_OK)
 *             code = subject_find(c, &subject, "7k2m9");       // one picture after another
 */

#include "client/client.h"
#include "client/review/policy.h"
#include "records/records.h"

#define SUBJECT_SHA256_SIZE 65

typedef struct Subject { /* subject_done() */
        Records *records;
        ReviewPolicy policy;
        json_t *record;
        const char *id; /* in the record */
        char *named; /* the file that it was found by, or NULL */
        const char *path; /* that, or the first of the record's files that is there; NULL: none */
        char sha256[SUBJECT_SHA256_SIZE]; /* of that file's bytes */
} Subject;

/* CODE_OK, or what was reported. */
ExitCode subject_open(Client *client, Subject *subject);

/* The words of the command line from `first` on; without any, the ids of the records that the query finds. */
ExitCode subject_words(Client *client, const Subject *subject, int first, const RecordsQuery *query, json_t *ret);

/* A file, an id or the beginning of one. */
ExitCode subject_find(Client *client, Subject *subject, const char *word);

/* Reads it again after a change. */
ExitCode subject_refresh(Client *client, Subject *subject);

const char *subject_text(const Subject *subject, const char *key); /* or "" */
bool subject_is_checked(const Subject *subject, const char *what); /* "licence", "legibility" */

/* What the policy asks for before it may be approved and it does not have: "alt-text", "licence", "legibility"; NULL at the end. */
#define SUBJECT_LACKS_MAX 4
void subject_lacks(const Subject *subject, const char *ret[SUBJECT_LACKS_MAX]);
const char *subject_lack_text(const char *name); /* in words, for the user */

/* --- changes, each told to the records at once --- */

ExitCode subject_set_alt(Client *client, Subject *subject, const char *text);
/* Notes that this user has looked at it. */
ExitCode subject_check(Client *client, Subject *subject, const char *what);
/* state: NULL for a comment alone. What is approved has to have what the policy asks for, and is approved as its file is now. */
ExitCode subject_comment(Client *client, Subject *subject, const char *text, const char *state);

void subject_done(Subject *subject);

/* SHA-256 of bytes, hexadecimal. */
void subject_digest(const void *data, size_t size, char ret[static SUBJECT_SHA256_SIZE]);
