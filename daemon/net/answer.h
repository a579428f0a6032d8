/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the answers of all kinds of servers have in common. They may say anything: every field may be missing or of another
 * type. */

#include <jansson.h>

#include "net/dialect.h"

/* One line of text from a value that is one; else the field stays as it is. */
void answer_copy(char *field, size_t size, const json_t *value);

/* A whole number above 0, else 0. */
uint64_t answer_number(const json_t *value);

/* A whole number from 0 on is the seed; else it is not known. */
void answer_seed(NetResult *result, const json_t *value);

/* The body as a JSON object; NULL with a sentence that says "no WHAT". */
json_t *answer_load(const HttpAnswer *answer, const char *what, Error *error);

/* The message and code in an error's body, each "" where there is none. */
void answer_error(const char *json, size_t size, char ret_message[static 256], char ret_code[static 64]);

/* The name of a task, which becomes a part of addresses: letters, digits, '_' and '-' only. */
bool answer_task(char ret[static 128], const json_t *value);

/* What an answer that is not 2xx means: fills in the error. is_refusal: it is one of the server's rules. Whether it is of no
 * use to try again. */
bool answer_explain(const Talk *talk, const HttpAnswer *answer, bool is_refusal, const char *message, const char *code, Error *error);

/* The same for a server whose errors tell of no rules. */
bool answer_explain_plain(const Talk *talk, const HttpAnswer *answer, Error *error);

/* The same where a picture was to be fetched from its link. */
bool answer_explain_link(const HttpAnswer *answer, Error *error);

/* Delivers a picture; the bytes are looked at only for the beginning of PNG, JPEG or WebP. NET_BAD_ANSWER with a sentence. */
int answer_picture(Talk *talk, const NetResult *result, const void *data, size_t size, Error *error);

/* The same of an answer's body, with the type that it came as. */
int answer_body(Talk *talk, NetResult *result, const HttpAnswer *answer, Error *error);

/* The same of a text in base64, or of a data URL, which is decoded in its place. */
int answer_base64(Talk *talk, const NetResult *result, json_t *text, Error *error);

/* What ASK_CHECK wants to know, of a list of models: [list][i][name]; list: "": the answer itself is the list. */
int answer_models(Talk *talk, const HttpAnswer *answer, const char *list, const char *name, Error *error);

/* The same of OpenAI's GET …/models, which many servers copy. */
int answer_openai_models(Talk *talk, const HttpAnswer *answer, Error *error);

/* The same of a server that says no more than that it is there. */
int answer_is_there(Talk *talk, const HttpAnswer *answer, Error *error);

/* The same where it is put together already. */
int answer_check(Talk *talk, json_t *models, double credits, Error *error);
