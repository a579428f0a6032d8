/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How dialects write their requests. Of the key they name the header that it comes in (HttpRequest.key_header).
 *
 *     _cleanup_(json_decrefp) json_t *body = json_object();
 *     compose_text(body, "prompt", &talk->parts[NET_PART_PROMPT]);
 *     return compose_json(request, talk->ask->url, "/images/generations", body, error); */

#include <jansson.h>

#include "net/http.h"

/* POST with the object as its body; 1, as Dialect.next() returns it, or an error with a sentence. body: NULL: memory was short. */
int compose_json(HttpRequest *request, const char *url, const char *path, const json_t *body, Error *error);

/* GET, or DELETE, without a body. */
int compose_plain(HttpRequest *request, const char *method, const char *url, const char *path, Error *error);

/* GET of an address that the server gave. */
int compose_link(HttpRequest *request, const char *link, Error *error);

/* Sets a field; a part that did not come, a text that is "" and a number below 0 are left out. -ENOMEM. */
int compose_part(json_t *body, const char *name, const Bytes *part);
int compose_text(json_t *body, const char *name, const char *text);
int compose_number(json_t *body, const char *name, double number);
int compose_seed(json_t *body, const char *name, uint64_t seed);

/* Adds "NAME=VALUE&" to a query, all but letters, digits and "-._~" as %XX. value: NULL: "". */
int compose_query(Bytes *query, const char *name, const char *value);

/* A picture in base64 behind `start` ("" or that of a data URL); NULL: memory is short. */
json_t *compose_base64(const Bytes *picture, const char *start);
json_t *compose_data_url(const Bytes *picture);

/* A form as of multipart/form-data, field by field. Everything is checked at the end. */
typedef struct Form { /* form_begin(), form_send() */
        HttpRequest *request;
        char boundary[48];
        int result; /* of what was added so far */
} Form;

Form form_begin(HttpRequest *request, const char *url, const char *path);
void form_add(Form *form, const char *name, const void *data, size_t size);
void form_add_text(Form *form, const char *name, const char *text); /* "" is left out */
void form_add_part(Form *form, const char *name, const Bytes *part);
void form_add_number(Form *form, const char *name, double number);
void form_add_file(Form *form, const char *name, const Bytes *picture); /* PNG or JPEG */
int form_send(Form *form, Error *error); /* 1, or an error with a sentence */
