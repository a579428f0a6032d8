/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "config.h"

static char path[64];

static int setup(void **state)
{
        (void)state;
        log_set_max_level(LOG_EMERG); /* faults are wanted here */
        (void)snprintf(path, sizeof(path), "/tmp/imagined-test-XXXXXX");
        int fd = mkstemp(path);
        return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
        (void)state;
        return unlink(path);
}

static int load(Config *config, const char *text, Error *error)
{
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        return config_load(config, path, error);
}

static void assert_fault(const char *text, unsigned line, const char *what)
{
        _cleanup_(config_freep) Config *config = NULL;
        Error error = {};
        char place[96];

        assert_int_equal(config_new(&config), 0);
        assert_int_equal(load(config, text, &error), -EINVAL);
        (void)snprintf(place, sizeof(place), "%s:%u: ", path, line);
        if (!strstr(error.text, place) || !strstr(error.text, what))
                fail_msg("'%s' is not '%s … %s'", error.text, place, what);
        /* Nothing of a broken file holds. */
        assert_int_equal(config->jobs_total, 64);
}

static void test_values(void **state)
{
        _cleanup_(config_freep) Config *config = NULL;
        (void)state;

        assert_int_equal(config_new(&config), 0);
        assert_int_equal(config->idle_unload_seconds, 600);
        assert_int_equal(config_precision(config), PRECISION_AUTO);
        assert_false(config->preload);
        assert_int_equal(
                        load(config,
                             "preload = true;\nmodels = [\"/a\", \"/b\"];\njobs_total = 7\n"
                             "result_bytes_total = 8589934592L; result_bytes_per_user = 4294967296L; /* 99999999999 */\n"
                             "default_model = \"fox\"; log_level = \"debug\";\n",
                             NULL),
                        0);
        assert_true(config->preload);
        assert_string_equal(config->models[0], "/a");
        assert_string_equal(config->models[1], "/b");
        assert_null(config->models[2]);
        assert_int_equal(config->jobs_total, 7);
        assert_int_equal(config->result_bytes_total, UINT64_C(8589934592));
        assert_int_equal(config->result_bytes_per_user, UINT64_C(4294967296));
        assert_string_equal(config->default_model, "fox");
        assert_int_equal(config_log_level(config), LOG_DEBUG);

        assert_int_equal(config_prepend_models(config, "/mine"), 0);
        assert_string_equal(config->models[0], "/mine");
        assert_string_equal(config->models[2], "/b");

        /* A second file says only what is different. */
        assert_int_equal(load(config, "threads = 3; precision = \"int8\";", NULL), 0);
        assert_int_equal(config->threads, 3);
        assert_int_equal(config_precision(config), PRECISION_INT8);
        assert_int_equal(config->jobs_total, 7);
}

static void test_faults(void **state)
{
        (void)state;
        assert_fault("jobs_total = 3;\nfoo = 1;\n", 2, "foo is no key");
        assert_fault("\n\njobs_total = \"3\";", 3, "jobs_total must be a whole number");
        assert_fault("jobs_total = 3.5;", 1, "jobs_total must be a whole number");
        assert_fault("jobs_total = true;", 1, "jobs_total must be a whole number");
        assert_fault("jobs_total = 0;", 1, "out of its range");
        assert_fault("jobs_total = -1;", 1, "out of its range");
        assert_fault("jobs_total = 10001;", 1, "out of its range");
        /* The library would take these for 1. */
        assert_fault("/* \n */ # 1\njobs_total = 4294967297;", 3, "needs an L");
        assert_fault("worker = \"\\\"4294967297\";\njobs_total = 0x100000001;", 2, "needs an L");
        assert_fault("idle_unload_seconds = 9223372036854775807L;", 1, "out of its range");
        assert_fault("preload = 1;", 1, "preload must be true or false");
        assert_fault("worker = 5;", 1, "worker must be a string");
        assert_fault("models = \"/a\";", 1, "must be an array");
        assert_fault("models = [\"a\"];", 1, "absolute");
        assert_fault("models = [1, 2];", 1, "absolute");
        assert_fault("log_level = \"loud\";", 1, "must be error, warning");
        assert_fault("on_battery = \"fast\";", 1, "must be normal, batch-waits or slow");
        assert_fault("precision = \"f16\";", 1, "precision must be auto, f32, bf16 or int8");
        assert_fault("precision = 16;", 1, "precision must be a string");
        assert_fault("jobs_total = 3;\nthreads = = 4;\n", 2, "syntax error");
        assert_fault("jobs_total = 3;\njobs_total = 4;\n", 2, "");
        assert_fault("threads = { a = 1; };", 1, "must be a whole number");
}

static void test_files_that_are_none(void **state)
{
        _cleanup_(config_freep) Config *config = NULL;
        (void)state;

        assert_int_equal(config_new(&config), 0);
        assert_int_equal(config_load(config, "/nonexistent/imagined.conf", NULL), -ENOENT);
        assert_int_equal(config_load(config, "/tmp", NULL), -EISDIR);
        assert_int_equal(config_load(config, "/dev/zero", NULL), -EINVAL);

        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite("a\0b", 1, 3, file), 3);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(config_load(config, path, NULL), -EBADMSG);
        assert_int_equal(truncate(path, 2 << 20), 0);
        assert_int_equal(config_load(config, path, NULL), -EFBIG);
        assert_int_equal(load(config, "", NULL), 0);
}

static void replace(char *text, size_t size, const char *from, const char *to)
{
        char *p = strstr(text, from);
        if (!p)
                return;
        char tail[1024];
        (void)snprintf(tail, sizeof(tail), "%s", p + strlen(from));
        (void)snprintf(p, size - (size_t)(p - text), "%s%s", to, tail);
}

/* The file that is shipped says "#KEY = DEFAULT;" for each key of the table, in any order, and nothing else. */
static void test_shipped_file(void **state)
{
        _cleanup_(fclosep) FILE *file = fopen("conf/imagined.conf", "re");
        char line[1024], all[16384] = "";
        bool seen[64] = {};
        (void)state;

        assert_non_null(file);
        assert_true(config_n_keys <= ELEMENTSOF(seen));
        while (fgets(line, sizeof(line), file)) {
                char name[64];
                if (line[0] == '\n')
                        continue;
                assert_int_equal(line[0], '#');
                if (!islower(line[1]) || sscanf(line, "#%63[a-z_] = ", name) != 1)
                        continue;

                size_t i = 0;
                while (i < config_n_keys && !streq(config_keys[i].name, name))
                        i++;
                if (i == config_n_keys)
                        fail_msg("%s is no key", name);
                assert_false(seen[i]);
                seen[i] = true;

                /* Written as for Debian, compared as built here. */
                replace(line, sizeof(line), "/usr/share", DATADIR);
                replace(line, sizeof(line), "/etc", SYSCONFDIR);
                replace(line, sizeof(line), "/usr/libexec/imagined", LIBEXECDIR);
                char expected[1024];
                (void)snprintf(expected, sizeof(expected), "#%s = %s;\n", name, config_keys[i].fallback);
                assert_string_equal(line, expected);
                (void)strncat(all, line + 1, sizeof(all) - strlen(all) - 1);
        }
        for (size_t i = 0; i < config_n_keys; i++)
                if (!seen[i])
                        fail_msg("conf/imagined.conf does not speak of %s", config_keys[i].name);

        _cleanup_(config_freep) Config *config = NULL;
        assert_int_equal(config_new(&config), 0);
        assert_int_equal(load(config, all, NULL), 0);
        assert_int_equal(config_load(config, "conf/imagined.conf", NULL), 0);
}

/* What imagined.conf(5) says of a key, with plain quotes and dashes. */
static void read_manual(const char *manual, const char *name, char *ret, size_t size)
{
        char heading[128];
        size_t n = 0;

        (void)snprintf(heading, sizeof(heading), ".TP\n\\fB%s\\fR = ", name);
        const char *p = strstr(manual, heading);
        if (!p) {
                fail_msg("imagined.conf(5) does not speak of %s", name);
                return;
        }
        for (p += strlen(heading); strncmp(p, "\n.TP\n\\fB", 8) != 0 && strncmp(p, "\n.SH", 4) != 0; p++) {
                assert_in_range(n, 0, size - 2);
                if (strncmp(p, "\\(dq", 4) == 0) {
                        ret[n++] = '"';
                        p += 3;
                } else if (*p != '\\') {
                        ret[n++] = *p;
                }
        }
        ret[n] = '\0';
}

/* The default is nothing, or a place below the prefix. */
static bool is_told_in_words(ConfigType type)
{
        return type == CONFIG_STRING || type == CONFIG_PATHS || type == CONFIG_SERVERS || type == CONFIG_REMOTE;
}

/* Ranges and defaults are the table's. */
static void test_manual(void **state)
{
        _cleanup_(fclosep) FILE *file = fopen("docs/imagined.conf.5", "re");
        static char manual[1 << 16], entry[1 << 14];
        (void)state;

        assert_non_null(file);
        manual[fread(manual, 1, sizeof(manual) - 1, file)] = '\0';
        assert_true(feof(file));
        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                char wanted[1024];
                read_manual(manual, key->name, entry, sizeof(entry));
                (void)snprintf(wanted, sizeof(wanted), "%" PRIu64 " to %" PRIu64, key->low, key->high);
                if (key->type == CONFIG_NUMBER && key->high < INT64_MAX && !strstr(entry, wanted))
                        fail_msg("imagined.conf(5) does not say of %s: %s", key->name, wanted);
                (void)snprintf(wanted, sizeof(wanted), "Default: %s.", key->fallback);
                if (!is_told_in_words(key->type) && !strstr(entry, wanted))
                        fail_msg("imagined.conf(5) does not say of %s: %s", key->name, wanted);
        }
}

static void test_servers(void **state)
{
        _cleanup_(config_freep) Config *config = NULL;
        (void)state;

        assert_int_equal(config_new(&config), 0);
        assert_int_equal(config->servers->n, 0);
        assert_int_equal(
                        load(config,
                             "servers = ( { name = \"home\"; url = \"http://127.0.0.1:11434/v1\"; key = \"k\"; },\n"
                             "{ name = \"far\"; url = \"https://api.example/v1\"; model = \"m\"; key = \"openai\"; vision = true;\n"
                             "stream = true; temperature = 1; tokens = 300; seconds = 60; tries = 1; ca = \"/ca.pem\"; role = \"/r\"; } );",
                             NULL),
                        0);
        assert_int_equal(config->servers->n, 2);
        const Server *far = config_find_server(config->servers, "far");
        assert_non_null(far);
        assert_string_equal(far->url, "https://api.example/v1");
        assert_true(far->vision && far->stream && far->temperature == 1 && far->tokens == 300);
        assert_int_equal(far->seconds, 60);
        assert_string_equal(config->servers->items[0].dialect, "chat");
        assert_true(config->servers->items[0].temperature < 0);
        assert_null(config_find_server(config->servers, "f"));
        /* What a later file does not name stays. */
        assert_int_equal(load(config, "jobs_total = 9;", NULL), 0);
        assert_int_equal(config->servers->n, 2);
        assert_int_equal(load(config, "servers = ();", NULL), 0);
        assert_int_equal(config->servers->n, 0);
}

static void test_server_faults(void **state)
{
        static const struct {
                const char *inside, *what;
        } faults[] = {
                { "url = \"https://a/v1\";", "needs a name" },
                { "name = \"a b\"; url = \"https://a/v1\";", "needs a name" },
                { "name = \"a\";", "url must be" },
                { "name = \"a\"; url = \"ftp://a\";", "url must be" },
                { "name = \"a\"; url = \"file:///etc/passwd\";", "url must be" },
                { "name = \"a\"; url = \"https://\";", "url must be" },
                { "name = \"a\"; url = \"https://me:secret@a/v1\";", "no user" },
                { "name = \"a\"; url = \"https://a/v1?key=secret\";", "no user" },
                { "name = \"a\"; url = \"http://a/v1\"; key = \"k\";", "https:// only" },
                { "name = \"a\"; url = \"http://127.0.0.1.example/v1\"; key = \"k\";", "https:// only" },
                { "name = \"a\"; url = \"https://a/v1\"; key = \"sk-secret/with+signs\";", "the key's name" },
                { "name = \"a\"; url = \"https://a/v1\"; ca = \"ca.pem\";", "absolute" },
                { "name = \"a\"; url = \"https://a/v1\"; dialect = \"telnet\";", "dialect must be one of chat openai-images" },
                { "name = \"a\"; url = \"https://a/v1\"; dialect = \"program\";", "path of the program" },
                { "name = \"a\"; url = \"https://a\"; dialect = \"comfyui\";", "needs a workflow" },
                { "name = \"a\"; url = \"/bin/true\";", "url must be" },
                { "name = \"a\"; url = \"https://a/v1\"; price = -0.1;", "price is out of its range" },
                { "name = \"a\"; url = \"https://a/v1\"; price = \"0\";", "price must be a number" },
                { "name = \"a\"; url = \"https://a/v1\"; currency = \"eur\";", "three capital letters" },
                { "name = \"a\"; url = \"https://a/v1\"; purposes = \"icon\";", "array of strings" },
                { "name = \"a\"; url = \"https://a/v1\"; purposes = [\"\"];", "empty" },
                { "name = \"a\"; url = \"https://a/v1\"; workflow = \"w.json\";", "absolute" },
                { "name = \"a\"; url = \"https://a/v1\"; tries = 0;", "tries is out of its range" },
                { "name = \"a\"; url = \"https://a/v1\"; tokens = 1.5;", "tokens must be a whole number" },
                { "name = \"a\"; url = \"https://a/v1\"; temperature = 2.5;", "temperature is out of its range" },
                { "name = \"a\"; url = \"https://a/v1\"; vision = 1;", "vision must be true or false" },
                { "name = \"a\"; url = \"https://a/v1\"; model = \"a\\x0a\";", "control characters" },
                { "name = \"a\"; url = \"https://a/v1\"; colour = \"red\";", "colour is no key" },
                { "name = \"local\"; url = \"https://a/v1\";", "the resident model is" },
                { "name = \"a\"; url = \"https://a/v1\"; }, { name = \"a\"; url = \"https://b/v1\";", "same name" },
        };
        char text[512];
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                (void)snprintf(text, sizeof(text), "\nservers = ( { %s } );", faults[i].inside);
                assert_fault(text, 2, faults[i].what);
        }
        assert_fault("servers = [ \"a\" ];", 1, "must be a list");
        assert_fault("servers = ( \"a\" );", 1, "list of groups");
        assert_fault("servers = \"https://a/v1\";", 1, "must be a list");
}

static void test_remote(void **state)
{
        _cleanup_(config_freep) Config *config = NULL;
        (void)state;

        assert_int_equal(config_new(&config), 0);
        assert_string_equal(config->remote->budget.currency, "");
        assert_true(config->remote->privacy.pictures);
        assert_int_equal(load(config,
                              "remote = { budget = { currency = \"EUR\"; picture = 0.1; day = 1; }; private = { words = [\"x\", \"y z\"]; pictures = false; };\n"
                              "restrictions = ( { words = (\"w\"); reason = \"so\"; } ); routes = ( { providers = [\"local\"]; }, { purpose = \"p\"; price = 0; providers = [\"a\", \"b\"]; here = true; } ); };",
                              NULL), 0);
        const RemoteRules *rules = config->remote;
        assert_string_equal(rules->budget.currency, "EUR");
        assert_true(rules->budget.picture == 100000 && rules->budget.day == MONEY_UNIT && rules->budget.month == MONEY_UNKNOWN);
        assert_string_equal(rules->privacy.words.text, "x\ny z\n");
        assert_false(rules->privacy.pictures);
        assert_true(rules->n_restrictions == 1 && rules->n_routes == 2);
        assert_int_equal(rules->routes[0].price, MONEY_UNKNOWN);
        assert_int_equal(rules->routes[1].price, 0);
        assert_string_equal(rules->routes[1].providers.text, "a\nb\n");

        assert_fault("remote = 1;", 1, "must be a group");
        assert_fault("remote = { colour = 1; };", 1, "only");
        assert_fault("remote = { budget = { day = 1; }; };", 1, "needs a currency");
        assert_fault("remote = { budget = 5; };", 1, "budget must be a group");
        assert_fault("remote = { budget = { currency = \"EUR\"; day = \"1\"; }; };", 1, "day must be a number");
        assert_fault("remote = { private = [\"x\"]; };", 1, "private must be a group");
        assert_fault("remote = { routes = { }; };", 1, "lists of groups");
        assert_fault("remote = { routes = ( 1 ); };", 1, "lists of groups");
        assert_fault("remote = { routes = ( { purpose = \"p\"; } ); };", 1, "needs providers");
        assert_fault("remote = { restrictions = ( { providers = [\"a\"]; } ); };", 1, "needs words");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_servers),
                cmocka_unit_test(test_server_faults),
                cmocka_unit_test(test_remote),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_files_that_are_none),
                cmocka_unit_test(test_shipped_file),
                cmocka_unit_test(test_manual),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
