/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program that is run to its end: bytes in, bytes out. Knows sd-event, but no bus.
 *
 *     program_new(&program, event, &spec, done, userdata, &error);
 *     …  done(program, memfd, userdata); program_free(program) */

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct Program Program;

typedef struct ProgramSpec {
        char *const *arguments; /* NULL-terminated; the first is the program's path */
        int input; /* its standard input; can be closed afterwards */
        size_t bytes_max; /* that it may write to its standard output */
        uint64_t seconds; /* that it may take */
} ProgramSpec;

/* What it has written, as a sealed memfd, which is the handler's; or a negative errno: -ETIME, -EPROTO (it failed, or was
 * killed), -ENODATA (nothing). The handler may free the program. */
typedef void (*program_done_t)(Program *program, int result, void *userdata);

int program_new(Program **ret, sd_event *event, const ProgramSpec *spec, program_done_t done, void *userdata, Error *error);

/* Kills it where it still runs. */
Program *program_free(Program *program);
DEFINE_CLEANUP(Program *, program_free)
