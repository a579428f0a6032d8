/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "prompts/draw.h"
#include "prompts/enhance.h"
#include "prompts/for-model.h"
#include "prompts/idea.h"
#include "prompts/layers.h"
#include "prompts/notes.h"
#include "prompts/refine.h"

int generator_open(Generator *ret, char *const *directories, Error *error)
{
        Generator generator = {};

        int r = prompt_files_open(&generator.files, directories, &generator.faults);
        if (r < 0)
                return error_set(error, r, "The files of the prompt generator cannot be read: %s", strerror(-r));
        *ret = generator;
        return 0;
}

int generator_read(Generator *generator, const char *words, size_t size, Error *error)
{
        Faults faults = {};

        int r = words ? model_words_read(&generator->model, words, size, error) : 0;
        if (r >= 0) {
                r = prompt_files_vocabulary(&generator->files, &generator->vocabulary, &faults);
                if (r < 0)
                        (void)error_set(error, r, "Out of memory");
        }
        if (r >= 0)
                r = faults_to_error(&faults, error);
        faults_done(&faults);
        if (r >= 0 && generator->vocabulary.n_files == 0)
                r = error_set(error, -EINVAL, "The vocabulary of the prompt generator is not installed (vocabulary.conf)");
        return r;
}

void generator_done(Generator *generator)
{
        prompt_files_done(&generator->files);
        vocabulary_done(&generator->vocabulary);
        model_words_done(&generator->model);
        faults_done(&generator->faults);
}

/* What one answer is made with. */
typedef struct Work {
        const Generator *generator;
        const json_t *request;
        Layers layers;
        const char *idea, *refine;
        Error *error;
} Work;

static const char *text_of(const json_t *request, const char *key)
{
        const char *text = json_string_value(json_object_get(request, key));
        return text ? text : "";
}

/* A seed that belongs to the idea (FNV-1a). */
static uint64_t seed_of_idea(const char *idea)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (const char *p = idea; *p; p++)
                hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
        return hash & UINT32_MAX;
}

/* Those of a profile count where the caller gave none. */
static uint64_t seed_of(const Work *work)
{
        const Preset *profile = &work->layers.presets[PRESET_PROFILE];

        if (!json_is_true(json_object_get(work->request, "seed-given")) && profile->seed_policy != SEED_RANDOM)
                return profile->seed_policy == SEED_FIXED ? profile->seed : seed_of_idea(work->idea);
        return (uint64_t)json_integer_value(json_object_get(work->request, "seed"));
}

/* --- one result --- */

static json_t *fields_to_json(const Fields *fields)
{
        json_t *object = json_object();

        for (int i = 0; i < FIELD_MAX; i++)
                if (fields->text[i])
                        (void)json_object_set_new(object, field_to_string((PromptField)i), json_string(fields->text[i]));
        return object;
}

/* What came before, this idea and, where it was refined, by what. */
static json_t *lineage_of(const Work *work)
{
        json_t *lineage = json_deep_copy(json_object_get(work->request, "lineage"));

        if (!lineage)
                lineage = json_array();
        (void)json_array_append_new(lineage, json_string(work->idea));
        if (*text_of(work->request, "refine")) /* texts were changed by somebody else */
                (void)json_array_append_new(lineage, json_string(text_of(work->request, "refine")));
        return lineage;
}

/* Sentences, and the words that the model does not know by themselves. */
static void add_notes(json_t *result, const json_t *notes)
{
        json_t *texts = json_array(), *unknown = json_object(), *note;
        size_t i;

        json_array_foreach((json_t *)notes, i, note) {
                const char *kind = text_of(note, "kind");
                (void)json_array_append(texts, json_object_get(note, "text"));
                if (streq(kind, "unknown") || streq(kind, "like"))
                        (void)json_object_set(unknown, text_of(note, "word"), json_object_get(note, "near"));
        }
        (void)json_object_set_new(result, "notes", texts);
        if (json_array_size(notes) > 0)
                (void)json_object_set(result, "remarks", (json_t *)notes);
        (void)json_object_set_new(result, "unknown", unknown);
}

static void add_presets(json_t *result, const Work *work)
{
        for (int kind = 0; kind < PRESET_MAX; kind++) {
                const Preset *preset = &work->layers.presets[kind];
                if (!*preset->name)
                        continue;
                (void)json_object_set_new(result, preset_kind_name((PresetKind)kind), json_string(preset->name));
                if (preset->aspect)
                        (void)json_object_set_new(result, "aspect", json_string(preset->aspect));
                if (preset->seed_policy != SEED_RANDOM)
                        (void)json_object_set_new(
                                        result, "picture-seed",
                                        json_integer((json_int_t)(preset->seed_policy == SEED_FIXED ? preset->seed : seed_of_idea(work->idea))));
        }
}

/* What the text says, what presets add, what the instruction changes, and what is drawn. */
static int fill(const Work *work, const char *text, uint64_t seed, Fields *fields, json_t *notes)
{
        int r = idea_read(&work->generator->vocabulary, text, fields, work->error);
        if (r >= 0)
                r = layers_apply(&work->layers, text, fields, notes, work->error);
        if (r >= 0 && *work->refine)
                r = refine_fields(&work->generator->vocabulary, fields, work->refine, seed, notes, work->error);
        else if (r >= 0 && text == work->idea)
                r = draw_fields(&work->generator->vocabulary, fields, work->layers.left_out, seed, work->error);
        return r;
}

static int make_result(const Work *work, const char *text, uint64_t seed, json_t **ret)
{
        _cleanup_(fields_done) Fields fields = {};
        _cleanup_(freep) char *prompt = NULL, *for_this = NULL;
        json_t *notes = json_array(), *result = NULL;

        int r = fill(work, text, seed, &fields, notes);
        if (r >= 0)
                r = for_model(&work->generator->model, &work->generator->vocabulary, &fields, &for_this, notes, work->error);
        if (r >= 0 && (!(prompt = fields_to_prompt(&fields)) || !(result = json_object())))
                r = error_set(work->error, -ENOMEM, "Out of memory");
        if (r >= 0) {
                (void)json_object_set_new(result, "prompt", json_string(prompt));
                (void)json_object_set_new(result, "model-prompt", json_string(for_this));
                (void)json_object_set_new(result, "negative", json_string(fields.text[FIELD_NEGATIVE] ? fields.text[FIELD_NEGATIVE] : ""));
                (void)json_object_set_new(result, "seed", json_integer((json_int_t)seed));
                (void)json_object_set_new(result, "fields", fields_to_json(&fields));
                (void)json_object_set_new(result, "lineage", lineage_of(work));
                add_notes(result, notes);
                add_presets(result, work);
                *ret = result;
        }
        json_decref(notes);
        return r;
}

/* --- the request --- */

static int check_array(const json_t *array, const char *name, size_t max, Error *error)
{
        json_t *item;
        size_t i;

        if (array && (!json_is_array(array) || json_array_size(array) > max))
                return error_set(error, -EINVAL, "%s: more than %zu texts", name, max);
        json_array_foreach((json_t *)array, i, item)
                if (!json_is_string(item) || json_string_length(item) > IDEA_BYTES_MAX)
                        return error_set(error, -EINVAL, "%s: not texts of at most %d bytes", name, IDEA_BYTES_MAX);
        return 0;
}

static bool has_word(const char *text)
{
        _cleanup_(words_done) WordList words = {};
        return words_split(&words, text, strlen(text)) < 0 || words.n > 0;
}

static int check_request(const json_t *request, Error *error)
{
        const json_t *count = json_object_get(request, "count"), *texts = json_object_get(request, "texts");

        if (!json_is_object(request) || !json_is_string(json_object_get(request, "idea")))
                return error_set(error, -EINVAL, "The request has no idea");
        if (!has_word(text_of(request, "idea")) && !*text_of(request, "template"))
                return error_set(error, -EINVAL, "There is no word in the idea");
        if (count && (!json_is_integer(count) || json_integer_value(count) < 1 || json_integer_value(count) > ENHANCE_COUNT_MAX))
                return error_set(error, -EINVAL, "count: not between 1 and %d", ENHANCE_COUNT_MAX);
        int r = check_array(json_object_get(request, "lineage"), "lineage", ENHANCE_LINEAGE_MAX, error);
        return r < 0 ? r : check_array(texts, "texts", ENHANCE_COUNT_MAX, error);
}

static int make_results(const Work *work, json_t *results)
{
        const json_t *texts = json_object_get(work->request, "texts"), *count = json_object_get(work->request, "count");
        const size_t n = texts ? json_array_size(texts) : count ? (size_t)json_integer_value(count) : 1;
        const uint64_t seed = seed_of(work);
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const char *text = texts ? json_string_value(json_array_get(texts, i)) : work->idea;
                json_t *result = NULL;
                r = make_result(work, text, (seed + i) & INT64_MAX, &result);
                if (r >= 0 && json_array_append_new(results, result) < 0)
                        r = error_set(work->error, -ENOMEM, "Out of memory");
        }
        return r;
}

int generator_answer(Generator *generator, const json_t *request, json_t **ret, Error *error)
{
        Work work = { .generator = generator, .request = request, .error = error };
        json_t *results = json_array();

        int r = check_request(request, error);
        if (r >= 0) {
                work.idea = text_of(request, "idea");
                work.refine = json_object_get(request, "texts") ? "" : text_of(request, "refine");
                r = layers_read(&work.layers, &generator->files, request, error);
        }
        if (r >= 0)
                r = make_results(&work, results);
        if (r >= 0 && !(*ret = json_pack("{s:O}", "results", results)))
                r = error_set(error, -ENOMEM, "Out of memory");
        json_decref(results);
        layers_done(&work.layers);
        return r;
}
