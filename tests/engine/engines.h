/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Engines, requests, and what they paint:
 *
 *     _cleanup_(engine_freep) Engine *engine = open_engine(TINY, 2);
 *     _cleanup_(freep) Request *q = new_request();
 *     _cleanup_(picture_done) Picture picture = {};
 *     paint(engine, q, &picture);
 */

#include "engine/engine.h"
#include "tests/engine/fixtures.h"

#define TINY "tests/fixtures/tiny-model"

static inline Request *new_request(void)
{
        Request *request = malloc(sizeof(*request));
        assert_non_null(request);
        request_init(request);
        return request;
}

static inline Engine *open_engine(const char *path, unsigned threads)
{
        Engine *engine = NULL;
        Error error = {};

        if (engine_new(&engine, path, threads, &error) < 0)
                fail_msg("%s", error.text);
        return engine;
}

static inline void paint(Engine *engine, const Request *q, Picture *ret)
{
        Error error = {};

        if (engine_generate(engine, q, 0, NULL, ret, &error) < 0)
                fail_msg("%s", error.text);
}

static inline bool are_equal(const Picture *a, const Picture *b)
{
        return a->width == b->width && a->height == b->height &&
               memcmp(a->rgb, b->rgb, (size_t)a->width * a->height * 3) == 0;
}
