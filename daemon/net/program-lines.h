/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a provider that is a program says, line by line (docs/providers.md). */

#include "net/dialect.h"

typedef struct ProgramLines {
        Talk *talk;
        int pictures; /* a file that it may have written pictures to */
        Bytes line; /* that is not whole yet; .max limits each; bytes_done() */
        unsigned n_lines;
        off_t taken; /* bytes of pictures */
        uint32_t wait_s; /* of an error that it told of, as in NetFailure */
        bool may_cost;
} ProgramLines;

/* Bytes, in pieces of any size. An error with a sentence: what it told of, or that it does not speak so. */
int program_lines_take(ProgramLines *lines, const char *bytes, size_t size, Error *error);
