/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said about prompts. */

#include "generator.h"

static Generator generator;

static int setup(void **state)
{
        (void)state;
        generator = open_generator("model/default/words.json");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        generator_done(&generator);
        return 0;
}

/* The kinds of problems, each with a space behind it. */
static void kinds_of(const char *prompt, char ret[static 512], char for_model[static 512])
{
        json_t *report, *problem;
        Error error = {};
        size_t i;

        if (check_prompt(&generator, prompt, &report, &error) < 0)
                fail_msg("%s", error.text);
        ret[0] = '\0';
        json_array_foreach(json_object_get(report, "problems"), i, problem)
                (void)snprintf(ret + strlen(ret), 512 - strlen(ret), "%s ", said(problem, "kind"));
        (void)snprintf(for_model, 512, "%s", said(report, "model-prompt"));
        json_decref(report);
}

static void assert_kinds(const char *prompt, const char *wanted, const char *for_model)
{
        char kinds[512], text[512];

        kinds_of(prompt, kinds, text);
        if (!streq(kinds, wanted) || !streq(text, for_model))
                fail_msg("'%s': '%s' (wanted '%s'), for the model '%s' (wanted '%s')", prompt, kinds, wanted, text, for_model);
}

static void test_good_prompts(void **state)
{
        (void)state;
        assert_kinds("a red fox", "", "a red fox");
        assert_kinds("a fox and an owl on a beach at sunset", "", "a fox and an owl on a beach at sunset");
        assert_kinds("two pigs on a light blue background, flat icon", "", "two pigs on a light blue background, flat icon");
        assert_kinds("a cat wearing a top hat on a skateboard", "", "a cat wearing a top hat on a skateboard");
        assert_kinds("a beach", "", "a beach");
}

static void test_problems(void **state)
{
        (void)state;
        assert_kinds("", "empty no-subject ", "");
        assert_kinds("a fox, oil painting, watercolour", "two unknown unknown unknown ", "a fox");
        assert_kinds("seven pigs", "count ", "five pigs");
        assert_kinds("a limousine", "like ", "a limousine");
        assert_kinds("a zzyzx", "unknown no-subject ", "a zzyzx");
        assert_kinds("red", "no-subject ", "red");
        assert_kinds("a shiny fox", "unknown ", "a fox");
}

static void test_contradictions(void **state)
{
        char kinds[512], text[512];
        (void)state;

        kinds_of("a fox under the stars, bright noon sun", kinds, text);
        assert_non_null(strstr(kinds, "contradiction"));
        kinds_of("a fox, natural photograph, pencil drawing", kinds, text);
        assert_non_null(strstr(kinds, "two"));
}

/* What is longer than the model reads is told, and what is left fits and still is grammar. */
static void test_long_prompts(void **state)
{
        char kinds[512], text[512], prompt[1024] = "a fox";
        (void)state;

        for (int i = 0; i < 15; i++)
                strncat(prompt, " next to a dog", sizeof(prompt) - strlen(prompt) - 1);
        kinds_of(prompt, kinds, text);
        assert_non_null(strstr(kinds, "cut"));
        assert_true(model_words_count(&generator.model, text) <= generator.model.tokens);
        assert_int_equal(strncmp(text, "a fox next to a dog", 19), 0);
        assert_string_equal(text + strlen(text) - 3, "dog");
}

static void test_tokens(void **state)
{
        (void)state;
        assert_int_equal(model_words_count(&generator.model, "a red fox"), 3);
        assert_int_equal(model_words_count(&generator.model, "a fox, flat icon"), 5);
        assert_true(model_words_count(&generator.model, "zzyzxzzyzx") > 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_prompts), cmocka_unit_test(test_problems), cmocka_unit_test(test_contradictions),
                cmocka_unit_test(test_long_prompts), cmocka_unit_test(test_tokens),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
