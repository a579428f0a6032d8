/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/util.h"

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

        char context[ERROR_TEXT_MAX], tail[ERROR_TEXT_MAX];
        (void)snprintf(tail, sizeof(tail), "%s", error->text);

        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(context, sizeof(context), format, ap);
        va_end(ap);

        /* What does not fit goes, as in error_set. */
        (void)snprintf(error->text, sizeof(error->text), "%s", context);
        size_t n = strlen(error->text), room = sizeof(error->text) - n;
        if (room > sizeof(": ")) {
                memcpy(error->text + n, ": ", sizeof(": "));
                size_t size = MIN(strlen(tail), room - sizeof(": "));
                memcpy(error->text + n + 2, tail, size);
                error->text[n + 2 + size] = '\0';
        }
        utf8_sanitize(error->text);
        return error->code;
}
