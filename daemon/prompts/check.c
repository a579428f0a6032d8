/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "prompts/check.h"
#include "prompts/for-model.h"
#include "prompts/idea.h"
#include "prompts/notes.h"

#define FOUND_MAX 64

typedef struct Found {
        PromptField field;
        const Phrase *phrase;
} Found;

static bool is_known(const Found *found, size_t n, const Phrase *phrase)
{
        for (size_t i = 0; i < n; i++)
                if (found[i].phrase == phrase)
                        return true;
        return false;
}

/* The phrases in the order of the words, each once; a word belongs to one phrase. */
static size_t find_phrases(const Vocabulary *v, const WordList *words, Found found[static FOUND_MAX])
{
        size_t n = 0, length;

        for (size_t at = 0; at < words->n && n < FOUND_MAX; at += length > 0 ? length : 1) {
                PromptField field = FIELD_MAX;
                const Phrase *phrase = vocabulary_find_any(v, words, at, &field, &length);
                if (phrase && !is_known(found, n, phrase))
                        found[n++] = (Found) { field, phrase };
        }
        return n;
}

/* Of constraints there may be several; a composition and a setting can be made of two. */
static bool is_single(PromptField field)
{
        return field == FIELD_STYLE || field == FIELD_LIGHTING || field == FIELD_CAMERA || field == FIELD_SETTING;
}

static void check_pairs(const Found *found, size_t n, json_t *problems)
{
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++) {
                        const Phrase *a = found[i].phrase, *b = found[j].phrase;
                        if (found[i].field == found[j].field && is_single(found[i].field))
                                notes_add(problems, "two", b->say, a->say, "Two of %s: \"%s\" and \"%s\"", field_to_string(found[i].field), a->say, b->say);
                        else if (phrases_contradict(a, b))
                                notes_add(problems, "contradiction", b->say, a->say, "\"%s\" and \"%s\" contradict each other", a->say, b->say);
                }
}

static json_t *fields_found(const Found *found, size_t n)
{
        json_t *object = json_object();

        for (size_t i = 0; i < n; i++)
                if (!json_object_get(object, field_to_string(found[i].field)))
                        (void)json_object_set_new(object, field_to_string(found[i].field), json_string(found[i].phrase->say));
        return object;
}

/* For a model of which nothing is known, what is left when all phrases are taken away is the subject. */
static void check_subject(const Generator *generator, const char *prompt, json_t *problems)
{
        _cleanup_(fields_done) Fields fields = {};

        if (!generator->model.root && idea_read(&generator->vocabulary, prompt, &fields, NULL) >= 0 && !fields.text[FIELD_SUBJECT])
                notes_add(problems, "no-subject", NULL, NULL, "No subject is named");
}

/* Phrases that only other generators understand are told as one thing, not word by word. */
static int check_model(const Generator *generator, const char *prompt, char **ret, json_t *problems, Error *error)
{
        const ModelWords *model = &generator->model;
        const uint32_t tokens = model->root ? model_words_count(model, prompt) : 0;

        if (model->root && tokens > model->tokens)
                notes_add(problems, "cut", NULL, NULL, "The prompt has about %u tokens; the model reads %u and cuts off the rest", tokens, model->tokens);
        return for_model_text(model, prompt, ret, problems, error);
}

int check_prompt(const Generator *generator, const char *prompt, json_t **ret, Error *error)
{
        _cleanup_(words_done) WordList words = {};
        _cleanup_(freep) char *for_this = NULL;
        Found found[FOUND_MAX];
        json_t *problems = json_array();

        int r = words_split(&words, prompt, strlen(prompt)) < 0 ? error_set(error, -ENOMEM, "Out of memory") : 0;
        size_t n = r < 0 ? 0 : find_phrases(&generator->vocabulary, &words, found);
        if (r >= 0 && words.n == 0)
                notes_add(problems, "empty", NULL, NULL, "The prompt has no word");
        if (r >= 0) {
                check_pairs(found, n, problems);
                check_subject(generator, prompt, problems);
                r = check_model(generator, prompt, &for_this, problems, error);
        }
        if (r >= 0) {
                *ret = json_pack("{s:s, s:s, s:o, s:O}", "prompt", prompt, "model-prompt", for_this, "fields", fields_found(found, n),
                                 "problems", problems);
                if (!*ret)
                        r = error_set(error, -ENOMEM, "Out of memory");
        }
        if (r >= 0 && generator->model.root) {
                (void)json_object_set_new(*ret, "tokens", json_integer(model_words_count(&generator->model, prompt)));
                (void)json_object_set_new(*ret, "limit", json_integer(generator->model.tokens));
        }
        json_decref(problems);
        return r;
}
