/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "net/placeholders.h"

const char *placeholders_find(const char *text, char name[static PLACEHOLDER_MAX], const char **ret_default, const char **ret_end)
{
        for (const char *start = text; (start = strstr(start, "{{")); start++) {
                const size_t n = strspn(start + 2, "abcdefghijklmnopqrstuvwxyz_");
                const char *behind = start + 2 + n, *end = strstr(behind, "}}");

                if (n == 0 || n >= PLACEHOLDER_MAX || !end || (behind != end && *behind != '|'))
                        continue;
                (void)snprintf(name, PLACEHOLDER_MAX, "%.*s", (int)n, start + 2);
                *ret_default = *behind == '|' ? behind + 1 : NULL;
                *ret_end = end;
                return start;
        }
        return NULL;
}

bool placeholders_have(const char *text, const char *name)
{
        const char *fallback, *end = text;
        char found[PLACEHOLDER_MAX];

        while (placeholders_find(end, found, &fallback, &end))
                if (streq(found, name))
                        return true;
        return false;
}
