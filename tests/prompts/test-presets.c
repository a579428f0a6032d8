/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Templates, profiles, purposes and vocabularies: what is shipped has no fault, and what has one is told with its line. */

#include "generator.h"

static char directory[64];

static void write_preset(const char *name, const char *text)
{
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
        char command[256];
        (void)state;

        log_set_max_level(LOG_EMERG);
        (void)snprintf(directory, sizeof(directory), "/tmp/imagined-test-XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        (void)snprintf(command, sizeof(command), "cd %s && mkdir templates profiles purposes", directory);
        return system(command);
}

static int teardown(void **state)
{
        char command[128];
        (void)state;

        (void)snprintf(command, sizeof(command), "rm -rf %s", directory);
        return system(command);
}

/* Reads a text as a preset, and frees what came of it; what was told, to be freed. */
static char *faults_of(PresetKind kind, const char *text)
{
        Preset preset = { .kind = kind, .path = strdup("a.conf") };
        Faults faults = {};

        assert_int_equal(preset_read(&preset, text, &faults), 0);
        char *told = faults.n ? strdup(faults.text.s) : strdup("");
        preset_done(&preset);
        faults_done(&faults);
        return told;
}

static void assert_fault(PresetKind kind, const char *text, const char *wanted)
{
        _cleanup_(freep) char *told = faults_of(kind, text);

        if (!strstr(told, wanted))
                fail_msg("'%s' is not told: '%s'", wanted, told);
}

static void test_shipped_files(void **state)
{
        char *const directories[] = { (char *)"conf/prompts", NULL };
        size_t n[PRESET_MAX + 1] = {};
        Faults faults = {};
        Vocabulary vocabulary = {};
        PromptFiles files = {};
        (void)state;

        assert_int_equal(prompt_files_open(&files, directories, &faults), 0);
        assert_int_equal(prompt_files_vocabulary(&files, &vocabulary, &faults), 0);
        for (size_t i = 0; i < files.n; i++) {
                Preset preset = {};
                n[files.items[i].kind]++;
                if (files.items[i].kind == PRESET_MAX)
                        continue;
                assert_int_equal(prompt_files_find(&files, files.items[i].kind, files.items[i].name, &preset, &faults), 0);
                preset_done(&preset);
        }
        if (faults.n > 0)
                fail_msg("%s", faults.text.s);
        assert_true(n[PRESET_TEMPLATE] >= 5 && n[PRESET_PROFILE] >= 3 && n[PRESET_PURPOSE] >= 5 && n[PRESET_MAX] == 1);
        for (int field = FIELD_SETTING; field < FIELD_NEGATIVE; field++)
                assert_true(vocabulary.n_phrases[field] > 3);
        vocabulary_done(&vocabulary);
        prompt_files_done(&files);
}

static void test_faults(void **state)
{
        (void)state;
        assert_fault(PRESET_PROFILE, "title = \"x\";\ncolour = \"red\";\n", "a.conf:2: colour is no key");
        assert_fault(PRESET_PROFILE, "title = \"x\";\nstyle = 3;\n", "a.conf:2: style must be a text");
        assert_fault(PRESET_PROFILE, "style = \"x\";\n", "a title is missing");
        assert_fault(PRESET_PROFILE, "title = \"x\";\nsubject = \"a fox\";\n", "a.conf:2: subject is no key");
        assert_fault(PRESET_PROFILE, "title = \"x\";\n\nseed = \"always\";\n", "a.conf:3: seed must be");
        assert_fault(PRESET_PROFILE, "title = \"x\";\nseed = -1;\n", "a.conf:2: seed must be");
        assert_fault(PRESET_PROFILE, "title = \"x\"\nstyle \"y\";\n", "a.conf:2: syntax error");
        assert_fault(PRESET_PROFILE, "title = \"x\";\n@include \"/etc/passwd\"\n", "a.conf:2: @include is not followed");
        assert_fault(PRESET_PROFILE, "title = \"a\\nb\";\n", "a.conf:1: title must be UTF-8 in one line");
        assert_fault(PRESET_PURPOSE, "title = \"x\";\naspect = \"wide\";\n", "a.conf:2: aspect must be a shape");
        assert_fault(PRESET_PURPOSE, "title = \"x\";\nseed = 3;\n", "a.conf:2: seed is no key");
        assert_fault(PRESET_TEMPLATE, "title = \"x\";\nsubject = \"a {thing}\";\n", "a.conf:2: subject: {thing} is none of the fields");
        assert_fault(PRESET_TEMPLATE, "title = \"x\";\nsubject = \"a {\";\n", "a.conf:2: subject: {");
        assert_fault(PRESET_TEMPLATE, "title = \"x\";\nfields = { style = { }; };\n", "a.conf:2: style: a field of a template");
        assert_fault(PRESET_TEMPLATE, "title = \"x\";\nfields = { a = { size = \"3\"; }; };\n", "a.conf:2: size is no key");
        assert_fault(PRESET_TEMPLATE, "title = \"x\";\nfields = \"a\";\n", "a.conf:2: fields must be");
}

static void test_all_faults_are_told(void **state)
{
        (void)state;
        _cleanup_(freep) char *told = faults_of(PRESET_PROFILE, "title = \"x\";\na = 1;\nb = 2;\nstyle = 4;\n");
        assert_non_null(strstr(told, "a.conf:2:"));
        assert_non_null(strstr(told, "a.conf:3:"));
        assert_non_null(strstr(told, "a.conf:4:"));
}

static void assert_vocabulary_fault(const char *text, const char *wanted)
{
        Vocabulary vocabulary = {};
        Faults faults = {};

        assert_int_equal(vocabulary_add(&vocabulary, "v.conf", text, &faults), 0);
        if (!faults.text.s || !strstr(faults.text.s, wanted))
                fail_msg("'%s' is not told: '%s'", wanted, faults.text.s ? faults.text.s : "");
        vocabulary_done(&vocabulary);
        faults_done(&faults);
}

static void test_faults_of_a_vocabulary(void **state)
{
        (void)state;
        assert_vocabulary_fault("colours = ( );\n", "v.conf:1: colours is no key");
        assert_vocabulary_fault("mood = [ \"a\" ];\n", "v.conf:1: mood must be a list");
        assert_vocabulary_fault("mood = (\n { warm = 3; }\n);\n", "v.conf:2: a phrase needs something to say");
        assert_vocabulary_fault("mood = ( { say = \"a, b\"; } );\n", "v.conf:1: say must have no comma");
        assert_vocabulary_fault("mood = ( { say = \"a\"; warm = 11; } );\n", "v.conf:1: warm must be a number from -9 to 9");
        assert_vocabulary_fault("mood = ( { say = \"a\"; hot = 1; } );\n", "v.conf:1: hot is no key");
        assert_vocabulary_fault("instructions = ( { words = [ \"a\" ]; axis = \"age\"; by = 1; } );\n", "v.conf:1: an instruction needs");
        assert_vocabulary_fault("facts = ( );\n", "v.conf:1: facts must be a group");
}

/* The first directory that has a name wins; a broken file of a user's costs only who asks for it. */
static void test_shelves(void **state)
{
        char *const directories[] = { directory, (char *)"conf/prompts", NULL };
        Generator generator = {};
        Error error = {};
        (void)state;

        write_preset("profiles/storybook.conf", "title = \"mine\";\nstyle = \"my own style\";\n");
        write_preset("profiles/broken.conf", "title = \"x\";\ncolour = \"red\";\n");
        write_preset("profiles/not a name.conf", "title = \"x\";\n");
        write_preset("profiles/README", "nothing");
        write_preset("vocabulary.conf", "mood = ( { say = \"wibbly\"; also = [ \"wobbly\" ]; needs = [ \"asked\" ]; } );\n");
        assert_int_equal(generator_open(&generator, directories, &error), 0);
        assert_int_equal(generator_read(&generator, NULL, 0, &error), 0);
        assert_non_null(strstr(generator.faults.text.s, "not a name.conf"));
        json_t *result = ask(&generator, "{s:s, s:s}", "idea", "a fox, wobbly", "profile", "storybook");
        assert_string_equal(field(result, "style"), "my own style");
        assert_string_equal(field(result, "mood"), "wibbly");
        json_decref(result);
        assert_null(ask_all(&generator, json_pack("{s:s, s:s}", "idea", "a fox", "profile", "broken"), &error));
        assert_non_null(strstr(error.text, "broken.conf:2: colour is no key"));
        generator_done(&generator);

        write_preset("vocabulary.conf", "mood = ( { say = 3; } );\n");
        assert_int_equal(generator_open(&generator, directories, &error), 0);
        assert_int_equal(generator_read(&generator, NULL, 0, &error), -EINVAL);
        assert_non_null(strstr(error.text, "vocabulary.conf:1:"));
        generator_done(&generator);
}

static void assert_words_refused(const char *text)
{
        ModelWords model = {};
        Error error = {};

        assert_int_equal(model_words_read(&model, text, strlen(text), &error), -EINVAL);
        assert_int_equal(strncmp(error.text, "words.json", 10), 0);
}

static void test_broken_words(void **state)
{
        (void)state;
        assert_words_refused("");
        assert_words_refused("[]");
        assert_words_refused("{\"format\": 2}");
        assert_words_refused("{\"format\": 1, \"nouns\": []}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shipped_files), cmocka_unit_test(test_faults),
                cmocka_unit_test(test_all_faults_are_told), cmocka_unit_test(test_faults_of_a_vocabulary),
                cmocka_unit_test(test_shelves), cmocka_unit_test(test_broken_words),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
