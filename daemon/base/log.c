/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <unistd.h>

#include "base/log.h"

/* Set once by main() before anything else runs. */
static int max_level = LOG_INFO;

void log_set_max_level(int level)
{
        max_level = level;
}

void log_line(int level, const char *format, ...)
{
        if (level > max_level)
                return;

        int saved_errno = errno;
        char line[1024];
        /* A terminal shows the level prefix as noise; the journal takes it off. */
        int n = isatty(STDERR_FILENO) ? 0 : snprintf(line, sizeof(line), "<%d>", level);

        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(line + n, sizeof(line) - (size_t)n, format, ap);
        va_end(ap);

        (void)fprintf(stderr, "%s\n", line);
        errno = saved_errno;
}
