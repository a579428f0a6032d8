/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "base/utf8.h"
#include "marks/marks.h"

static const char *const names[MARK_MAX] = {
        [MARK_SOURCE_TYPE] = "source-type",
        [MARK_SYSTEM] = "system",
        [MARK_SYSTEM_VERSION] = "system-version",
        [MARK_PROMPT] = "prompt",
        [MARK_PROMPT_WRITER] = "prompt-writer",
        [MARK_ALT_TEXT] = "alt-text",
        [MARK_USAGE_TERMS] = "usage-terms",
        [MARK_WEB_STATEMENT] = "web-statement",
        [MARK_CREATOR] = "creator",
        [MARK_CREDIT] = "credit",
        [MARK_CREATOR_TOOL] = "creator-tool",
        [MARK_DATE] = "date",
        [MARK_PROVIDER] = "provider",
};

const char *mark_to_string(Mark mark)
{
        return names[mark];
}

/* XML 1.0, 2.2: no control characters but three. (Nor U+FFFE and U+FFFF, which are no valid text here anyway.) */
static void drop_unwritable(char *text)
{
        for (char *s = text; *s; s++)
                if ((uint8_t)*s < ' ' && *s != '\t' && *s != '\n' && *s != '\r')
                        *s = ' ';
}

int marks_set(Marks *marks, Mark mark, const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        const int n = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (n < 0)
                return -ENOMEM;
        free(marks->values[mark]);
        marks->values[mark] = NULL;
        if (n == 0) {
                free(text);
                return 0;
        }
        utf8_sanitize(text);
        drop_unwritable(text);
        marks->values[mark] = text;
        return 0;
}

int marks_set_date(Marks *marks, uint64_t seconds)
{
        const time_t when = (time_t)MIN(seconds, (uint64_t)253402300799); /* the year 9999 */
        char text[32];
        struct tm tm;

        if (!gmtime_r(&when, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return -EINVAL;
        return marks_set(marks, MARK_DATE, "%s", text);
}

void marks_done(Marks *marks)
{
        free(marks->parameters);
        for (size_t i = 0; i < MARK_MAX; i++)
                free(marks->values[i]);
        *marks = (Marks) {};
}
