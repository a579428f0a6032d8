/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Included before every file by make lint: what the analyzers cannot see across files. These functions return the code
 * that they were given, and it is always negative. */

#include "base/error.h"

#define ANALYZER_NEGATIVE(code)                  \
        ({                                       \
                int _code = (code);              \
                if (_code >= 0)                  \
                        __builtin_unreachable(); \
                _code;                           \
        })
#define error_set(error, code, ...) ((void)(error_set)(error, code, __VA_ARGS__), ANALYZER_NEGATIVE(code))
#define error_prefix(...) ANALYZER_NEGATIVE((error_prefix)(__VA_ARGS__))
