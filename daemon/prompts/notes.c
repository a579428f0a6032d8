/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "base/error.h"
#include "base/utf8.h"
#include "prompts/notes.h"

void notes_add(json_t *notes, const char *kind, const char *word, const char *near, const char *format, ...)
{
        char text[ERROR_TEXT_MAX];
        json_t *note = json_object();
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        utf8_sanitize(text);
        (void)json_object_set_new(note, "kind", json_string(kind));
        if (word)
                (void)json_object_set_new(note, "word", json_string(word));
        if (near)
                (void)json_object_set_new(note, "near", json_string(near));
        (void)json_object_set_new(note, "text", json_string(text));
        (void)json_array_append_new(notes, note);
}
