/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/options.h"
#include "client/values.h"

#define WORDS_MAX_TEST 32

/* Parses a command line of words with one space between them. */
static int parse(Options *o, const char *line, Error *error)
{
        static char buffer[1024], *argv[WORDS_MAX_TEST + 2];
        int argc = 0;

        (void)snprintf(buffer, sizeof(buffer), "imagine %s", line);
        for (char *s = strtok(buffer, " "); s && argc < WORDS_MAX_TEST; s = strtok(NULL, " "))
                argv[argc++] = s;
        argv[argc] = NULL;
        *error = (Error) { 0 };
        return options_parse(o, argc, argv, error);
}

static void test_verbs_and_prompts(void **state)
{
        static const struct {
                const char *line;
                VerbId verb;
                const char *prompt;
        } cases[] = {
                { "a red fox", VERB_GENERATE, "a red fox" },
                { "generate a red fox", VERB_GENERATE, "a red fox" },
                { "generate status", VERB_GENERATE, "status" },
                { "-- status of a fox", VERB_GENERATE, "status of a fox" },
                { "-- --steps", VERB_GENERATE, "--steps" },
                { "--seed 3 -- generate x", VERB_GENERATE, "generate x" },
                { "generate -- -5 degrees", VERB_GENERATE, "-5 degrees" },
                { "a --seed 3 fox --steps 9 runs", VERB_GENERATE, "a fox runs" },
                { "status", VERB_STATUS, NULL },
                { "--json jobs", VERB_JOBS, NULL },
                { "watch 3", VERB_WATCH, NULL },
                { "load", VERB_LOAD, NULL },
                { "load sprites --quiet", VERB_LOAD, NULL },
                { "help", VERB_HELP, NULL },
                { "jobs --help", VERB_HELP, NULL },
                { "help jobs", VERB_HELP, NULL },
                { "--version", VERB_VERSION, NULL },
        };
        Options o;
        Error error;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int r = parse(&o, cases[i].line, &error);
                if (r < 0)
                        fail_msg("%s: %s", cases[i].line, error.text);
                assert_int_equal(o.verb->id, cases[i].verb);
                if (cases[i].prompt)
                        assert_string_equal(o.prompt, cases[i].prompt);
                else
                        assert_null(o.prompt);
                options_done(&o);
        }
}

static void test_refused(void **state)
{
        static const struct {
                const char *line, *text;
        } cases[] = {
                { "", "no prompt" },
                { "generate", "no prompt" },
                { "--seed 3", "no prompt" },
                { "fox --sed 3", "no option --sed" },
                { "-5 degrees", "no option -5" },
                { "fox --seed", "--seed needs a value" },
                { "fox --force=yes", "no option --force=yes" },
                { "status of a fox", "imagine generate status of ..." },
                { "load two models", "takes one word" },
                { "help two verbs", "takes one word" },
                { "watch", "'watch' needs ID" },
                { "status --seed 3", "--seed does not go with 'status'" },
                { "watch 3 -o x.png", "--output does not go with 'watch'" },
                { "fox --user --system", "do not go together" },
                { "fox --size 64x64 --aspect 1:1", "do not go together" },
                { "fox --detach -o x.png", "do not go together" },
                { "fox -o - --json", "both write to stdout" },
                { "fox -o - --count 2", "takes one picture" },
                { "fox --steps 0", "0 is not between 1 and 500" },
                { "fox --steps 501", "501 is not between 1 and 500" },
                { "fox --count 65", "65 is not between 1 and 64" },
                { "fox --seed 18446744073709551616", "not between 0 and 18446744073709551615" },
                { "fox --guidance nan", "not a number" },
                { "fox --guidance 100.5", "not between 0 and 100" },
                { "fox --lora one:100.5", "not between -100 and 100" },
                { "fox --lora one:--5", "not a number" },
                { "fox --sampler zigzag", "there is no 'zigzag'; there are ddim" },
                { "fox --priority high", "none of interactive, normal, batch" },
                { "fox --model \xff", "--model: the text is not valid UTF-8" },
                { "fox \xc3\x28", "the prompt is not valid UTF-8" },
        };
        Options o;
        Error error;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int r = parse(&o, cases[i].line, &error);
                if (r != -EINVAL || !strstr(error.text, cases[i].text))
                        fail_msg("'%s' gives %d and: %s", cases[i].line, r, error.text);
                options_done(&o);
        }
}

static void test_values_arrive(void **state)
{
        Options o;
        Error error;

        (void)state;
        assert_int_equal(parse(&o,
                               "fox -fq -o x.png --seed 18446744073709551615 --size 640x480 --steps=500 "
                               "--guidance 0.5 --fast --enlarge lanczos --sharpen 0.25 --smooth-edges 0 "
                               "--remove-artefacts 1 "
                               "--keep-alive 2h --count 64",
                               &error),
                         0);
        assert_true(o.force && o.quiet && o.fast && !o.json);
        assert_string_equal(o.output, "x.png");
        assert_true(o.seed == UINT64_MAX);
        assert_int_equal(o.width, 640);
        assert_int_equal(o.height, 480);
        assert_int_equal(o.steps, 500);
        assert_true(o.guidance == 0.5);
        assert_string_equal(o.enlarge, "lanczos");
        assert_true(o.sharpen == 0.25 && o.smooth_edges == 0 && o.remove_artefacts == 1);
        assert_true(options_has(&o, OPTION_SMOOTH_EDGES));
        assert_int_equal(o.keep_alive, 7200);
        assert_int_equal(o.count, 64);
        assert_true(options_has(&o, OPTION_STEPS) && !options_has(&o, OPTION_MODEL));
        options_done(&o);

        assert_int_equal(parse(&o, "fox --hires 1.5 --hires-strength 0.6 --hires-steps 7 --tiling xy --precision bf16 --clip-skip 2 --lora one --lora two:0.5 --lora=one:-1.25", &error), 0);
        assert_string_equal(o.tiling, "xy");
        assert_string_equal(o.precision, "bf16");
        assert_true(o.hires == 1.5 && o.hires_strength == 0.6 && o.hires_steps == 7);
        assert_int_equal(o.clip_skip, 2);
        assert_int_equal(o.n_loras, 3);
        assert_string_equal(o.loras[1].name, "two");
        assert_true(o.loras[0].weight == 1 && o.loras[1].weight == 0.5 && o.loras[2].weight == -1.25);
        options_done(&o);

        assert_int_equal(parse(&o, "fox --from a.png --outpaint down:2048,left:7", &error), 0);
        assert_int_equal(o.outpaint[SIDE_LEFT], 7);
        assert_int_equal(o.outpaint[SIDE_DOWN], 2048);
        assert_true(o.outpaint[SIDE_RIGHT] == 0 && o.outpaint[SIDE_UP] == 0);
        options_done(&o);

        assert_int_equal(parse(&o, "fox --from a.png --mask b.png --mask-paints dark --mask-blur 4", &error), 0);
        assert_string_equal(o.mask_paints, "dark");
        assert_true(o.mask_blur == 4);
        options_done(&o);

        assert_int_equal(parse(&o, "fox --aspect 16:9", &error), 0);
        assert_true(o.aspect > 1.77 && o.aspect < 1.78);
        assert_int_equal(o.count, 1);
        options_done(&o);

        /* An error is told in JSON even if it stands before --json. */
        assert_int_equal(parse(&o, "fox --bad --json", &error), -EINVAL);
        assert_true(o.json);
        options_done(&o);
}

static void test_prompt_length(void **state)
{
        static char word[REQUEST_PROMPT_MAX + 2];
        char *empty[] = { (char[]) { "imagine" }, (char[]) { "" }, NULL };
        char *longest[] = { (char[]) { "imagine" }, word, NULL };
        Options o;
        Error error = { 0 };

        (void)state;
        assert_int_equal(options_parse(&o, 2, empty, &error), 0);
        assert_string_equal(o.prompt, "");
        options_done(&o);

        memset(word, 'x', REQUEST_PROMPT_MAX);
        assert_int_equal(options_parse(&o, 2, longest, &error), 0);
        assert_int_equal(strlen(o.prompt), REQUEST_PROMPT_MAX);
        options_done(&o);
        word[REQUEST_PROMPT_MAX] = 'x';
        assert_int_equal(options_parse(&o, 2, longest, &error), -EINVAL);
        assert_non_null(strstr(error.text, "longer than 8192 bytes"));
        options_done(&o);
}

static void test_value_forms(void **state)
{
        static const char *const bad_sizes[] = { "",         "x",      "64",           "64x",   "x64",
                                                 "64x64x64", "64X64",  " 64x64",       "15x64", "64x2049",
                                                 "-64x64",   "64x64 ", "4294967360x64" };
        static const char *const bad_aspects[] = { "",     "16",   "16:0",        "0:9",  "16/9",
                                                   "1:17", "17:1", "10001:10001", "1.5:1" };
        static const char *const bad_durations[] = {
                "", "s", "1d", "m5", "1441m", "-1", "18446744073709551615h"
        };
        static const char *const bad_numbers[] = { "",    "x",  "0x10", "inf", "nan",
                                                   "1,5", " 1", "1e",   "-1",  "1e9" };
        uint32_t width = 7, height = 7;
        double number = 7;
        uint64_t seconds = 7;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad_sizes); i++)
                assert_int_equal(value_parse_size(bad_sizes[i], &width, &height, NULL), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(bad_aspects); i++)
                assert_int_equal(value_parse_aspect(bad_aspects[i], &number, NULL), -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(bad_durations); i++)
                assert_int_equal(value_parse_duration(bad_durations[i], KEEP_ALIVE_MAX, &seconds, NULL),
                                 -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(bad_numbers); i++)
                assert_int_equal(value_parse_number(bad_numbers[i], 0, 100, &number, NULL), -EINVAL);
        /* A failure leaves all as it was. */
        assert_true(width == 7 && height == 7 && number == 7 && seconds == 7);

        assert_int_equal(value_parse_size("16x2048", &width, &height, NULL), 0);
        assert_true(width == 16 && height == 2048);
        assert_int_equal(value_parse_duration("90", KEEP_ALIVE_MAX, &seconds, NULL), 0);
        assert_int_equal(seconds, 90);
        assert_int_equal(value_parse_duration("24h", KEEP_ALIVE_MAX, &seconds, NULL), 0);
        assert_int_equal(seconds, 86400);
        assert_int_equal(value_parse_number("1e2", 0, 100, &number, NULL), 0);
        assert_true(number == 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verbs_and_prompts), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_values_arrive),     cmocka_unit_test(test_prompt_length),
                cmocka_unit_test(test_value_forms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
