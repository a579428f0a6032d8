/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads a JSON object key by key. The first error sticks, with a sentence that names file and key; after it
 * every getter returns its default, so that a config is read in one go and checked once:
 *
 *     _cleanup_(json_reader_done) JsonReader json = {};
 *     r = json_reader_open(&json, path, error);
 *     if (r < 0)
 *             return r;
 *     config.steps = json_u32(&json, "steps", 20, 1, 500);
 *     config.eps = json_number(&json, "eps", 1e-5, 0, 1);
 *     return json.result;
 *
 * A key that is absent or null has its default, which is not checked. Wrong types and numbers out of range
 * are -EBADMSG, values that this version cannot compute -EOPNOTSUPP. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct JsonReader {
        char *path;
        json_t *root;
        Error *error;
        int result; /* 0, or the first error */
} JsonReader;

/* -ENOENT, -EBADMSG (not a JSON object of at most 1 MiB, or a key twice), -ENOMEM. */
int json_reader_open(JsonReader *ret, const char *path, Error *error);
void json_reader_done(JsonReader *json);

uint32_t json_u32(JsonReader *json, const char *key, uint32_t absent, uint32_t low, uint32_t high);
double json_number(JsonReader *json, const char *key, double absent, double low, double high);
bool json_bool(JsonReader *json, const char *key, bool absent);

/* Copies a string of less than `size` bytes. */
void json_text(JsonReader *json, const char *key, const char *absent, char *ret, size_t size);

/* The index of the string among `names` (which NULL ends), or `absent`. */
int json_choice(JsonReader *json, const char *key, int absent, const char *const *names);

/* The same for a list of 1 to max strings. Returns how many, 0 if absent. */
uint32_t json_choice_list(JsonReader *json, const char *key, const char *const *names, int *ret,
                          uint32_t max);

/* A list of 1 to max numbers. Returns how many, 0 if absent. */
uint32_t json_u32_list(JsonReader *json, const char *key, uint32_t low, uint32_t high, uint32_t *ret,
                       uint32_t max);

/* One number for all levels, or a list of n. */
void json_u32_each(JsonReader *json, const char *key, uint32_t absent, uint32_t low, uint32_t high,
                   uint32_t *ret, uint32_t n);

/* Whether the key is absent, null, or equal to `only` (JSON text; NULL: nothing but null will do). */
bool json_is(const JsonReader *json, const char *key, const char *only);

/* Whether the key is that string. */
bool json_is_text(const JsonReader *json, const char *key, const char *text);

/* -EOPNOTSUPP unless json_is(). */
void json_only(JsonReader *json, const char *key, const char *only);

/* Sets json.result, if it was 0, and the sentence "FILE: KEY: …"; returns json.result. */
int json_fail(JsonReader *json, int code, const char *key, const char *format, ...) _printf_(4, 5);
