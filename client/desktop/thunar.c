/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/thunar.h"
#include "client/i18n.h"

#define OPEN "<action>"
#define CLOSE "</action>"
#define END "</actions>"
#define OURS "<unique-id>imagine-"

/* Where the text between two marks is, if they are in this order before the limit. */
static const char *find_before(const char *text, const char *mark, const char *limit)
{
        return memmem(text, (size_t)(limit - text), mark, strlen(mark));
}

/* The next of our actions, from its line break to the end of its closing tag. */
static const char *find_ours(const char *text, const char **ret_end)
{
        for (const char *from = text, *begin; (begin = strstr(from, OPEN)); from = begin + 1) {
                const char *end = strstr(begin, CLOSE);
                if (!end)
                        return NULL;
                end += strlen(CLOSE);
                if (!find_before(begin, OURS, end))
                        continue;
                while (begin > text && (begin[-1] == ' ' || begin[-1] == '\t'))
                        begin--;
                if (begin > text && begin[-1] == '\n')
                        begin--;
                *ret_end = end;
                return begin;
        }
        return NULL;
}

bool thunar_has(const char *text)
{
        const char *end;

        return find_ours(text, &end);
}

int thunar_remove(const char *text, char **ret)
{
        char *result = calloc(1, strlen(text) + 1), *to = result;
        const char *begin, *end;

        if (!result)
                return -ENOMEM;
        for (; (begin = find_ours(text, &end)); text = end)
                to = mempcpy(to, text, (size_t)(begin - text));
        (void)strcpy(to, text);
        *ret = result;
        return 0;
}

/* Where the last tag is, if nothing but space follows. */
static const char *find_end(const char *text)
{
        const char *end = NULL;

        for (const char *at = text; (at = strstr(at, END)); at++)
                end = at;
        for (const char *s = end ? end + strlen(END) : ""; *s; s++)
                if (!isspace((unsigned char)*s))
                        return NULL;
        return end;
}

int thunar_merge(const char *text, const char *fragment, char **ret, Error *error)
{
        _cleanup_(freep) char *clean = NULL;
        int r = thunar_remove(text, &clean);
        if (r < 0)
                return r;

        const char *end = find_end(clean);
        if (!end)
                return error_set(error, -EBADMSG, _("it does not end with %s, so nothing was changed; 'Configure custom "
                                                    "actions' in Thunar's menu repairs it"),
                                 END);
        /* Before the white space, so that taking it out again leaves that. */
        while (end > clean && isspace((unsigned char)end[-1]))
                end--;
        size_t length = strlen(fragment);
        while (length > 0 && isspace((unsigned char)fragment[length - 1]))
                length--;
        if (asprintf(ret, "%.*s\n%.*s%s", (int)(end - clean), clean, (int)length, fragment, end) < 0)
                return -ENOMEM;
        return 0;
}
