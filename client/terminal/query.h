/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a terminal says about itself when it is asked. */

#include <stdbool.h>
#include <stddef.h>

typedef struct TerminalAnswer {
        bool has_sixel;
        unsigned colours; /* registers for sixels; 0: it does not say */
} TerminalAnswer;

/* Asks the controlling terminal. 0; -ETIMEDOUT if no answer came within a fifth of a second, -EBUSY if the
 * terminal is not ours at present (a job in the background), or another negative errno. */
int terminal_query(TerminalAnswer *ret);

/* Reads what has come so far. True when that is all. */
bool terminal_read_answer(const char *text, size_t size, TerminalAnswer *answer);
