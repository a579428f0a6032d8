/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where tests find their data (they run in the root of the source tree), and what several of them need. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/safetensors.h"
#include "engine/model/weights.h"

#define FIXTURES "tests/fixtures"

typedef struct TestPath {
        char text[PATH_MAX];
} TestPath;

static inline TestPath fixture(const char *name)
{
        TestPath path;
        assert_true((size_t)snprintf(path.text, sizeof(path.text), FIXTURES "/%s", name) <
                    sizeof(path.text));
        return path;
}

/* A file of the data that are too large for the repository; skips the test where they are not there. */
static inline TestPath shared(const char *name)
{
        TestPath path;
        const char *dir = getenv("IMAGINED_SHARED");

        assert_true((size_t)snprintf(path.text, sizeof(path.text), "%s/%s", dir ? dir : "../shared/data",
                                     name) < sizeof(path.text));
        if (access(path.text, R_OK) < 0)
                skip();
        return path;
}

static inline json_t *load_json(const char *path)
{
        json_error_t error;
        json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);

        if (!root)
                fail_msg("%s: %s", path, error.text);
        return root;
}

static inline Safetensors *load_safetensors(const char *path)
{
        Safetensors *file = NULL;
        Error error = {};

        if (safetensors_open(&file, path, &error) < 0)
                fail_msg("%s", error.text);
        return file;
}

/* The tensor's values as malloc'ed floats. */
_printf_(3, 4) static inline float *load_floats(const Safetensors *file, size_t *ret_n, const char *format,
                                                ...)
{
        char name[256];
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(name, sizeof(name), format, ap);
        va_end(ap);

        const StoredTensor *tensor = safetensors_find(file, name);
        if (!tensor)
                fail_msg("no tensor %s", name);
        float *values = malloc((tensor->n_elements + 1) * sizeof(float));
        assert_non_null(values);
        stored_tensor_to_f32(tensor, values);
        if (ret_n)
                *ret_n = tensor->n_elements;
        return values;
}

/* The largest difference, relative to the largest value. */
static inline double difference(const float *a, const float *b, size_t n)
{
        double worst = 0, largest = 0;

        for (size_t i = 0; i < n; i++) {
                double d = a[i] > b[i] ? (double)a[i] - b[i] : (double)b[i] - a[i];
                double size = b[i] < 0 ? -b[i] : b[i];
                if (!(d <= worst))
                        worst = d; /* also NaN */
                if (size > largest)
                        largest = size;
        }
        return largest > 0 ? worst / largest : worst;
}
