/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "prompts/draw.h"
#include "prompts/idea.h"
#include "prompts/notes.h"
#include "prompts/random.h"
#include "prompts/refine.h"

typedef struct Refiner {
        const Vocabulary *vocabulary;
        Fields *fields;
        uint64_t random;
        json_t *notes;
        Error *error;
} Refiner;

/* A place on an axis. */
typedef struct Aim {
        Axis axis;
        int place;
} Aim;

static bool is_there(const Phrase *phrase, const void *userdata)
{
        const Aim *aim = userdata;
        return phrase->axes & 1U << aim->axis && phrase->place[aim->axis] == aim->place;
}

/* The next place on the axis that some phrase of the field has, in that direction; INT_MAX: none. */
static int next_place(const Vocabulary *v, PromptField field, Axis axis, int from, bool up)
{
        int best = INT_MAX;

        for (size_t i = 0; i < v->n_phrases[field]; i++) {
                const Phrase *phrase = &v->phrases[field][i];
                int place = phrase->place[axis];
                if (!(phrase->axes & 1U << axis) || (up ? place <= from : place >= from))
                        continue;
                if (best == INT_MAX || (up ? place < best : place > best))
                        best = place;
        }
        return best;
}

/* Where the field's text stands; false: it stands nowhere. */
static bool find_place(const Refiner *refiner, PromptField field, Axis axis, int *ret)
{
        const char *text = refiner->fields->text[field];
        const Phrase *phrase = text ? vocabulary_phrase(refiner->vocabulary, field, text) : NULL;

        if (!phrase || !(phrase->axes & 1U << axis))
                return false;
        *ret = phrase->place[axis];
        return true;
}

/* What does not fit the rest, but stands there: rather that than nothing, for it was asked for. */
static const Phrase *find_any(const Vocabulary *v, PromptField field, const Aim *aim)
{
        for (size_t i = 0; i < v->n_phrases[field]; i++)
                if (is_there(&v->phrases[field][i], aim))
                        return &v->phrases[field][i];
        return NULL;
}

/* A phrase for the field that goes with all other fields, and fits; NULL: there is none. */
static int draw(
                Refiner *refiner, PromptField field, bool (*fits)(const Phrase *phrase, const void *userdata), const void *userdata,
                const Phrase **ret)
{
        _cleanup_(words_done) WordList idea = {};
        Fields *fields = refiner->fields;
        const char *subject = fields->text[FIELD_SUBJECT] ? fields->text[FIELD_SUBJECT] : "";
        char *before = TAKE_PTR(fields->text[field]);
        uint32_t excluded, facts = draw_facts(refiner->vocabulary, fields, &excluded);

        fields->text[field] = before;
        if (words_split(&idea, subject, strlen(subject)) < 0)
                return error_set(refiner->error, -ENOMEM, "Out of memory");
        *ret = draw_phrase(refiner->vocabulary, field, &idea, facts, excluded, &refiner->random, fits, userdata);
        return 0;
}

/* Takes a phrase that fits, `by` places away or as near to that as there is one. */
static int move(Refiner *refiner, PromptField field, Axis axis, int from, int by, bool *ret_moved)
{
        const Vocabulary *v = refiner->vocabulary;
        const Phrase *phrase = NULL;
        int left = by > 0 ? by : -by, first = next_place(v, field, axis, from, by > 0);

        for (int place = first; place != INT_MAX && left > 0; place = next_place(v, field, axis, place, by > 0)) {
                const Aim aim = { axis, place };
                const Phrase *found;
                int r = draw(refiner, field, is_there, &aim, &found);
                if (r < 0)
                        return r;
                phrase = found ? found : phrase;
                left -= found != NULL;
        }
        if (!phrase && first != INT_MAX)
                phrase = find_any(v, field, &(const Aim) { axis, first });
        if (!phrase)
                return 0;
        *ret_moved = true;
        return fields_set(refiner->fields, field, phrase->say, refiner->error);
}

/* Fields that stand on the axis go along it; where none does, the first one that can begins. */
static int go(Refiner *refiner, const Instruction *instruction, int by, const char *said)
{
        bool moved = false, stands = false;
        int r = 0;

        for (int pass = 0; pass < 2 && !stands && r >= 0; pass++)
                for (int field = 0; field < FIELD_MAX && r >= 0 && !(pass && moved); field++) {
                        int from = 0;
                        if (!find_place(refiner, (PromptField)field, instruction->axis, &from) && pass == 0)
                                continue;
                        stands = stands || pass == 0;
                        r = move(refiner, (PromptField)field, instruction->axis, from, by, &moved);
                }
        if (r >= 0 && !moved)
                notes_add(refiner->notes, "already", said, NULL, "\"%s\" changes nothing: the words for it go no further", said);
        return r;
}

/* --- words of an instruction --- */

static int find_instruction(const Vocabulary *v, const WordList *words, size_t *ret_at)
{
        for (size_t at = 0; at < words->n; at++)
                for (size_t i = 0; i < v->n_instructions; i++)
                        if (vocabulary_match(v->instructions[i].words, words, at) > 0) {
                                *ret_at = at;
                                return (int)i;
                        }
        return -ENOENT;
}

static bool has_word(const WordList *words, const char *const *wanted, size_t end)
{
        for (size_t i = 0; i < end; i++)
                for (const char *const *w = wanted; *w; w++)
                        if (word_is(words, i, *w))
                                return true;
        return false;
}

static int how_far(const WordList *words, size_t at, int by)
{
        static const char *const much[] = { "much", "far", "very", "lot", "way", NULL }, *const less[] = { "less", "not", NULL };

        if (has_word(words, less, at))
                by = -by;
        return has_word(words, much, at) ? 2 * by : by;
}

/* "without people", "no text": the thing itself; NULL: the words do not begin so. */
static const char *after_words(const WordList *words, const char *part, const char *const *first)
{
        if (words->n < 2 || !has_word(words, first, 1))
                return NULL;
        return part + words->items[1].at;
}

static int leave_out(Refiner *refiner, const char *thing)
{
        _cleanup_(text_done) Text text = {};

        text_format(&text, "without %s", thing);
        if (text.failed)
                return error_set(refiner->error, -ENOMEM, "Out of memory");
        int r = fields_add(refiner->fields, FIELD_CONSTRAINTS, ", ", text.s, refiner->error);
        return r < 0 ? r : fields_add(refiner->fields, FIELD_NEGATIVE, ", ", thing, refiner->error);
}

/* What contradicts the field that was set gives way to something that does not, or to nothing. */
static int give_way(Refiner *refiner, PromptField set, const Phrase *phrase)
{
        int r = 0;

        for (int field = FIELD_SETTING; field < FIELD_NEGATIVE && r >= 0; field++) {
                const char *text = refiner->fields->text[field];
                const Phrase *other = text && field != (int)set ? vocabulary_phrase(refiner->vocabulary, (PromptField)field, text) : NULL;
                if (!other || !phrases_contradict(phrase, other))
                        continue;
                r = draw(refiner, (PromptField)field, NULL, NULL, &other);
                if (r >= 0)
                        r = fields_set(refiner->fields, (PromptField)field, other ? other->say : "", refiner->error);
        }
        return r;
}

/* A phrase of the vocabulary: it takes its field's place. */
static int take_phrases(Refiner *refiner, const char *part, bool *ret_taken)
{
        int r = 0;

        for (int field = FIELD_SETTING; field < FIELD_NEGATIVE && r >= 0; field++) {
                const Phrase *phrase;
                if (!idea_find(refiner->vocabulary, (PromptField)field, part, &phrase))
                        continue;
                *ret_taken = true;
                r = fields_set(refiner->fields, (PromptField)field, phrase->say, refiner->error);
                if (r >= 0)
                        r = give_way(refiner, (PromptField)field, phrase);
        }
        return r;
}

static int take_part(Refiner *refiner, const char *part)
{
        static const char *const without[] = { "without", "no", "remove", NULL }, *const with[] = { "with", "add", NULL };
        _cleanup_(words_done) WordList words = {};
        bool taken = false;
        size_t at = 0;

        if (words_split(&words, part, strlen(part)) < 0)
                return error_set(refiner->error, -ENOMEM, "Out of memory");
        if (words.n == 0)
                return 0;
        const char *thing = after_words(&words, part, without);
        if (thing)
                return leave_out(refiner, thing);
        int i = find_instruction(refiner->vocabulary, &words, &at);
        if (i >= 0) {
                const Instruction *instruction = &refiner->vocabulary->instructions[i];
                return go(refiner, instruction, how_far(&words, at, instruction->by), part);
        }
        int r = take_phrases(refiner, part, &taken);
        if (r < 0 || taken)
                return r;
        thing = after_words(&words, part, with);
        if (thing)
                return fields_add(refiner->fields, FIELD_SUBJECT, " with ", thing, refiner->error);
        notes_add(refiner->notes, "not-understood", part, NULL, "\"%s\" is not understood, and put behind the prompt as it is", part);
        return fields_add(refiner->fields, FIELD_CONSTRAINTS, ", ", part, refiner->error);
}

/* "warmer and closer" are two; "a dog and a cat" is one thing. */
static char *cut(char *part, const Vocabulary *v)
{
        char *comma = strpbrk(part, ",;"), *and = strstr(part, " and ");
        _cleanup_(words_done) WordList words = {};
        size_t at;

        if (and && (!comma || and < comma) && words_split(&words, part, (size_t)(and - part)) >= 0 &&
            find_instruction(v, &words, &at) >= 0) {
                *and = '\0';
                return and + strlen(" and ");
        }
        if (!comma)
                return NULL;
        *comma = '\0';
        return comma + 1;
}

int refine_fields(const Vocabulary *v, Fields *fields, const char *instruction, uint64_t seed, json_t *notes, Error *error)
{
        Refiner refiner = { .vocabulary = v, .fields = fields, .random = random_start(seed, FIELD_MAX), .notes = notes, .error = error };
        int r = 0;

        if (strlen(instruction) > FIELD_BYTES_MAX || !utf8_is_valid(instruction, strlen(instruction)))
                return error_set(error, -EINVAL, "refine: not UTF-8 of at most %d bytes", FIELD_BYTES_MAX);
        _cleanup_(freep) char *copy = strdup(instruction);
        if (!copy)
                return error_set(error, -ENOMEM, "Out of memory");
        for (char *p = copy; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = *p == '\n' ? ',' : ' ';
        for (char *part = copy, *next; part && r >= 0; part = next) {
                part += strspn(part, " ");
                next = cut(part, v);
                r = take_part(&refiner, part);
        }
        return r;
}
