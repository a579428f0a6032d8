/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/review/alt.h"
#include "marks/alt-text.h"

/* Those of prompts/fields.h that tell of what is to be seen, and not how it is to look. */
static const char *const fields[] = { "subject", "setting", "composition", "style" };

/* "a red fox, in deep snow, seen from above, watercolour"; NULL: there is nothing of it. */
static char *text_of(const json_t *texts)
{
        _cleanup_(freep) char *text = NULL;
        const char *before = "";
        size_t size;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                const char *field = json_string_value(json_object_get(texts, fields[i]));
                if (!field || !*field)
                        continue;
                (void)fprintf(f, "%s%s", before, field);
                before = ", ";
        }
        return fclose(f) != 0 || size == 0 ? NULL : TAKE_PTR(text);
}

char *alt_suggest(const json_t *record)
{
        const json_t *texts = json_object_get(json_object_get(record, "lineage"), "fields");
        const char *prompt = json_string_value(json_object_get(record, "prompt"));
        _cleanup_(freep) char *text = text_of(texts);

        if (!text && prompt)
                text = strdup(prompt);
        if (!text)
                return NULL;
        alt_text_from_prompt(text);
        if (text[0] >= 'a' && text[0] <= 'z')
                text[0] = (char)(text[0] - 'a' + 'A');
        return *text ? TAKE_PTR(text) : NULL;
}
