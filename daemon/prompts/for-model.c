/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "prompts/for-model.h"
#include "prompts/notes.h"

#define PIECES_MAX 256
#define PIECE_BYTES_MAX 256

/* Something that the model knows, in the order in which it was said. */
typedef struct Piece {
        WordClass class;
        char text[PIECE_BYTES_MAX];
        bool dropped;
} Piece;

typedef struct Sentence {
        Piece pieces[PIECES_MAX];
        size_t n;
        char place[PIECE_BYTES_MAX], time[PIECE_BYTES_MAX], style[PIECE_BYTES_MAX];
        bool is_place; /* the subject is one */
        bool has_unknown; /* there was a word that is not known */
        bool place_is_drawn; /* it is none of the text's own words */
        const ModelWords *model;
        const Vocabulary *vocabulary; /* whose phrases are taken up elsewhere; NULL: none are */
        json_t *notes;
} Sentence;

/* The n words as they stand, in lower case. */
static void words_text(const WordList *words, size_t at, size_t n, char ret[static PIECE_BYTES_MAX])
{
        const Word *first = &words->items[at], *last = &words->items[at + n - 1];

        (void)snprintf(ret, PIECE_BYTES_MAX, "%.*s", (int)(last->at + last->size - first->at), words->lower + first->at);
}

static bool is_article(const char *word)
{
        return streq(word, "a") || streq(word, "an") || streq(word, "the");
}

static void set_once(char place[static PIECE_BYTES_MAX], const char *text)
{
        if (!*place)
                (void)snprintf(place, PIECE_BYTES_MAX, "%s", text);
}

/* "on a light blue background": how many words from `at` on that is; 0: it is none. */
static size_t match_ground(const Sentence *s, const WordList *words, size_t at, char ret[static PIECE_BYTES_MAX])
{
        size_t i = at + (at < words->n && word_is(words, at, "on"));
        char text[PIECE_BYTES_MAX];

        i += i < words->n && (word_is(words, i, "a") || word_is(words, i, "an"));
        for (size_t n = 2; n > 0; n--) {
                if (i + n >= words->n || !word_is(words, i + n, "background"))
                        continue;
                words_text(words, i, n, text);
                if (!json_object_get(json_object_get(s->model->root, "grounds"), text))
                        continue;
                (void)snprintf(ret, PIECE_BYTES_MAX, "on %s %.200s background", strchr("aeiou", text[0]) ? "an" : "a", text);
                return i + n + 1 - at;
        }
        return 0;
}

static void note_unknown(Sentence *s, const char *word)
{
        _cleanup_(freep) char *near = model_words_near(s->model, word);

        notes_add(s->notes, "unknown", word, near ? near : "", near && *near ? "\"%s\" is not among the model's words; near are: %s" : "\"%s\" is not among the model's words",
                  word, near);
}

static void note_like(Sentence *s, const char *word)
{
        _cleanup_(freep) char *near = model_words_near(s->model, word);

        notes_add(s->notes, "like", word, near ? near : "", "\"%s\" is drawn like: %s", word, near ? near : "");
}

static const char *const digits[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12" };
static const char *const numbers[] = { "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve" };
_Static_assert(ELEMENTSOF(digits) == ELEMENTSOF(numbers), "one word for each");

/* A number as captions say it, no larger than the model can count to; false: the word is none. */
static bool take_number(Sentence *s, const char *word, char ret[static PIECE_BYTES_MAX])
{
        for (size_t i = 1; i < ELEMENTSOF(numbers); i++) {
                if (!streq(word, digits[i]) && !streq(word, numbers[i]))
                        continue;
                size_t n = MIN(i, MIN((size_t)s->model->count, ELEMENTSOF(numbers) - 1));
                if (n < i)
                        notes_add(s->notes, "count", word, numbers[n], "The model counts to %s, not to %s", numbers[n], word);
                (void)snprintf(ret, PIECE_BYTES_MAX, "%s", numbers[n]);
                return true;
        }
        return false;
}

static void add_piece(Sentence *s, WordClass class, const char *text)
{
        if (s->n == PIECES_MAX)
                return;
        Piece *piece = &s->pieces[s->n++];
        *piece = (Piece) { .class = class };
        (void)snprintf(piece->text, sizeof(piece->text), "%s", text);
}

/* A phrase for a place, a time or a style that the model has other words for: how many words it is. */
static size_t match_phrase(const Sentence *s, const WordList *words, size_t at)
{
        static const PromptField fields[] = { FIELD_SETTING, FIELD_LIGHTING, FIELD_STYLE };
        size_t n;

        for (size_t i = 0; s->vocabulary && i < ELEMENTSOF(fields); i++) {
                const Phrase *phrase = vocabulary_find(s->vocabulary, fields[i], words, at, &n);
                if (phrase && phrase->model)
                        return n;
        }
        return 0;
}

/* The word names a place that can be the subject. */
static bool is_alone(const Sentence *s, const char *word)
{
        return model_words_alone(s->model, word) != NULL;
}

/* What stands at a word; returns how many words it is. */
static size_t take_piece(Sentence *s, const WordList *words, size_t at)
{
        char text[PIECE_BYTES_MAX];
        size_t n = match_ground(s, words, at, text);

        if (n > 0) {
                set_once(s->place, text);
                return n;
        }
        WordClass class = model_words_find(s->model, words, at, &n);
        words_text(words, at, n, text);
        if (n == 1 && take_number(s, text, text)) {
                add_piece(s, WORD_NUMBER, text);
                return 1;
        }
        switch (class) {
        case WORD_PLACE:
                set_once(s->place, text);
                break;
        case WORD_TIME:
                set_once(s->time, text);
                break;
        case WORD_STYLE:
                set_once(s->style, text);
                break;
        case WORD_UNKNOWN:
                if (match_phrase(s, words, at) > 0)
                        return match_phrase(s, words, at);
                if (is_alone(s, text))
                        break;
                s->has_unknown = true;
                note_unknown(s, text);
                break;
        case WORD_LIKE:
                note_like(s, text);
                add_piece(s, WORD_NOUN, text);
                break;
        case WORD_IDLE:
                if (is_article(text))
                        add_piece(s, WORD_IDLE, text);
                break;
        default:
                add_piece(s, class, text);
        }
        return n;
}

/* --- the grammar --- */

static bool belongs_before_noun(WordClass class)
{
        return class == WORD_IDLE || class == WORD_COLOUR || class == WORD_SIZE || class == WORD_NUMBER;
}

/* The next piece that is left; s->n: none. */
static size_t next_piece(const Sentence *s, size_t i)
{
        for (i++; i < s->n && s->pieces[i].dropped; i++)
                ;
        return MIN(i, s->n);
}

/* What should stand before a thing and does not, goes; so do relations between nothing. */
static void drop_loose(Sentence *s)
{
        bool has_noun = false;

        for (size_t i = s->n; i-- > 0;) {
                Piece *piece = &s->pieces[i];
                size_t next = next_piece(s, i);
                WordClass follows = next < s->n ? s->pieces[next].class : WORD_UNKNOWN;
                if (belongs_before_noun(piece->class))
                        piece->dropped = follows != WORD_NOUN && !(belongs_before_noun(follows) && follows != WORD_IDLE);
                else if (piece->class == WORD_RELATION)
                        piece->dropped = follows != WORD_NOUN && !belongs_before_noun(follows);
        }
        for (size_t i = 0; i < s->n; i++) {
                Piece *piece = &s->pieces[i];
                if (piece->dropped)
                        continue;
                if (piece->class == WORD_RELATION && !has_noun)
                        piece->dropped = true;
                has_noun = has_noun || piece->class == WORD_NOUN;
        }
}

static bool is_vowel(const char *word)
{
        return strchr("aeiou", word[0]) && strncmp(word, "uni", 3) != 0 && strncmp(word, "ufo", 3) != 0;
}

static int say(const Sentence *s, bool has_place, bool has_time, bool has_style, char **ret)
{
        _cleanup_(text_done) Text text = {};

        for (size_t i = 0; i < s->n; i++) {
                const Piece *piece = &s->pieces[i];
                size_t next = next_piece(s, i);
                if (piece->dropped)
                        continue;
                if (piece->class == WORD_IDLE && next < s->n && !streq(piece->text, "the"))
                        text_join(&text, " ", is_vowel(s->pieces[next].text) ? "an" : "a");
                else
                        text_join(&text, " ", piece->text);
        }
        if (has_place && *s->place)
                text_join(&text, " ", s->place);
        if (has_time && *s->time)
                text_join(&text, " ", s->time);
        if (has_style && *s->style)
                text_join(&text, ", ", s->style);
        *ret = text_take(&text);
        return *ret ? 0 : -ENOMEM;
}

static void note_cut(Sentence *s, const char *what)
{
        notes_add(s->notes, "cut", what, NULL, "\"%s\" is left out: the model reads %u tokens", what, s->model->tokens);
}

/* As much as it reads: style, time and place go first, then the things said last. */
static int say_what_fits(Sentence *s, char **ret)
{
        bool has_place = true, has_time = true, has_style = true;

        for (;;) {
                _cleanup_(freep) char *text = NULL;
                int r = say(s, has_place, has_time, has_style, &text);
                if (r < 0)
                        return r;
                if (model_words_count(s->model, text) <= s->model->tokens || s->n == 0) {
                        *ret = TAKE_PTR(text);
                        return 0;
                }
                if (has_style && *s->style) {
                        has_style = false;
                        note_cut(s, s->style);
                } else if (has_time && *s->time) {
                        has_time = false;
                        note_cut(s, s->time);
                } else if (has_place && *s->place) {
                        has_place = false;
                        note_cut(s, s->place);
                } else {
                        if (!s->pieces[--s->n].dropped)
                                note_cut(s, s->pieces[s->n].text);
                        drop_loose(s);
                }
        }
}

/* Where no thing is left, a place that was named is the subject. */
static void take_place_as_subject(Sentence *s, const WordList *words)
{
        char text[PIECE_BYTES_MAX];

        for (size_t i = 0; i < s->n; i++)
                if (!s->pieces[i].dropped && s->pieces[i].class == WORD_NOUN)
                        return;
        s->n = 0;
        for (size_t n = 3; n > 0; n--)
                for (size_t at = 0; at + n <= words->n; at++) {
                        words_text(words, at, n, text);
                        const char *alone = model_words_alone(s->model, text);
                        if (!alone)
                                continue;
                        add_piece(s, WORD_NOUN, alone);
                        s->place[0] = '\0';
                        s->is_place = true;
                        return;
                }
}

/* --- both entries --- */

/* The words of a text become pieces. */
static int read_text(Sentence *s, const char *text)
{
        _cleanup_(words_done) WordList words = {};

        if (words_split(&words, text, strlen(text)) < 0)
                return -ENOMEM;
        for (size_t at = 0; at < words.n;)
                at += take_piece(s, &words, at);
        drop_loose(s);
        take_place_as_subject(s, &words);
        return 0;
}

static int finish(Sentence *s, const char *text, char **ret, Error *error)
{
        bool has_thing = false;

        for (size_t i = 0; i < s->n; i++)
                has_thing = has_thing || (!s->pieces[i].dropped && s->pieces[i].class == WORD_NOUN);
        if (!has_thing)
                notes_add(s->notes, "no-subject", NULL, NULL, "Nothing that the model can draw is named");
        if (!has_thing && s->has_unknown && strlen(text) < PIECE_BYTES_MAX) {
                /* A word that no caption had can mean something to the model all the same. */
                s->n = 0;
                s->place[0] = s->place_is_drawn ? s->place[0] : '\0';
                add_piece(s, WORD_NOUN, text);
        }
        if (*s->time && *s->place && !model_words_has_times(s->model, s->place))
                s->time[0] = '\0';
        int r = say_what_fits(s, ret);
        if (r >= 0 && !**ret) { /* it draws something from the words as they are, too */
                free(*ret);
                *ret = strdup(text);
                r = *ret ? 0 : -ENOMEM;
        }
        return r < 0 ? error_set(error, r, "Out of memory") : 0;
}

int for_model_text(const ModelWords *model, const char *text, char **ret, json_t *notes, Error *error)
{
        if (!model->root) {
                *ret = strdup(text);
                return *ret ? 0 : error_set(error, -ENOMEM, "Out of memory");
        }
        _cleanup_(freep) Sentence *s = calloc(1, sizeof(Sentence));
        if (!s)
                return error_set(error, -ENOMEM, "Out of memory");
        s->model = model;
        s->notes = notes;
        if (read_text(s, text) < 0)
                return error_set(error, -ENOMEM, "Out of memory");
        return finish(s, text, ret, error);
}

/* All of the text is a background of one colour. */
static bool is_ground(const Sentence *s, const char *text)
{
        _cleanup_(words_done) WordList words = {};
        char ground[PIECE_BYTES_MAX];

        return words_split(&words, text, strlen(text)) >= 0 && match_ground(s, &words, 0, ground) == words.n;
}

/* What captions say for a phrase of that field; NULL: nothing that this model knows. */
static const char *said_by_captions(const Sentence *s, const Vocabulary *vocabulary, const Fields *fields, PromptField field, WordClass class)
{
        const char *text = fields->text[field];
        const Phrase *phrase = text ? vocabulary_phrase(vocabulary, field, text) : NULL;

        if (phrase && phrase->model && (model_words_knows(s->model, phrase->model, class) || (class == WORD_PLACE && is_ground(s, phrase->model))))
                return phrase->model;
        return text && model_words_knows(s->model, text, class) ? text : NULL;
}

int for_model(
                const ModelWords *model, const Vocabulary *vocabulary, const Fields *fields, char **ret, json_t *notes, Error *error)
{
        const char *subject = fields->text[FIELD_SUBJECT] ? fields->text[FIELD_SUBJECT] : "", *found;

        if (!model->root) {
                *ret = fields_to_prompt(fields);
                return *ret ? 0 : error_set(error, -ENOMEM, "Out of memory");
        }
        _cleanup_(freep) Sentence *s = calloc(1, sizeof(Sentence));
        if (!s)
                return error_set(error, -ENOMEM, "Out of memory");
        s->model = model;
        s->vocabulary = vocabulary;
        s->notes = notes;
        if (read_text(s, subject) < 0)
                return error_set(error, -ENOMEM, "Out of memory");
        if (!s->is_place && !*s->place && (found = said_by_captions(s, vocabulary, fields, FIELD_SETTING, WORD_PLACE))) {
                set_once(s->place, found);
                s->place_is_drawn = true;
        }
        if ((found = said_by_captions(s, vocabulary, fields, FIELD_LIGHTING, WORD_TIME)) && (*s->place || s->is_place))
                set_once(s->time, found);
        if ((found = said_by_captions(s, vocabulary, fields, FIELD_STYLE, WORD_STYLE)))
                set_once(s->style, found);
        return finish(s, subject, ret, error);
}
