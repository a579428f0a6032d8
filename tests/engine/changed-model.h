/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copies of the tiny model in which something is different.
 *
 *     char dir[32];
 *     make_model(dir, "rm imagined.json");
 *     _cleanup_(engine_freep) Engine *engine = open_engine(dir, 1);
 *     …
 *     remove_model(dir);
 */

#include <stdio.h>
#include <stdlib.h>

#include "tests/engine/engines.h"

/* A copy of the tiny model, changed by a shell command in its folder. To be removed with remove_model(). */
static inline void make_model(char dir[static 32], const char *change)
{
        char command[1024];

        (void)snprintf(dir, 32, "/tmp/model-XXXXXX");
        assert_non_null(mkdtemp(dir));
        (void)snprintf(command, sizeof(command), "cp -RL %s/. %s && cd %s && %s", TINY, dir, dir, change);
        assert_int_equal(system(command), 0);
}

static inline void remove_model(const char *dir)
{
        char command[64];
        (void)snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}
