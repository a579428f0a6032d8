/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/notes.h"

/* The generator's sentences are English; people get them by their kind. */
static const struct {
        const char *kind;
        const char *text; /* with the word, then what is near */
        const char *alone; /* without what is near, or without a word where there is none either; NULL: as text */
} sentences[] = {
        { "two", N_("\"%s\" and \"%s\" are two of the same kind"), NULL },
        { "contradiction", N_("\"%s\" and \"%s\" contradict each other"), NULL },
        { "no-subject", N_("nothing is named that can be drawn"), NULL },
        { "empty", N_("the prompt has no word"), NULL },
        { "unknown", N_("\"%s\" is not among the model's words; near are: %s"), N_("\"%s\" is not among the model's words, and none is near") },
        { "like", N_("\"%s\" is drawn like: %s"), NULL },
        { "count", N_("the model cannot count to \"%s\", only to %s"), NULL },
        { "cut", NULL, N_("\"%s\" does not fit into what the model reads") },
        { "overruled", N_("in place of \"%s\" stands \"%s\", as the template or profile wants it"), NULL },
        { "already", NULL, N_("\"%s\" changes nothing: the words for it go no further") },
        { "not-understood", NULL, N_("\"%s\" is not understood, and put behind the prompt as it is") },
};

static const char *text_of(const json_t *note, const char *key)
{
        const char *text = json_string_value(json_object_get(note, key));
        return text ? text : "";
}

static const char *sentence_of(const json_t *note)
{
        const bool is_alone = !*text_of(note, "near");

        for (size_t i = 0; i < ELEMENTSOF(sentences); i++)
                if (streq(sentences[i].kind, text_of(note, "kind"))) {
                        const char *text = is_alone && sentences[i].alone ? sentences[i].alone : sentences[i].text;
                        return text ? _(text) : NULL;
                }
        return NULL;
}

/* A translation may have up to two "%s", and nothing else counts in it. */
static void put(FILE *f, const char *sentence, const char *word, const char *near)
{
        const char *values[] = { word, near };
        size_t n = 0;

        for (const char *p = sentence; *p; p++) {
                if (p[0] == '%' && p[1] == 's' && n < ELEMENTSOF(values)) {
                        (void)fputs(values[n++], f);
                        p++;
                } else {
                        (void)fputc(*p, f);
                }
        }
}

char *note_to_text(const json_t *note)
{
        const char *sentence = sentence_of(note);
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        if (sentence)
                put(f, sentence, text_of(note, "word"), text_of(note, "near"));
        else
                (void)fputs(text_of(note, "text"), f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
