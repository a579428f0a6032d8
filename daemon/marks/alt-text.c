/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "marks/alt-text.h"

/* One space between words, none at the beginning, neither space nor comma at the end. */
static void squeeze(char *text)
{
        char *to = text;

        for (const char *from = text; *from; from++)
                if (*from != ' ' || (to > text && to[-1] != ' '))
                        *to++ = *from;
        while (to > text && strchr(" ,", to[-1]))
                to--;
        *to = '\0';
}

void alt_text_from_prompt(char *text)
{
        char *to = text;

        for (const char *from = text; *from; from++) {
                const char *end = *from == '<' ? strchr(from, '>') : NULL;
                if (end) {
                        from = end;
                } else if (*from == ':' && from[1 + strspn(from + 1, "0123456789.")] == ')' && from[1] != ')') {
                        from += strspn(from + 1, "0123456789.");
                } else if (!strchr("()[]{}", *from)) {
                        *to++ = strchr("\n\r\t", *from) ? ' ' : *from;
                }
        }
        *to = '\0';
        squeeze(text);
}
