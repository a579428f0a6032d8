/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "base/util.h"
#include "net/clean.h"

/* Also of C1, and those that turn the direction of what follows. */
static size_t control_size(const unsigned char *p)
{
        if (*p < ' ' || *p == 0x7f)
                return 1;
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
                return 2;
        bool turns = p[0] == 0xe2 && ((p[1] == 0x80 && ((p[2] >= 0xaa && p[2] <= 0xae) || p[2] == 0xa8 || p[2] == 0xa9)) ||
                                      (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
        return turns ? 3 : 0;
}

void clean_line(char *text)
{
        utf8_sanitize(text);
        char *to = text;
        bool gap = false;

        for (const char *from = text; *from;) {
                size_t n = *from == ' ' ? 1 : control_size((const unsigned char *)from);
                if (n > 0) {
                        gap = to > text;
                        from += n;
                        continue;
                }
                if (gap)
                        *to++ = ' ';
                gap = false;
                *to++ = *from++;
        }
        *to = '\0';
}

static void cut(char *from, const char *to)
{
        memmove(from, to, strlen(to) + 1);
}

/* The names of the tags between which models think. */
static const char *const thoughts[] = { "think", "thinking", "thought", "reasoning", "reflection" };

/* The first "<NAME>" or "</NAME>"; NULL: none. */
static char *find_tag(char *text, const char *name, bool closes, size_t *ret_size)
{
        char tag[32];

        *ret_size = (size_t)snprintf(tag, sizeof(tag), closes ? "</%s>" : "<%s>", name);
        return strcasestr(text, tag);
}

static void drop_thoughts(char *text, const char *name)
{
        size_t opens, closes;

        for (char *open; (open = find_tag(text, name, false, &opens));) {
                char *close = find_tag(open, name, true, &closes);
                if (!close) { /* it was still thinking */
                        *open = '\0';
                        return;
                }
                cut(open, close + closes);
        }
        /* Some servers swallow the first tag. */
        for (char *close; (close = find_tag(text, name, true, &closes));)
                cut(text, close + closes);
}

static void drop_fences(char *text)
{
        if (strncmp(text, "```", 3) != 0)
                return;
        /* What follows on that line is the name of a language. */
        size_t line = strcspn(text, "\n");
        cut(text, text[line] ? text + line + 1 : text + 3);
        char *end = strstr(text, "```");
        if (end)
                *end = '\0';
}

static void trim(char *text)
{
        static const char spaces[] = " \t\r\n\v\f";

        cut(text, text + strspn(text, spaces));
        size_t n = strlen(text);
        while (n > 0 && strchr(spaces, text[n - 1]))
                text[--n] = '\0';
}

static bool drop_start(char *text, const char *start)
{
        size_t n = strlen(start);

        if (strncasecmp(text, start, n) != 0)
                return false;
        cut(text, text + n);
        trim(text);
        return true;
}

/* Around all of it, and nowhere in between. */
static bool drop_pair(char *text, const char *open, const char *close)
{
        size_t n = strlen(text), first = strlen(open), last = strlen(close);

        if (n < first + last || strncmp(text, open, first) != 0 || strcmp(text + n - last, close) != 0)
                return false;
        text[n - last] = '\0';
        if (strstr(text + first, open) || strstr(text + first, close)) {
                memcpy(text + n - last, close, last);
                return false;
        }
        cut(text, text + first);
        trim(text);
        return true;
}

static bool drop_label(char *text)
{
        static const char *const labels[] = {
                "**Prompt:**", "**Prompt**:", "Image prompt:", "Prompt:", "Here is the prompt:", "Here's the prompt:",
                "Here is your prompt:", "Here's your prompt:", "Sure!", "Sure,", "Certainly!",
        };

        for (size_t i = 0; i < ELEMENTSOF(labels); i++)
                if (drop_start(text, labels[i]))
                        return true;
        return false;
}

/* "Create an image of": a generator draws this word for word. */
static bool drop_order(char *text)
{
        static const char *const verbs[] = { "create ", "generate ", "make ", "draw ", "produce ", "imagine ", "design " };
        static const char *const articles[] = { "an ", "a ", "the " };
        static const char *const things[] = {
                "image of ", "picture of ", "photo of ", "photograph of ", "illustration of ", "image that shows ",
                "image showing ", "image depicting ", "image featuring ",
        };

        for (size_t v = 0; v < ELEMENTSOF(verbs); v++)
                for (size_t a = 0; a < ELEMENTSOF(articles); a++)
                        for (size_t t = 0; t < ELEMENTSOF(things); t++) {
                                char order[64];
                                (void)snprintf(order, sizeof(order), "%s%s%s", verbs[v], articles[a], things[t]);
                                if (drop_start(text, order))
                                        return true;
                        }
        return false;
}

void clean_text(char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(thoughts); i++)
                drop_thoughts(text, thoughts[i]);
        trim(text);
        drop_fences(text);
        clean_line(text);
        while (drop_label(text) || drop_order(text) || drop_pair(text, "\"", "\"") || drop_pair(text, "“", "”") ||
               drop_pair(text, "„", "“") || drop_pair(text, "«", "»") || drop_pair(text, "**", "**") || drop_pair(text, "`", "`"))
                ;
}
