/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "prompts/vocabulary.h"

#define PHRASE_BYTES_MAX 200
#define PHRASES_MAX 500 /* of a field */
#define WORDS_MAX 400 /* of one list of words */

static const char *const axes[AXIS_MAX] = {
#define X(id, name) [AXIS_##id] = name,
        PROMPT_AXES(X)
#undef X
};

static int axis_from_string(const char *name)
{
        for (int i = 0; i < AXIS_MAX; i++)
                if (streq(axes[i], name))
                        return i;
        return -EINVAL;
}

/* One more of `size` bytes at the end of an array; NULL: memory is short. */
static void *grow(void **array, size_t *n, size_t size)
{
        void *all = reallocarray(*array, *n + 1, size);
        if (!all)
                return NULL;
        *array = all;
        void *item = (uint8_t *)all + *n * size;
        memset(item, 0, size);
        ++*n;
        return item;
}

/* --- facts --- */

static int fact_of(Vocabulary *v, const char *name)
{
        for (size_t i = 0; i < v->n_facts; i++)
                if (streq(v->facts[i].name, name))
                        return (int)i;
        if (v->n_facts == FACTS_MAX)
                return -ENOSPC;
        v->facts[v->n_facts].name = name;
        return (int)v->n_facts++;
}

static uint32_t read_facts(Vocabulary *v, const config_setting_t *setting, const char *path, Faults *faults)
{
        uint32_t facts = 0;

        if (!settings_check_texts(setting, path, PHRASE_BYTES_MAX, FACTS_MAX, faults))
                return 0;
        for (int i = 0; i < config_setting_length(setting); i++) {
                int fact = fact_of(v, config_setting_get_string_elem(setting, i));
                if (fact < 0)
                        faults_add(faults, path, config_setting_source_line(setting), "there are more than %d facts", FACTS_MAX);
                else
                        facts |= 1U << fact;
        }
        return facts;
}

static void read_fact(Vocabulary *v, const config_setting_t *setting, const char *path, Faults *faults)
{
        int fact = fact_of(v, config_setting_name(setting));

        if (fact < 0)
                faults_add(faults, path, config_setting_source_line(setting), "there are more than %d facts", FACTS_MAX);
        else if (settings_check_texts(setting, path, PHRASE_BYTES_MAX, WORDS_MAX, faults))
                v->facts[fact].words = setting;
}

/* --- phrases --- */

static bool is_on_axis(Phrase *phrase, const config_setting_t *setting, const char *path, Faults *faults)
{
        int axis = axis_from_string(config_setting_name(setting));
        if (axis < 0)
                return false;

        int place = config_setting_type(setting) == CONFIG_TYPE_INT ? config_setting_get_int(setting) : INT8_MAX;
        if (place < -9 || place > 9) {
                faults_add(faults, path, config_setting_source_line(setting), "%s must be a number from -9 to 9", axes[axis]);
        } else {
                phrase->axes |= 1U << axis;
                phrase->place[axis] = place;
        }
        return true;
}

static void read_phrase_key(Vocabulary *v, Phrase *phrase, const config_setting_t *setting, const char *path, Faults *faults)
{
        const char *name = config_setting_name(setting);

        if (streq(name, "say"))
                phrase->say = settings_text(setting, path, PHRASE_BYTES_MAX, faults);
        else if (streq(name, "model"))
                phrase->model = settings_text(setting, path, PHRASE_BYTES_MAX, faults);
        else if (streq(name, "also"))
                phrase->also = settings_check_texts(setting, path, PHRASE_BYTES_MAX, WORDS_MAX, faults) ? setting : NULL;
        else if (streq(name, "words"))
                phrase->words = settings_check_texts(setting, path, PHRASE_BYTES_MAX, WORDS_MAX, faults) ? setting : NULL;
        else if (streq(name, "is"))
                phrase->is = read_facts(v, setting, path, faults);
        else if (streq(name, "needs"))
                phrase->needs = read_facts(v, setting, path, faults);
        else if (streq(name, "not"))
                phrase->excludes = read_facts(v, setting, path, faults);
        else if (!is_on_axis(phrase, setting, path, faults))
                settings_unknown(setting, path, faults);
}

/* A comma would make two of it when the prompt is read again. */
static bool phrase_is_right(const Phrase *phrase, const config_setting_t *group, const char *path, Faults *faults)
{
        if (!phrase->say || !*phrase->say)
                faults_add(faults, path, config_setting_source_line(group), "a phrase needs something to say");
        else if (strpbrk(phrase->say, ",;"))
                faults_add(faults, path, config_setting_source_line(group), "say must have no comma in it");
        else
                return true;
        return false;
}

static int read_phrases(Vocabulary *v, PromptField field, const config_setting_t *list, const char *path, Faults *faults)
{
        if (!config_setting_is_list(list)) {
                faults_add(faults, path, config_setting_source_line(list), "%s must be a list of groups: ( { say = \"…\"; }, … )",
                           field_to_string(field));
                return 0;
        }
        for (int i = 0; i < config_setting_length(list); i++) {
                const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
                if (!config_setting_is_group(group) || v->n_phrases[field] == PHRASES_MAX) {
                        faults_add(faults, path, config_setting_source_line(group), "%s must hold at most %d groups",
                                   field_to_string(field), PHRASES_MAX);
                        continue;
                }
                Phrase *phrase = grow((void **)&v->phrases[field], &v->n_phrases[field], sizeof(Phrase));
                if (!phrase)
                        return -ENOMEM;
                for (int k = 0; k < config_setting_length(group); k++)
                        read_phrase_key(v, phrase, config_setting_get_elem(group, (unsigned)k), path, faults);
                if (!phrase_is_right(phrase, group, path, faults))
                        v->n_phrases[field]--;
        }
        return 0;
}

/* --- instructions --- */

static int read_instruction(Vocabulary *v, const config_setting_t *group, const char *path, Faults *faults)
{
        Instruction read = { .axis = AXIS_MAX };

        for (int k = 0; k < config_setting_length(group); k++) {
                const config_setting_t *setting = config_setting_get_elem(group, (unsigned)k);
                const char *name = config_setting_name(setting), *axis;
                if (streq(name, "words")) {
                        read.words = settings_check_texts(setting, path, PHRASE_BYTES_MAX, WORDS_MAX, faults) ? setting : NULL;
                } else if (streq(name, "axis")) {
                        axis = settings_text(setting, path, PHRASE_BYTES_MAX, faults);
                        int found = axis ? axis_from_string(axis) : -EINVAL;
                        read.axis = found < 0 ? AXIS_MAX : (Axis)found;
                } else if (streq(name, "by")) {
                        read.by = config_setting_get_int(setting);
                } else {
                        settings_unknown(setting, path, faults);
                }
        }
        if (!read.words || read.axis == AXIS_MAX || read.by < -9 || read.by > 9 || read.by == 0) {
                faults_add(faults, path, config_setting_source_line(group),
                           "an instruction needs words, an axis, and by how much it goes along it");
                return 0;
        }
        Instruction *instruction = grow((void **)&v->instructions, &v->n_instructions, sizeof(Instruction));
        if (!instruction)
                return -ENOMEM;
        *instruction = read;
        return 0;
}

static int read_groups(Vocabulary *v, const config_setting_t *setting, const char *path, Faults *faults)
{
        const bool are_facts = streq(config_setting_name(setting), "facts");
        int r = 0;

        if (are_facts ? !config_setting_is_group(setting) : !config_setting_is_list(setting)) {
                faults_add(faults, path, config_setting_source_line(setting), "%s must be a %s", config_setting_name(setting),
                           are_facts ? "group: { name = [ \"word\", … ]; }" : "list of groups");
                return 0;
        }
        for (int i = 0; i < config_setting_length(setting) && r >= 0; i++) {
                const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
                if (are_facts)
                        read_fact(v, item, path, faults);
                else if (config_setting_is_group(item))
                        r = read_instruction(v, item, path, faults);
        }
        return r;
}

int vocabulary_add(Vocabulary *v, const char *path, const char *text, Faults *faults)
{
        int r = 0;

        if (v->n_files == VOCABULARY_FILES_MAX) {
                faults_add(faults, path, 0, "there are more than %d such files", VOCABULARY_FILES_MAX);
                return 0;
        }
        config_t *file = &v->files[v->n_files++];
        config_init(file);
        if (!settings_parse(file, path, text, faults))
                return 0;
        const config_setting_t *root = config_root_setting(file);
        for (int i = 0; i < config_setting_length(root) && r >= 0; i++) {
                const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
                const char *name = config_setting_name(setting);
                int field = field_from_string(name);
                if (field >= 0)
                        r = read_phrases(v, (PromptField)field, setting, path, faults);
                else if (streq(name, "facts") || streq(name, "instructions"))
                        r = read_groups(v, setting, path, faults);
                else
                        settings_unknown(setting, path, faults);
        }
        return r;
}

void vocabulary_done(Vocabulary *v)
{
        for (size_t i = 0; i < v->n_files; i++)
                config_destroy(&v->files[i]);
        for (int i = 0; i < FIELD_MAX; i++)
                free(v->phrases[i]);
        free(v->instructions);
        *v = (Vocabulary) {};
}

/* --- finding --- */

size_t vocabulary_match(const config_setting_t *texts, const WordList *words, size_t at)
{
        size_t best = 0;

        for (int i = 0; texts && i < config_setting_length(texts); i++)
                best = MAX(best, words_match(words, at, config_setting_get_string_elem(texts, i)));
        return best;
}

size_t vocabulary_match_plural(const config_setting_t *texts, const WordList *words, size_t at)
{
        size_t best = 0;

        for (int i = 0; texts && i < config_setting_length(texts); i++)
                best = MAX(best, words_match_plural(words, at, config_setting_get_string_elem(texts, i)));
        return best;
}

const Phrase *vocabulary_find(
                const Vocabulary *v, PromptField field, const WordList *words, size_t at, size_t *ret_n)
{
        const Phrase *best = NULL;
        size_t n_best = 0;

        for (size_t i = 0; i < v->n_phrases[field]; i++) {
                const Phrase *phrase = &v->phrases[field][i];
                size_t n = MAX(words_match(words, at, phrase->say), vocabulary_match(phrase->also, words, at));
                if (n > n_best) {
                        best = phrase;
                        n_best = n;
                }
        }
        *ret_n = n_best;
        return best;
}

const Phrase *vocabulary_find_any(const Vocabulary *v, const WordList *words, size_t at, PromptField *ret_field, size_t *ret_n)
{
        const Phrase *best = NULL;

        *ret_n = 0;
        for (int field = FIELD_SETTING; field < FIELD_NEGATIVE; field++) {
                size_t n;
                const Phrase *phrase = vocabulary_find(v, (PromptField)field, words, at, &n);
                if (!phrase || n <= *ret_n)
                        continue;
                best = phrase;
                *ret_field = (PromptField)field;
                *ret_n = n;
        }
        return best;
}

const Phrase *vocabulary_phrase(const Vocabulary *v, PromptField field, const char *text)
{
        _cleanup_(words_done) WordList words = {};
        size_t n;

        if (words_split(&words, text, strlen(text)) < 0)
                return NULL;
        const Phrase *phrase = vocabulary_find(v, field, &words, 0, &n);
        return phrase && n == words.n ? phrase : NULL;
}

uint32_t vocabulary_facts(const Vocabulary *v, const WordList *words)
{
        uint32_t facts = 0;

        for (size_t i = 0; i < v->n_facts; i++)
                for (size_t at = 0; at < words->n && !(facts & 1U << i); at++)
                        if (vocabulary_match_plural(v->facts[i].words, words, at) > 0)
                                facts |= 1U << i;
        return facts;
}
