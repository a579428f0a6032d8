/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A generator with the shipped files, and what it answers.
 *
 *     Generator g = open_generator("model/default/words.json");
 *     json_t *result = ask(&g, "{s:s, s:i}", "idea", "a fox", "seed", 7);
 *     assert_string_equal(said(result, "prompt"), …); */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "prompts/check.h"
#include "prompts/for-model.h"

/* words NULL: nothing is known of a model. */
static inline Generator open_generator(const char *words)
{
        char *const directories[] = { (char *)"conf/prompts", NULL };
        _cleanup_(freep) char *data = words ? malloc(WORDS_BYTES_MAX) : NULL;
        Generator generator = {};
        Error error = {};
        size_t size = 0;

        if (words) {
                _cleanup_(fclosep) FILE *f = fopen(words, "re");
                assert_non_null(f);
                size = fread(data, 1, WORDS_BYTES_MAX, f);
                assert_true(size > 0);
        }
        if (generator_open(&generator, directories, &error) < 0 || generator_read(&generator, data, size, &error) < 0)
                fail_msg("%s", error.text);
        return generator;
}

/* All results; the caller's. NULL: an error, which is in *error. */
static inline json_t *ask_all(Generator *generator, json_t *request, Error *error)
{
        json_t *answer = NULL;

        assert_non_null(request);
        int r = generator_answer(generator, request, &answer, error);
        json_decref(request);
        if (r < 0)
                return NULL;
        json_t *results = json_incref(json_object_get(answer, "results"));
        json_decref(answer);
        return results;
}

#define ask(generator, ...)                                                                  \
        ({                                                                                   \
                Error _error = {};                                                           \
                json_t *_results = ask_all(generator, json_pack(__VA_ARGS__), &_error);      \
                if (!_results)                                                               \
                        fail_msg("%s", _error.text);                                         \
                json_t *_first = json_incref(json_array_get(_results, 0));                   \
                json_decref(_results);                                                       \
                _first;                                                                      \
        })

static inline const char *said(const json_t *result, const char *key)
{
        const char *text = json_string_value(json_object_get(result, key));
        return text ? text : "";
}

static inline const char *field(const json_t *result, const char *name)
{
        return said(json_object_get(result, "fields"), name);
}
