/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What fields of packets are checked for, whoever may have sent them. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

static inline bool in_range(uint64_t value, uint64_t low, uint64_t high)
{
        return value >= low && value <= high;
}

/* NUL-terminated within its field, and UTF-8. */
static inline bool is_text(const char *text, size_t capacity)
{
        size_t size = strnlen(text, capacity);
        return size < capacity && utf8_is_valid(text, size);
}

/* A negative errno, or a code of our own among them. */
static inline bool is_error_code(int64_t code)
{
        return in_range((uint64_t)-code, 1, 4095);
}
