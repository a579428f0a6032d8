/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program that is run to its end: bytes in, bytes out. */

#include "workers/child.h"

typedef struct ProgramSpec {
        char *const *arguments; /* NULL-terminated; the first is the program's path */
        int input; /* its standard input; can be closed afterwards */
        size_t bytes_max; /* that it may write to its standard output */
        uint64_t seconds; /* that it may take */
} ProgramSpec;

int program_new(Child **ret, sd_event *event, const ProgramSpec *spec, child_done_t done, void *userdata, Error *error);
