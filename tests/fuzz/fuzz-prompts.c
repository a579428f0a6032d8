/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/utf8.h"
#include "prompts/check.h"
#include "prompts/for-model.h"
#include "tests/fuzz/fuzz.h"

static Generator generator;

static void open_generator(void)
{
        char *const directories[] = { (char *)"conf/prompts", NULL };
        size_t size;
        FILE *f = fopen("model/default/words.json", "re");
        char *words = malloc(WORDS_BYTES_MAX);

        if (!f || !words)
                abort();
        size = fread(words, 1, WORDS_BYTES_MAX, f);
        (void)fclose(f);
        if (generator_open(&generator, directories, NULL) < 0 || generator_read(&generator, words, size, NULL) < 0)
                abort();
        free(words);
}

/* Whatever is asked, what is said is UTF-8, and the model's part of it fits. */
static void ask(const char *idea, const char *refine, uint64_t seed)
{
        json_t *request = json_pack("{s:s, s:s, s:I}", "idea", idea, "refine", refine, "seed", (json_int_t)(seed & INT64_MAX));
        json_t *answer, *result;
        size_t i;

        if (request && generator_answer(&generator, request, &answer, NULL) >= 0) {
                json_array_foreach(json_object_get(answer, "results"), i, result) {
                        const char *prompt = json_string_value(json_object_get(result, "prompt"));
                        if (!prompt || !utf8_is_valid(prompt, strlen(prompt)))
                                abort();
                }
                json_decref(answer);
        }
        json_decref(request);
}

static void check(const char *text)
{
        json_t *report;

        if (utf8_is_valid(text, strlen(text)) && strlen(text) <= 8192 && check_prompt(&generator, text, &report, NULL) >= 0)
                json_decref(report);
}

static void read_preset(PresetKind kind, const char *text)
{
        Preset preset = { .kind = kind, .path = strdup("fuzz") };
        Faults faults = {};

        (void)preset_read(&preset, text, &faults);
        preset_done(&preset);
        faults_done(&faults);
}

static void read_vocabulary(const char *text)
{
        Vocabulary vocabulary = {};
        Faults faults = {};

        (void)vocabulary_add(&vocabulary, "fuzz", text, &faults);
        vocabulary_done(&vocabulary);
        faults_done(&faults);
}

static void read_words(const char *text)
{
        ModelWords model = {};
        char *for_this;
        json_t *notes = json_array();

        if (model_words_read(&model, text, strlen(text), NULL) >= 0) {
                if (for_model_text(&model, "two red foxes next to an owl on a beach at night, flat", &for_this, notes, NULL) >= 0)
                        free(for_this);
                model_words_done(&model);
        }
        json_decref(notes);
}

/* The first byte says what the rest is: an idea, an instruction, a prompt, a preset, a vocabulary, words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0 || size > 20000)
                return 0;
        if (generator.vocabulary.n_files == 0)
                open_generator();
        char *text = strndup((const char *)data + 1, size - 1);
        if (!text)
                return 0;
        switch (data[0] % 8) {
        case 0:
                ask(text, "", size);
                break;
        case 1:
                ask("a fox in the snow, medium shot, muted pastel colours", text, size);
                break;
        case 2:
                check(text);
                break;
        case 3:
        case 4:
        case 5:
                read_preset((PresetKind)(data[0] % 8 - 3), text);
                break;
        case 6:
                read_vocabulary(text);
                break;
        default:
                read_words(text);
        }
        free(text);
        return 0;
}
