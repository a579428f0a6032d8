/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder of the test's own, as cmocka's set-up and tear-down:
 *
 *     scratch_run("cp -RL $SOURCE/%s model", name);     in the folder; $SOURCE is the source tree
 *     open(scratch_path("model/%d", i), O_RDONLY);
 *     …
 *     return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
 */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"

static char scratch[64];

static inline int scratch_make(void **state)
{
        char source[PATH_MAX];
        (void)state;

        (void)snprintf(scratch, sizeof(scratch), "/tmp/imagined-test-XXXXXX");
        return getcwd(source, sizeof(source)) && setenv("SOURCE", source, 1) == 0 && mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
        char command[128];
        (void)state;

        (void)snprintf(command, sizeof(command), "rm -rf '%s'", scratch);
        return system(command);
}

/* Overwritten by the next call. */
_printf_(1, 2) static inline const char *scratch_path(const char *format, ...)
{
        static char path[PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s/", scratch);
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(path + n, sizeof(path) - (size_t)n, format, ap);
        va_end(ap);
        return path;
}

_printf_(1, 2) static inline void scratch_run(const char *format, ...)
{
        char command[4096];
        int n = snprintf(command, sizeof(command), "cd '%s' && ", scratch);
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(command + n, sizeof(command) - (size_t)n, format, ap);
        va_end(ap);
        assert_int_equal(system(command), 0);
}
