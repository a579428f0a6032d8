/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "base/error.h"
#include "base/utf8.h"

int error_set(Error *error, int code, const char *format, ...)
{
        if (!error)
                return code;

        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(error->text, sizeof(error->text), format, ap);
        va_end(ap);

        utf8_sanitize(error->text);
        error->code = code;
        return code;
}

int error_prefix(Error *error, const char *format, ...)
{
        if (!error)
                return 0;

        char tail[ERROR_TEXT_MAX];
        (void)snprintf(tail, sizeof(tail), "%s", error->text);

        va_list ap;
        va_start(ap, format);
        int n = vsnprintf(error->text, sizeof(error->text), format, ap);
        va_end(ap);

        if (n >= 0 && (size_t)n < sizeof(error->text))
                (void)snprintf(error->text + n, sizeof(error->text) - (size_t)n, ": %s", tail);
        utf8_sanitize(error->text);
        return error->code;
}
