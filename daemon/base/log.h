/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines on stderr with the journal's level prefix ("<3>text"), so that neither side needs libsystemd for it.
 * Nothing that a caller typed (a prompt, a file name) is ever logged. */

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"

/* Lines above this level (LOG_ERR … LOG_DEBUG) are dropped; LOG_INFO at first. For main() only. */
void log_set_max_level(int level);

void log_line(int level, const char *format, ...) _printf_(2, 3);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)

/* Says what failed and why, and returns r: return log_error_errno(r, "Cannot open %s", path); */
#define log_error_errno(r, format, ...)                                             \
        ({                                                                          \
                int _r = (r);                                                       \
                log_error(format ": %s", ##__VA_ARGS__, strerror(-_r));              \
                _r;                                                                 \
        })
#define log_warning_errno(r, format, ...)                                           \
        ({                                                                          \
                int _r = (r);                                                       \
                log_warning(format ": %s", ##__VA_ARGS__, strerror(-_r));            \
                _r;                                                                 \
        })
