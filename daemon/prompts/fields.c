/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "prompts/fields.h"
#include "prompts/text.h"

static const char *const names[FIELD_MAX] = {
#define X(id, name) [FIELD_##id] = name,
        PROMPT_FIELDS(X)
#undef X
};

const char *field_to_string(PromptField field)
{
        return names[field];
}

int field_from_string(const char *name)
{
        for (int i = 0; i < FIELD_MAX; i++)
                if (streq(names[i], name))
                        return i;
        return -EINVAL;
}

int fields_set(Fields *fields, PromptField field, const char *text, Error *error)
{
        char *copy = NULL;

        if (strlen(text) > FIELD_BYTES_MAX)
                return error_set(error, -EFBIG, "%s: longer than %d bytes", names[field], FIELD_BYTES_MAX);
        if (*text && !(copy = strdup(text)))
                return error_set(error, -ENOMEM, "Out of memory");
        free(fields->text[field]);
        fields->text[field] = copy;
        return 0;
}

int fields_add(Fields *fields, PromptField field, const char *separator, const char *text, Error *error)
{
        _cleanup_(text_done) Text all = {};

        if (fields->text[field])
                text_put(&all, fields->text[field]);
        text_join(&all, separator, text);
        _cleanup_(freep) char *s = text_take(&all);
        return s ? fields_set(fields, field, s, error) : error_set(error, -ENOMEM, "Out of memory");
}

void fields_done(Fields *fields)
{
        for (int i = 0; i < FIELD_MAX; i++)
                free(TAKE_PTR(fields->text[i]));
}

char *fields_to_prompt(const Fields *fields)
{
        _cleanup_(text_done) Text text = {};

        for (int i = 0; i < FIELD_NEGATIVE; i++)
                if (fields->text[i])
                        text_join(&text, i == FIELD_SETTING ? " " : ", ", fields->text[i]);
        return text_take(&text);
}
