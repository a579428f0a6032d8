/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The built-in generator with the files as they are shipped: what holds for every idea and seed, and what single requests
 * give. */

#include "generator.h"

#define WORDS "model/default/words.json"

static const char *const ideas[] = {
        "a fox", "a beach sunset", "three cars and a dog", "a cottage at night", "corn", "an owl wearing a crown",
        "a lighthouse, stormy sea", "a flat icon of a rocket", "Ein Haus am See", "a cup of coffee on a wooden table",
        "the moon", "two foks", "a photo of a violin", "\xe7\x8b\x90", "fox; dog; cat", "a   fox  ,  in the   snow",
};
#define SEEDS 10

static Generator generator;

static int setup(void **state)
{
        (void)state;
        log_set_max_level(LOG_EMERG);
        generator = open_generator(WORDS);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        generator_done(&generator);
        return 0;
}

/* --- what holds for all --- */

static void for_all(void (*check)(const char *idea, const json_t *result))
{
        for (size_t i = 0; i < ELEMENTSOF(ideas); i++)
                for (int seed = 0; seed < SEEDS; seed++) {
                        json_t *result = ask(&generator, "{s:s, s:i}", "idea", ideas[i], "seed", seed);
                        check(ideas[i], result);
                        json_decref(result);
                }
}

static void check_same(const char *idea, const json_t *result)
{
        json_t *again = ask(&generator, "{s:s, s:I}", "idea", idea, "seed", json_integer_value(json_object_get(result, "seed")));
        assert_true(json_equal(result, again));
        json_decref(again);
}

static void test_same_seed_same_answer(void **state)
{
        (void)state;
        for_all(check_same);
}

/* A prompt given back as an idea is the same prompt, made of the same fields. */
static void check_round_trip(const char *idea, const json_t *result)
{
        json_t *again = ask(&generator, "{s:s, s:s, s:i}", "idea", said(result, "prompt"), "refine", " ", "seed", 99);
        (void)idea;

        assert_string_equal(said(again, "prompt"), said(result, "prompt"));
        assert_true(json_equal(json_object_get(again, "fields"), json_object_get(result, "fields")));
        json_decref(again);
}

static void test_prompts_come_apart_again(void **state)
{
        (void)state;
        for_all(check_round_trip);
}

/* What the model is given it reads wholly, and it understands each word of it, unless it knows none of the idea's. */
static void check_model_prompt(const char *idea, const json_t *result)
{
        const char *text = said(result, "model-prompt");
        _cleanup_(freep) char *again = NULL;
        json_t *notes = json_array(), *note;
        size_t i;
        bool has_subject = true;

        json_array_foreach(json_object_get(result, "notes"), i, note)
                has_subject = has_subject && !strstr(json_string_value(note), "Nothing that the model can draw");
        assert_true(strlen(text) > 0);
        if (has_subject) {
                assert_true(model_words_count(&generator.model, text) <= generator.model.tokens);
                assert_int_equal(for_model_text(&generator.model, text, &again, notes, NULL), 0);
                assert_string_equal(again, text);
                json_array_foreach(notes, i, note)
                        assert_string_not_equal(said(note, "kind"), "unknown");
        }
        (void)idea;
        json_decref(notes);
}

static void test_the_model_understands(void **state)
{
        (void)state;
        for_all(check_model_prompt);
}

/* The idea stays, and much is said beside it. */
static void check_richer(const char *idea, const json_t *result)
{
        assert_true(strlen(said(result, "prompt")) > strlen(idea) + 40);
        assert_true(json_object_size(json_object_get(result, "fields")) >= 7);
        assert_string_equal(json_string_value(json_array_get(json_object_get(result, "lineage"), 0)), idea);
}

static void test_more_is_said(void **state)
{
        (void)state;
        for_all(check_richer);
}

/* No phrase excludes another one of the same prompt. */
static void check_peace(const char *idea, const json_t *result)
{
        json_t *report, *problem;
        size_t i;
        (void)idea;

        assert_int_equal(check_prompt(&generator, said(result, "prompt"), &report, NULL), 0);
        json_array_foreach(json_object_get(report, "problems"), i, problem)
                if (streq(said(problem, "kind"), "contradiction"))
                        fail_msg("%s: %s", said(result, "prompt"), said(problem, "text"));
        json_decref(report);
}

static void test_no_contradictions(void **state)
{
        (void)state;
        for_all(check_peace);
}

static void test_variations_differ(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(ideas); i++) {
                json_t *results = ask_all(&generator, json_pack("{s:s, s:i, s:i}", "idea", ideas[i], "seed", 5, "count", 4), NULL);
                assert_int_equal(json_array_size(results), 4);
                for (size_t a = 0; a < 4; a++)
                        for (size_t b = 0; b < a; b++)
                                assert_string_not_equal(said(json_array_get(results, a), "prompt"), said(json_array_get(results, b), "prompt"));
                json_decref(results);
        }
}

/* --- single requests --- */

static void test_what_the_idea_says(void **state)
{
        (void)state;
        json_t *result = ask(&generator, "{s:s, s:i}", "idea", "an oil painting of a cat, golden hour, from above", "seed", 1);
        assert_string_equal(field(result, "subject"), "a cat");
        assert_string_equal(field(result, "style"), "textured oil painting");
        assert_string_equal(field(result, "lighting"), "warm golden hour light");
        assert_string_equal(field(result, "camera"), "from a high angle");
        json_decref(result);

        result = ask(&generator, "{s:s, s:i}", "idea", "a beach sunset", "seed", 1);
        assert_string_equal(said(result, "model-prompt"), "a beach at sunset");
        json_decref(result);
}

static void test_unknown_words(void **state)
{
        (void)state;
        json_t *result = ask(&generator, "{s:s, s:i}", "idea", "a majestic foxx on a blue background", "seed", 1);
        const json_t *unknown = json_object_get(result, "unknown");
        assert_non_null(json_object_get(unknown, "majestic"));
        assert_int_equal(strncmp(said(unknown, "foxx"), "fox", 3), 0);
        json_decref(result);

        result = ask(&generator, "{s:s, s:i}", "idea", "a shiny cottage", "seed", 1);
        assert_string_equal(said(json_object_get(result, "unknown"), "cottage"), "house");
        assert_int_equal(strncmp(said(result, "model-prompt"), "a cottage", 9), 0);
        json_decref(result);
}

static void test_counts(void **state)
{
        (void)state;
        json_t *result = ask(&generator, "{s:s, s:i}", "idea", "seven pigs", "seed", 1);
        assert_int_equal(strncmp(said(result, "model-prompt"), "five pigs", 9), 0);
        assert_int_equal(strncmp(said(result, "prompt"), "seven pigs", 10), 0);
        json_decref(result);
}

/* A style that was drawn is said to the model in the words of its captions, and left out where they have none for it. */
static void test_drawn_styles(void **state)
{
        static const struct {
                const char *full, *captions;
        } styles[] = {
                { "glossy 3d emoji", ", 3d emoji" }, { "realistic 3d render", ", realistic 3d render" }, { "flat vector illustration", ", flat" },
                { "outlined cartoon", ", outlined cartoon" }, { "cheerful clip art", ", clip art" },
        };
        size_t seen[ELEMENTSOF(styles)] = { 0 }, others = 0;
        (void)state;

        for (int seed = 0; seed < 400; seed++) {
                json_t *result = ask(&generator, "{s:s, s:i}", "idea", "a fox", "seed", seed);
                const char *captions = strchr(said(result, "model-prompt"), ','), *expected = NULL;
                for (size_t i = 0; i < ELEMENTSOF(styles); i++)
                        if (strcmp(field(result, "style"), styles[i].full) == 0) {
                                expected = styles[i].captions;
                                seen[i]++;
                        }
                others += !expected;
                assert_string_equal(captions ? captions : "", expected ? expected : "");
                json_decref(result);
        }
        for (size_t i = 0; i < ELEMENTSOF(styles); i++)
                assert_true(seen[i] > 0);
        assert_true(others > 0);
}

static void test_refining(void **state)
{
        const char *before = "a red fox in the snow, medium shot, flat vector illustration, muted pastel colours, soft diffused light";
        (void)state;

        json_t *result = ask(&generator, "{s:s, s:s, s:i, s:[s]}", "idea", before, "refine", "warmer, closer, without people", "seed", 1,
                             "lineage", "a red fox");
        assert_string_equal(field(result, "subject"), "a red fox");
        assert_string_equal(field(result, "style"), "flat vector illustration");
        assert_string_equal(field(result, "composition"), "close view");
        assert_string_not_equal(field(result, "palette"), "muted pastel colours");
        assert_string_equal(field(result, "constraints"), "without people");
        assert_string_equal(said(result, "negative"), "people");
        assert_string_equal(field(result, "mood"), ""); /* nothing is added that was not asked for */
        const json_t *lineage = json_object_get(result, "lineage");
        assert_int_equal(json_array_size(lineage), 3);
        assert_string_equal(json_string_value(json_array_get(lineage, 0)), "a red fox");
        assert_string_equal(json_string_value(json_array_get(lineage, 1)), before);
        assert_string_equal(json_string_value(json_array_get(lineage, 2)), "warmer, closer, without people");
        json_decref(result);
}

/* Going there and back along an axis ends where the words for it end, and says so. */
static void test_refining_to_the_end(void **state)
{
        char prompt[2048] = "a fox, medium shot";
        bool said_so = false;
        (void)state;

        for (int i = 0; i < 12 && !said_so; i++) {
                json_t *result = ask(&generator, "{s:s, s:s, s:i}", "idea", prompt, "refine", "closer", "seed", i);
                said_so = json_array_size(json_object_get(result, "notes")) > 0;
                (void)snprintf(prompt, sizeof(prompt), "%s", said(result, "prompt"));
                json_decref(result);
        }
        assert_true(said_so);
        assert_non_null(strstr(prompt, "extreme close-up"));
}

static void test_other_instructions(void **state)
{
        (void)state;
        json_t *result = ask(&generator, "{s:s, s:s, s:i}", "idea", "a fox, oil painting", "refine", "in watercolour, add a red hat, wibble", "seed", 1);
        assert_string_equal(field(result, "style"), "loose watercolour painting");
        assert_string_equal(field(result, "subject"), "a fox with a red hat");
        assert_string_equal(field(result, "constraints"), "wibble");
        assert_int_equal(json_array_size(json_object_get(result, "notes")), 1);
        json_decref(result);
}

/* What cannot be at night is drawn anew; the rest stays. */
static void test_refining_gives_way(void **state)
{
        (void)state;
        for (int seed = 0; seed < 20; seed++) {
                json_t *result = ask(&generator, "{s:s, s:s, s:i}", "idea", "a house, oil painting, glowing sunset light, close view",
                                     "refine", "at night", "seed", seed);
                const char *prompt = said(result, "prompt");
                assert_non_null(strstr(prompt, "stars"));
                assert_null(strstr(prompt, "sunset"));
                assert_non_null(strstr(prompt, "oil painting"));
                assert_non_null(strstr(prompt, "close view"));
                json_decref(result);
        }
}

static void test_layers(void **state)
{
        (void)state;
        json_t *result = ask(&generator, "{s:s, s:i, s:s, s:s, s:{s:s}}", "idea", "a fox, pixel art", "seed", 1, "profile", "storybook",
                             "purpose", "wallpaper", "fields", "mood", "solemn");
        assert_string_equal(field(result, "style"), "storybook illustration");
        assert_string_equal(field(result, "mood"), "solemn");
        assert_string_equal(said(result, "aspect"), "16:9");
        assert_non_null(strstr(json_string_value(json_array_get(json_object_get(result, "notes"), 0)), "storybook"));
        json_decref(result);

        result = ask(&generator, "{s:s, s:i, s:s, s:{s:s}}", "idea", "a small flat", "seed", 1, "template", "property-plan", "fields",
                     "rooms", "two rooms");
        assert_non_null(strstr(field(result, "subject"), "a small flat with two rooms, 80 square metres"));
        assert_string_equal(field(result, "lighting"), "");
        json_decref(result);
}

static void test_seed_policy(void **state)
{
        (void)state;
        json_t *a = ask(&generator, "{s:s, s:i, s:s}", "idea", "a fox", "seed", 1, "profile", "storybook");
        json_t *b = ask(&generator, "{s:s, s:i, s:s}", "idea", "a fox", "seed", 2, "profile", "storybook");
        json_t *c = ask(&generator, "{s:s, s:i, s:s, s:b}", "idea", "a fox", "seed", 2, "profile", "storybook", "seed-given", 1);
        json_t *d = ask(&generator, "{s:s, s:i, s:s}", "idea", "a fox", "seed", 2, "profile", "blueprint");
        assert_true(json_equal(a, b));
        assert_int_equal(json_integer_value(json_object_get(c, "seed")), 2);
        assert_int_equal(json_integer_value(json_object_get(d, "picture-seed")), 7);
        json_decref(a);
        json_decref(b);
        json_decref(c);
        json_decref(d);
}

/* Texts from elsewhere get fields and a text for the model, and nothing is drawn. */
static void test_texts(void **state)
{
        (void)state;
        json_t *results = ask_all(&generator, json_pack("{s:s, s:i, s:[s,s]}", "idea", "a fox", "seed", 1, "texts",
                                                        "a cunning red fox on fresh green grass, oil painting", "a fox, flat"), NULL);
        assert_int_equal(json_array_size(results), 2);
        const json_t *first = json_array_get(results, 0);
        assert_string_equal(field(first, "style"), "textured oil painting");
        assert_string_equal(field(first, "mood"), "");
        assert_string_equal(said(first, "model-prompt"), "a red fox on the grass");
        assert_string_equal(said(json_array_get(results, 1), "model-prompt"), "a fox, flat");
        json_decref(results);
}

static void test_without_a_model(void **state)
{
        Generator plain = open_generator(NULL);
        (void)state;

        json_t *result = ask(&plain, "{s:s, s:i}", "idea", "a majestic foxx", "seed", 1);
        assert_string_equal(said(result, "prompt"), said(result, "model-prompt"));
        assert_int_equal(json_object_size(json_object_get(result, "unknown")), 0);
        json_decref(result);
        generator_done(&plain);
}

static void assert_refused(const char *says, json_t *request)
{
        Error error = {};

        assert_null(ask_all(&generator, request, &error));
        assert_int_equal(error.code, -EINVAL);
        if (!strstr(error.text, says))
                fail_msg("'%s' does not say %s", error.text, says);
}

static void test_wrong_requests(void **state)
{
        (void)state;
        assert_refused("idea", json_pack("{s:i}", "seed", 1));
        assert_refused("idea", json_pack("{s:s}", "idea", " ,;. "));
        assert_refused("count", json_pack("{s:s, s:i}", "idea", "a", "count", 0));
        assert_refused("count", json_pack("{s:s, s:i}", "idea", "a", "count", 17));
        assert_refused("template", json_pack("{s:s, s:s}", "idea", "a", "template", "nothing"));
        assert_refused("template", json_pack("{s:s, s:s}", "idea", "a", "template", "../templates/portrait"));
        assert_refused("needs the field place", json_pack("{s:s, s:s}", "idea", "a", "template", "scene"));
        assert_refused("colour", json_pack("{s:s, s:{s:s}}", "idea", "a", "fields", "colour", "red"));
        assert_refused("mood", json_pack("{s:s, s:{s:s}}", "idea", "a", "fields", "mood", "a\nb"));
        assert_refused("lineage", json_pack("{s:s, s:[i]}", "idea", "a", "lineage", 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_seed_same_answer), cmocka_unit_test(test_prompts_come_apart_again),
                cmocka_unit_test(test_the_model_understands), cmocka_unit_test(test_more_is_said),
                cmocka_unit_test(test_no_contradictions),     cmocka_unit_test(test_variations_differ),
                cmocka_unit_test(test_what_the_idea_says),    cmocka_unit_test(test_unknown_words),
                cmocka_unit_test(test_counts),                cmocka_unit_test(test_drawn_styles),
                cmocka_unit_test(test_refining), cmocka_unit_test(test_refining_gives_way),
                cmocka_unit_test(test_refining_to_the_end),   cmocka_unit_test(test_other_instructions),
                cmocka_unit_test(test_layers),                cmocka_unit_test(test_seed_policy),
                cmocka_unit_test(test_texts),                 cmocka_unit_test(test_without_a_model),
                cmocka_unit_test(test_wrong_requests),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
