/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options, verbs, exit codes, keys and members are said in several places: they must be the same everywhere.
 * Runs in the project's folder. */

#include "harness.h"

#include <inttypes.h>

#include "client/option-values.h"
#include "client/options.h"

#define TEXT_MAX (1 << 18)

static char *read_stream(FILE *f)
{
        char *text = calloc(1, TEXT_MAX);

        assert_non_null(text);
        assert_in_range(fread(text, 1, TEXT_MAX - 1, f), 1, TEXT_MAX - 2);
        return text;
}

static char *read_text(const char *path)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");

        if (!f)
                fail_msg("%s: %s", path, strerror(errno));
        return read_stream(f);
}

static char *output_of(const char *command)
{
        FILE *f = popen(command, "re");

        assert_non_null(f);
        char *text = read_stream(f);
        assert_int_equal(pclose(f), 0);
        return text;
}

static char *output_of_program(const char *program, const char *arguments)
{
        char path[PATH_MAX], command[2 * PATH_MAX];

        (void)snprintf(command, sizeof(command), "LC_ALL=C.UTF-8 %s %s", built(program, path), arguments);
        return output_of(command);
}

/* A manual page without the backslashes before dashes. */
static char *read_manual(const char *path)
{
        char *text = read_text(path), *to = text;

        for (const char *from = text; *from; from++)
                if (from[0] != '\\' || from[1] != '-')
                        *to++ = *from;
        *to = '\0';
        return text;
}

static void assert_has(const char *where, const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("%s lacks '%s'", where, part);
}

/* Calls back with each name that follows the mark. */
static int for_each_name(const char *text, const char *mark, void (*check)(const char *name))
{
        char name[64];
        int count = 0;

        for (const char *s = strstr(text, mark); s; s = strstr(s, mark)) {
                s += strlen(mark);
                size_t length = strspn(s,
                                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
                (void)snprintf(name, sizeof(name), "%.*s", (int)length, s);
                check(name);
                count++;
        }
        return count;
}

static void assert_is_option(const char *name)
{
        for (int i = 0; i < OPTION_MAX; i++)
                if (streq(name, option_table[i].name))
                        return;
        fail_msg("there is no option --%s", name);
}

static void test_manual(void **state)
{
        _cleanup_(freep) char *manual = read_manual("docs/imagine.1");
        char heading[128];

        (void)state;
        for (int i = 0; i < OPTION_MAX; i++) {
                const OptionInfo *o = option_table + i;
                char letter[16] = "";
                if (o->letter)
                        (void)snprintf(letter, sizeof(letter), "\\fB-%c\\fR, ", o->letter);
                (void)snprintf(heading, sizeof(heading), ".TP\n%s\\fB--%s\\fR%s%s%s\n", letter, o->name,
                               o->argument ? " \\fI" : "", o->argument ? o->argument : "",
                               o->argument ? "\\fR" : "");
                assert_has("imagine(1)", manual, heading);
        }
        assert_int_equal(for_each_name(manual, "\\fB--", assert_is_option), OPTION_MAX);

        const char *verbs = strstr(manual, ".SH VERBS"), *codes = strstr(manual, ".SH EXIT STATUS");
        assert_non_null(verbs);
        assert_non_null(codes);
        for (int i = 0; i < VERB_MAX; i++) {
                (void)snprintf(heading, sizeof(heading), ".TP\n.B%s %s",
                               verb_table[i].arguments[0] ? "R" : "", verb_table[i].name);
                assert_has("imagine(1)", verbs, heading);
        }
#define X(id, number, text) assert_has("imagine(1)", codes, ".TP\n.B " #number "\n" text);
        EXIT_CODES(X)
#undef X
        for (int i = SAMPLER_DEFAULT + 1; i < SAMPLER_MAX; i++)
                assert_has("imagine(1)", manual, sampler_to_string((Sampler)i));
        for (int i = SIGMA_SCHEDULE_DEFAULT + 1; i < SIGMA_SCHEDULE_MAX; i++)
                assert_has("imagine(1)", manual, sigma_schedule_to_string((SigmaSchedule)i));
}

/* What imagine(1) says of an option, in one line. */
static char *read_entry(OptionId id)
{
        static const char *const ends[] = { "\n.TP", "\n.SS", "\n.SH" };
        _cleanup_(freep) char *manual = read_manual("docs/imagine.1");
        char heading[64];

        (void)snprintf(heading, sizeof(heading), "\\fB--%s\\fR", option_table[id].name);
        char *entry = strstr(manual, heading);
        assert_non_null(entry);
        entry += strlen(heading);
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                char *end = strstr(entry, ends[i]);
                if (end)
                        *end = '\0';
        }
        for (char *p = entry; *p; p++)
                *p = *p == '\n' ? ' ' : *p;
        return strdup(entry);
}

/* What --json prints of each verb stands under its name: ".B get", or ".BR generate ", " get". Two speak a protocol or in a
 * window. */
static void test_json(void **state)
{
        _cleanup_(freep) char *manual = read_manual("docs/imagine.1");
        char *json = strstr(manual, ".SH JSON"), *end = json ? strstr(json, ".SH EXAMPLES") : NULL;
        bool is_told[VERB_MAX] = { [VERB_ASK] = true, [VERB_MCP] = true };

        (void)state;
        if (!end) {
                fail_msg("imagine(1) has no JSON, or nothing after it");
                return;
        }
        *end = '\0';
        for (char *names = strstr(json, "\n.TP\n"), *next; names; names = next) {
                names += strlen("\n.TP\n");
                next = strstr(names, "\n.TP\n");
                names[strcspn(names, "\n")] = '\0';
                for (char *name = strtok(names, " \","); name; name = strtok(NULL, " \","))
                        if (verb_find(name))
                                is_told[verb_find(name)->id] = true;
        }
        for (int i = 0; i < VERB_MAX; i++)
                if (!is_told[i])
                        fail_msg("imagine(1) does not say what --json prints of %s", verb_table[i].name);
}

static void test_ranges(void **state)
{
        static const struct {
                OptionId id;
                double low, high;
                uint64_t most;
        } ranges[] = {
#define X(id, letter, name, argument, kind, field, low, high, verbs, help) { OPTION_##id, (double)(low), (double)(high), (uint64_t)(high) },
                OPTIONS(X)
#undef X
        };
        char range[64];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
                if (!option_is_number(ranges[i].id))
                        continue;
                _cleanup_(freep) char *entry = read_entry(ranges[i].id);
                if (ranges[i].most > 1)
                        (void)snprintf(range, sizeof(range), "%.0f to %" PRIu64, ranges[i].low, ranges[i].most);
                else
                        (void)snprintf(range, sizeof(range), "%.0f to %.10g", ranges[i].low, ranges[i].high);
                if (!strstr(entry, range))
                        fail_msg("imagine(1) does not say of --%s: %s", option_table[ranges[i].id].name, range);
        }
}

static void test_help(void **state)
{
        _cleanup_(freep) char *help = output_of_program("imagine", "--help");
        char text[128];
        int lines = 0;

        (void)state;
        for (int i = 0; i < OPTION_MAX; i++) {
                const OptionInfo *o = option_table + i;
                if (o->help[0] == '+') /* in the help of a verb only */
                        continue;
                (void)snprintf(text, sizeof(text), "--%s%s%s", o->name, o->argument ? " " : "",
                               o->argument ? o->argument : "");
                assert_has("--help", help, text);
        }
        for (int i = 0; i < VERB_MAX; i++) {
                const bool is_option = i == VERB_HELP || i == VERB_VERSION;
                (void)snprintf(text, sizeof(text), " %s%s", i == VERB_GENERATE ? "[" : is_option ? "--" : "", verb_table[i].name);
                assert_has("--help", help, text);
        }
#define X(id, number, said) assert_has("--help", help, " " #number " " said);
        EXIT_CODES(X)
#undef X
        for (const char *line = help; *line; line += strcspn(line, "\n") + 1, lines++)
                assert_in_range(strcspn(line, "\n"), 0, 80);
        assert_in_range(lines, 10, 23); /* the prompt needs a line, too */
}

/* Every verb's help has the options that go with it, and no other. */
static void test_help_of_verbs(void **state)
{
        char arguments[80], text[128];

        (void)state;
        for (int i = 0; i < VERB_MAX; i++) {
                (void)snprintf(arguments, sizeof(arguments), "%s --help", verb_table[i].name);
                _cleanup_(freep) char *help = output_of_program("imagine", arguments);
                (void)snprintf(arguments, sizeof(arguments), "help %s", verb_table[i].name);
                _cleanup_(freep) char *same = output_of_program("imagine", arguments);
                assert_string_equal(help, same);
                (void)snprintf(text, sizeof(text), "imagine %s [OPTIONS]", verb_table[i].name);
                assert_has(arguments, help, text);
                assert_has(arguments, help, verb_table[i].arguments);
                for (int j = 0; j < OPTION_MAX; j++) {
                        (void)snprintf(text, sizeof(text), "--%s ", option_table[j].name);
                        bool goes = option_table[j].verbs & VERB_BIT(i);
                        if ((strstr(help, text) != NULL) != goes)
                                fail_msg("%s and --%s", arguments, option_table[j].name);
                }
        }
}

/* Who did something wrong is sent to a help that has it. */
static void test_hints(void **state)
{
        _cleanup_(freep) char *bare = output_of_program("imagine", "2>&1 || test $? = 2");
        _cleanup_(freep) char *option = output_of_program("imagine", "--schedule none fox 2>&1 || test $? = 2");
        _cleanup_(freep) char *verb = output_of_program("imagine", "tag 2>&1 || test $? = 2");

        (void)state;
        assert_has("imagine", bare, "'imagine --help' shows");
        assert_has("imagine --schedule none", option, "'imagine generate --help' shows");
        assert_has("imagine tag", verb, "'imagine tag --help' shows");
}

/* What bash offers after these words. */
static char *complete(const char *words, int count)
{
        char command[512];

        (void)snprintf(command, sizeof(command),
                       "bash -c '. client/completions/imagine.bash; COMP_WORDS=(imagine %s); COMP_CWORD=%d; "
                       "_imagine; "
                       "printf \"%%s\\n\" \"\" \"${COMPREPLY[@]}\" \"\"'",
                       words, count);
        return output_of(command);
}

static bool has_line(const char *text, const char *prefix, const char *name)
{
        char line[128];

        (void)snprintf(line, sizeof(line), "\n%s%s\n", prefix, name);
        return strstr(text, line);
}

static void test_completion(void **state)
{
        char words[64];

        (void)state;
        _cleanup_(freep) char *first = complete("\"\"", 1);
        for (int i = 0; i < VERB_MAX; i++) {
                assert_true(has_line(first, "", verb_table[i].name));
                (void)snprintf(words, sizeof(words), "%s --", verb_table[i].name);
                _cleanup_(freep) char *offered = complete(words, 2);
                assert_true(for_each_name(offered, "\n--", assert_is_option) > 0);
                for (int j = 0; j < OPTION_MAX; j++) {
                        bool goes = option_table[j].verbs & VERB_BIT(i);
                        if (has_line(offered, "--", option_table[j].name) != goes)
                                fail_msg("completion of %s --%s", verb_table[i].name, option_table[j].name);
                }
        }
        _cleanup_(freep) char *samplers = complete("fox --sampler \"\"", 3);
        for (int i = SAMPLER_DEFAULT + 1; i < SAMPLER_MAX; i++)
                assert_true(has_line(samplers, "", sampler_to_string((Sampler)i)));
        _cleanup_(freep) char *joined = complete("fox --sampler = eu", 4);
        assert_true(has_line(joined, "", "euler-a") && !has_line(joined, "", "ddim"));
}

/* The value of an option is not taken for the verb. */
static void test_completion_of_verbs(void **state)
{
        char words[64];

        (void)state;
        for (int i = 0; i < OPTION_MAX; i++) {
                if (!option_table[i].argument)
                        continue;
                (void)snprintf(words, sizeof(words), "--%s status --see", option_table[i].name);
                _cleanup_(freep) char *offered = complete(words, 3);
                if (!has_line(offered, "", "--seed"))
                        fail_msg("completion takes the value of --%s for a verb", option_table[i].name);
        }
}

/* Options that are one of several words: what is offered is all that is taken, and what the manual page has. */
static void test_completion_of_words(void **state)
{
        char words[64];
        int found = 0;

        (void)state;
        for (int i = 0; i < OPTION_MAX; i++) {
                Options o = { 0 };
                Error error = { 0 };
                if (!option_table[i].argument || option_read(&o, (OptionId)i, "neither", &error) >= 0 || !strstr(error.text, "none of "))
                        continue;
                (void)snprintf(words, sizeof(words), "%s --%s \"\"", verb_table[__builtin_ctzll(option_table[i].verbs)].name, option_table[i].name);
                _cleanup_(freep) char *offered = complete(words, 3), *entry = read_entry((OptionId)i);
                int n = 0;
                for (char *word = strtok(offered, "\n"); word; word = strtok(NULL, "\n"), n++) {
                        assert_has(option_table[i].name, entry, word);
                        assert_int_equal(option_read(&o, (OptionId)i, word, &error), 0);
                }
                for (const char *comma = error.text; (comma = strchr(comma, ',')); comma++)
                        n--;
                assert_int_equal(n, 1); /* as many as the refusal names */
                found++;
        }
        assert_in_range(found, 8, OPTION_MAX);
}

static const char *known_keys;

static void assert_is_key(const char *name)
{
        char line[128];

        (void)snprintf(line, sizeof(line), "\n#%s = ", name);
        assert_has("imagined.conf", known_keys, line);
}

static int keys;

static void assert_is_documented(const char *name)
{
        _cleanup_(freep) char *manual = read_manual("docs/imagined.conf.5");
        char heading[128];

        if (strchr(name, '-') || name[0] == '\0' || (name[0] >= 'A' && name[0] <= 'Z'))
                return; /* a comment */
        (void)snprintf(heading, sizeof(heading), ".TP\n\\fB%s\\fR = ", name);
        assert_has("imagined.conf(5)", manual, heading);
        keys++;
}

static void test_configuration(void **state)
{
        _cleanup_(freep) char *conf = read_text("conf/imagined.conf"),
                              *manual = read_manual("docs/imagined.conf.5");

        (void)state;
        known_keys = conf;
        keys = 0;
        (void)for_each_name(conf, "\n#", assert_is_documented);
        assert_int_equal(for_each_name(manual, ".TP\n\\fB", assert_is_key), keys);
        assert_in_range(keys, 10, 1000);
}

static void assert_in_overview(const char *name)
{
        _cleanup_(freep) char *manual = read_manual("docs/org.imagined.Imagine1.5");
        char heading[80];

        assert_has("org.imagined.Imagine1(5)", manual, name);
        (void)snprintf(heading, sizeof(heading), "\n\\fB%s\\fR(", name); /* of a method */
        const char *first = strstr(manual, heading);
        if (first && strstr(first + 1, heading))
                fail_msg("org.imagined.Imagine1(5) has %s twice", name);
}

static void test_interface(void **state)
{
        _cleanup_(freep) char *xml = read_text("dbus/org.imagined.Imagine1.xml");

        (void)state;
        assert_in_range(for_each_name(xml, "<method name=\"", assert_in_overview), 8, 100);
        assert_in_range(for_each_name(xml, "<signal name=\"", assert_in_overview), 3, 100);
        assert_in_range(for_each_name(xml, "<property name=\"", assert_in_overview), 10, 100);
}

static const char *told_by_help, *told_by_manual;

static void assert_in_help(const char *name)
{
        char text[80];

        (void)snprintf(text, sizeof(text), "  --%s", name);
        assert_has("--help", told_by_help, text);
}

static void assert_in_manual(const char *name)
{
        char text[80];

        (void)snprintf(text, sizeof(text), "\\fB--%s\\fR", name);
        assert_has("the manual page", told_by_manual, text);
}

static void check_program(const char *program, const char *path)
{
        _cleanup_(freep) char *help = output_of_program(program, "--help"), *manual = read_manual(path);
        char *options = strstr(manual, ".SH OPTIONS"), *end = options ? strstr(options + 1, "\n.SH ") : NULL;

        if (!end) {
                fail_msg("%s has no OPTIONS, or nothing after them", path);
                return;
        }
        *end = '\0';
        told_by_help = help;
        told_by_manual = options;
        int told = for_each_name(help, "  --", assert_in_manual);
        assert_int_equal(for_each_name(options, "\\fB--", assert_in_help), told);
        assert_in_range(told, 3, 100);
}

static void test_programs(void **state)
{
        (void)state;
        check_program("imagined", "docs/imagined.8");
        check_program("imagined-http", "docs/imagined-http.8");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_manual),
                cmocka_unit_test(test_ranges),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_help),
                cmocka_unit_test(test_help_of_verbs),
                cmocka_unit_test(test_hints),
                cmocka_unit_test(test_completion),
                cmocka_unit_test(test_completion_of_verbs),
                cmocka_unit_test(test_completion_of_words),
                cmocka_unit_test(test_configuration),
                cmocka_unit_test(test_interface),
                cmocka_unit_test(test_programs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
