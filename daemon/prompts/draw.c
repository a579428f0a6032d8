/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "prompts/draw.h"
#include "prompts/random.h"

#define SUITED 8 /* times as likely as others is what suits words of the idea */

/* What others have to fit to comes first. */
static const PromptField order[] = {
        FIELD_SETTING, FIELD_STYLE, FIELD_LIGHTING, FIELD_PALETTE,     FIELD_COMPOSITION,
        FIELD_CAMERA,  FIELD_MOOD,  FIELD_TEXTURE,  FIELD_CONSTRAINTS,
};

static uint32_t facts_of_text(const Vocabulary *v, const char *text)
{
        _cleanup_(words_done) WordList words = {};

        return words_split(&words, text, strlen(text)) < 0 ? 0 : vocabulary_facts(v, &words);
}

uint32_t draw_facts(const Vocabulary *v, const Fields *fields, uint32_t *ret_excluded)
{
        uint32_t facts = 0;

        *ret_excluded = 0;
        for (int field = 0; field < FIELD_NEGATIVE; field++) {
                const char *text = fields->text[field];
                const Phrase *phrase = text && field != FIELD_SUBJECT ? vocabulary_phrase(v, (PromptField)field, text) : NULL;
                if (phrase) {
                        facts |= phrase->is;
                        *ret_excluded |= phrase->excludes;
                } else if (text) {
                        facts |= facts_of_text(v, text);
                }
        }
        return facts;
}

static unsigned weight_of(const Phrase *phrase, const WordList *idea)
{
        for (size_t at = 0; at < idea->n; at++)
                if (vocabulary_match_plural(phrase->words, idea, at) > 0)
                        return SUITED;
        return 1;
}

const Phrase *draw_phrase(
                const Vocabulary *v, PromptField field, const WordList *idea, uint32_t facts, uint32_t excluded, uint64_t *random,
                bool (*fits)(const Phrase *phrase, const void *userdata), const void *userdata)
{
        const Phrase *chosen = NULL;
        uint64_t all = 0;

        /* One pass: each takes the place of the one before with the chance that its weight gives it. */
        for (size_t i = 0; i < v->n_phrases[field]; i++) {
                const Phrase *phrase = &v->phrases[field][i];
                if ((phrase->needs && !(facts & phrase->needs)) || facts & phrase->excludes || phrase->is & excluded ||
                    (fits && !fits(phrase, userdata)))
                        continue;
                unsigned weight = weight_of(phrase, idea);
                all += weight;
                if (random_next(random) % all < weight)
                        chosen = phrase;
        }
        return chosen;
}

int draw_fields(const Vocabulary *v, Fields *fields, unsigned left_out, uint64_t seed, Error *error)
{
        _cleanup_(words_done) WordList idea = {};
        const char *subject = fields->text[FIELD_SUBJECT] ? fields->text[FIELD_SUBJECT] : "";

        if (words_split(&idea, subject, strlen(subject)) < 0)
                return error_set(error, -ENOMEM, "Out of memory");
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                uint64_t random = random_start(seed, order[i]);
                uint32_t excluded, facts = draw_facts(v, fields, &excluded);
                if (fields->text[order[i]] || left_out & 1U << order[i])
                        continue;
                const Phrase *phrase = draw_phrase(v, order[i], &idea, facts, excluded, &random, NULL, NULL);
                int r = phrase ? fields_set(fields, order[i], phrase->say, error) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}
