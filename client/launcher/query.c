/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>

#include "base/request.h"
#include "base/utf8.h"
#include "client/launcher/query.h"

#define KEYWORD "imagine"

const char *query_find_prompt(const char *text)
{
        const char *prompt = text + strspn(text, " ");

        if (strncasecmp(prompt, KEYWORD, strlen(KEYWORD)) != 0)
                return NULL;
        prompt += strlen(KEYWORD);
        if (*prompt != ' ')
                return NULL;
        prompt += strspn(prompt, " ");
        const size_t size = strlen(prompt);
        return size > 0 && size <= REQUEST_PROMPT_MAX && utf8_is_valid(prompt, size) ? prompt : NULL;
}
