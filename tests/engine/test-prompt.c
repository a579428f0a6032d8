/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The syntax of prompts and their chunks against tests/reference/make-prompts.py. */

#include <math.h>

#include "engine/text/chunks.h"
#include "tests/engine/fixtures.h"

static Tokenizer *open_tokenizer(uint32_t max_length, const char *padding)
{
        TokenizerConfig config = {
                .max_length = max_length, .bos_token = "<|startoftext|>", .eos_token = "<|endoftext|>"
        };
        Tokenizer *tokenizer = NULL;

        strcpy(config.pad_token, padding);
        assert_int_equal(tokenizer_new(&tokenizer, fixture("tokenizer").text, &config, NULL), 0);
        return tokenizer;
}

static void check_parts(const Prompt *prompt, const json_t *c)
{
        const json_t *parts = json_object_get(c, "parts"), *loras = json_object_get(c, "loras");

        assert_int_equal(prompt->n_parts, json_array_size(parts));
        for (size_t i = 0; i < prompt->n_parts; i++) {
                const json_t *part = json_array_get(parts, i);
                if (json_is_null(part)) {
                        assert_null(prompt->parts[i].text);
                        continue;
                }
                assert_string_equal(prompt->parts[i].text, json_string_value(json_array_get(part, 0)));
                assert_true(fabs(prompt->parts[i].weight - json_number_value(json_array_get(part, 1))) <= 1e-12);
        }
        assert_int_equal(prompt->n_loras, json_array_size(loras));
        for (size_t i = 0; i < prompt->n_loras; i++) {
                const json_t *lora = json_array_get(loras, i);
                assert_string_equal(prompt->loras[i].name, json_string_value(json_array_get(lora, 0)));
                assert_true(fabs(prompt->loras[i].weight - json_number_value(json_array_get(lora, 1))) <= 1e-12);
        }
}

/* ids: what the reference has between the marks. */
static void check_chunk(const Chunks *chunks, uint32_t i, const json_t *expected, const Tokenizer *tokenizer)
{
        const json_t *ids = json_object_get(expected, "ids"), *weights = json_object_get(expected, "weights");
        const uint32_t *found = chunks->ids + (size_t)i * chunks->length;
        const float *found_weights = chunks->weights + (size_t)i * chunks->length;
        const TokenizerMarks marks = tokenizer_marks(tokenizer);
        const size_t n = json_array_size(ids);

        for (size_t k = 0; k < chunks->length; k++) {
                bool is_token = k > 0 && k <= n;
                uint32_t id = k == 0 ? marks.start : k == n + 1 ? marks.end : marks.padding;
                if (is_token)
                        id = (uint32_t)json_integer_value(json_array_get(ids, k - 1));
                double weight = is_token ? json_number_value(json_array_get(weights, k - 1)) : 1;
                if (found[k] != id)
                        fail_msg("chunk %u: token %zu is %u, not %u", i, k, found[k], id);
                assert_true(fabs((double)found_weights[k] - weight) <= 1e-6 * fabs(weight));
        }
}

static void check_chunks(const json_t *c, const Prompt *prompt, const char *key, const Tokenizer *tokenizer)
{
        const json_t *expected = json_object_get(c, key);
        _cleanup_(chunks_done) Chunks chunks = {};
        uint32_t tokens = 0;

        assert_int_equal(chunks_new(&chunks, tokenizer, prompt, REQUEST_CHUNKS_MAX, NULL), 0);
        if (!expected) { /* more than there may be */
                assert_int_equal(chunks.n, REQUEST_CHUNKS_MAX);
                assert_true(chunks.truncated > 0 || !prompt->parts[prompt->n_parts - 1].text ||
                            prompt->n_parts > REQUEST_CHUNKS_MAX);
                return;
        }
        assert_int_equal(chunks.n, json_array_size(expected));
        for (uint32_t i = 0; i < chunks.n; i++) {
                check_chunk(&chunks, i, json_array_get(expected, i), tokenizer);
                tokens += (uint32_t)json_array_size(json_object_get(json_array_get(expected, i), "ids"));
        }
        assert_int_equal(chunks.tokens, tokens);
        assert_int_equal(chunks.truncated, 0);
}

static void test_reference(void **state)
{
        (void)state;
        json_t *cases = load_json(fixture("prompts.json").text), *c;
        _cleanup_(tokenizer_freep) Tokenizer *usual = open_tokenizer(77, "<|endoftext|>");
        _cleanup_(tokenizer_freep) Tokenizer *small = open_tokenizer(24, "!");
        size_t i;

        json_array_foreach (cases, i, c) {
                _cleanup_(prompt_done) Prompt prompt = {};
                const char *text = json_string_value(json_object_get(c, "prompt"));
                print_message("%.60s\n", text);
                assert_int_equal(prompt_parse(&prompt, "prompt", text, NULL), 0);
                check_parts(&prompt, c);
                check_chunks(c, &prompt, "chunks_75", usual);
                check_chunks(c, &prompt, "chunks_22", small);
        }
        assert_true(i >= 55);
        json_decref(cases);
}

static void test_bad_prompts(void **state)
{
        (void)state;
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "(fox:101)", "prompt: a weight of 101; the highest is 100" },
                { "((fox:50):-50)", "prompt: a weight of -2500; the highest is 100" },
                { "<lora:>", "prompt: <lora:: not the name of an adapter" },
                { "<lora:../x>", "prompt: <lora:../x: not the name of an adapter" },
                { "<lora:a<b>", "prompt: <lora:a<b: not the name of an adapter" },
                { "<lora:x:y>", "prompt: <lora:x: its weight is not a number up to 100" },
                { "<lora:x:>", "prompt: <lora:x: its weight is not a number up to 100" },
                { "<lora:x:nan>", "prompt: <lora:x: its weight is not a number up to 100" },
                { "<lora:x:1 fox>", "prompt: <lora:x: its weight is not a number up to 100" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Prompt prompt = {};
                Error error = {};
                assert_int_equal(prompt_parse(&prompt, "prompt", cases[i].text, &error), -EINVAL);
                assert_string_equal(error.text, cases[i].error);
                assert_null(prompt.parts);
        }
}

static void test_many(void **state)
{
        (void)state;
        char text[8193];
        Prompt prompt = {};
        Error error = {};

        memset(text, '(', 8192);
        text[8192] = '\0';
        assert_int_equal(prompt_parse(&prompt, "prompt", text, &error), 0); /* nothing is in them */
        prompt_done(&prompt);
        text[8191] = 'a';
        assert_int_equal(prompt_parse(&prompt, "negative-prompt", text, &error), -EINVAL);
        assert_non_null(strstr(error.text, "negative-prompt: a weight of inf"));

        text[0] = '\0';
        for (int i = 0; i < PROMPT_LORAS_MAX + 1; i++)
                strcat(text, "<lora:x>");
        assert_int_equal(prompt_parse(&prompt, "prompt", text, &error), -EINVAL);
        assert_string_equal(error.text, "prompt: more than 16 adapters");
}

/* With one chunk breaks are nothing, and what does not fit is counted. */
static void test_one_chunk(void **state)
{
        (void)state;
        _cleanup_(tokenizer_freep) Tokenizer *tokenizer = open_tokenizer(6, "<|endoftext|>");
        _cleanup_(prompt_done) Prompt prompt = {};
        _cleanup_(chunks_done) Chunks one = {}, two = {};

        assert_int_equal(prompt_parse(&prompt, "prompt", "the fox BREAK the dog and the cat", NULL), 0);
        assert_int_equal(chunks_new(&one, tokenizer, &prompt, 1, NULL), 0);
        assert_int_equal(one.n, 1);
        assert_int_equal(one.tokens, 4);
        assert_true(one.truncated >= 3);
        assert_false(one.weighted);
        assert_int_equal(chunks_new(&two, tokenizer, &prompt, 2, NULL), 0);
        assert_int_equal(two.n, 2);
        assert_int_equal(two.tokens, 6);

        assert_int_equal(chunks_pad(&one, tokenizer, 3), 0);
        assert_int_equal(one.n, 3);
        assert_int_equal(one.ids[12], one.ids[0]);
        assert_int_equal(one.ids[13], tokenizer_marks(tokenizer).end);
}

/* Each row times its weight, and the mean as before. */
static void test_weigh(void **state)
{
        (void)state;
        uint32_t ids[3] = { 0 };
        float weights[3] = { 1, 2, 0.5F }, x[6] = { 1, 2, 3, 4, 5, 6 };
        const Chunks chunks = { .n = 1, .length = 3, .ids = ids, .weights = weights, .weighted = true };
        const double expected[6] = { 1, 2, 6, 8, 2.5, 3 }, factor = 21 / 22.5;

        chunks_weigh(&chunks, 0, x, 2);
        for (int i = 0; i < 6; i++)
                assert_true(fabs((double)x[i] - expected[i] * factor) <= 1e-6);

        float opposite[2] = { 1, -2 };
        const Chunks cancels = { .n = 1, .length = 2, .ids = ids, .weights = weights, .weighted = true };
        weights[0] = 2;
        weights[1] = 1;
        chunks_weigh(&cancels, 0, opposite, 1); /* a mean of zero cannot be restored */
        assert_true(opposite[0] >= 2 && opposite[0] <= 2);
        assert_true(opposite[1] >= -2 && opposite[1] <= -2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference), cmocka_unit_test(test_bad_prompts), cmocka_unit_test(test_many),
                cmocka_unit_test(test_one_chunk), cmocka_unit_test(test_weigh),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
