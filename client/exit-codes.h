/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the program ends. The manual page and --help say the same (tests/client/test-agreement.c). */
#define EXIT_CODES(X)                                               \
        X(CODE_OK, 0, "done")                                       \
        X(CODE_FAILED, 1, "failed")                                 \
        X(CODE_USAGE, 2, "wrong options or values")                 \
        X(CODE_NOT_FOUND, 3, "no such job or model")                \
        X(CODE_CANCELLED, 4, "cancelled")                           \
        X(CODE_UNREACHABLE, 5, "no service")                        \
        X(CODE_LIMIT, 6, "busy, or a limit")

typedef enum ExitCode {
#define X(id, number, text) id = number,
        EXIT_CODES(X)
#undef X
} ExitCode;
