/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program's options, and the files that it reads as the machine's and as a user's instance. */

#include "calls.h"

static char directory[64];

static int setup(void **state)
{
        (void)state;
        (void)snprintf(directory, sizeof(directory), "/tmp/imagined-test-XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        (void)setenv("HOME", directory, 1);
        (void)unsetenv("XDG_CONFIG_HOME");
        (void)unsetenv("XDG_DATA_HOME");
        return 0;
}

static int teardown(void **state)
{
        char command[128];
        (void)state;
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
        IGNORE(system(command));
        return 0;
}

/* Runs the program to its end; what it says is kept in *ret. Returns the exit status. */
static int run(const char *arguments, char ret[static 8192])
{
        char command[2 * PATH_MAX], program[PATH_MAX];

        (void)snprintf(command, sizeof(command), "'%s' %s 2>&1", built("imagined", program), arguments);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        size_t n = fread(ret, 1, 8191, pipe);
        ret[n] = '\0';
        int status = pclose(pipe);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_options(void **state)
{
        char out[8192];
        (void)state;

        assert_int_equal(run("--version", out), 0);
        assert_string_equal(out, "imagined " VERSION "\n");
        assert_int_equal(run("--help", out), 0);
        assert_non_null(strstr(out, "--check-config"));
        assert_int_equal(run("--nonsense", out), 64);
        assert_int_equal(run("--user extra", out), 64);
        assert_non_null(strstr(out, "extra: unexpected argument"));
        assert_int_equal(run("--check-config --config conf/imagined.conf", out), 0);
        assert_string_equal(out, "");
        assert_int_equal(run("--check-config --config /nonexistent", out), 78);
        assert_non_null(strstr(out, "/nonexistent: No such file"));
}

static void write_personal(const char *variable, const char *text)
{
        char path[PATH_MAX], command[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, variable);
        (void)snprintf(command, sizeof(command), "mkdir -p '%.200s/imagined'", path);
        assert_int_equal(system(command), 0);
        (void)snprintf(path, sizeof(path), "%s/%s/imagined/imagined.conf", directory, variable);
        write_file(path, text);
}

static void test_personal_file(void **state)
{
        char out[8192], where[PATH_MAX];
        (void)state;

        /* It need not be there. */
        assert_int_equal(run("--user --check-config", out), 0);

        write_personal(".config", "threads = 1;\nnonsense = 2;\n");
        assert_int_equal(run("--user --check-config", out), 78);
        (void)snprintf(where, sizeof(where), "%s/.config/imagined/imagined.conf:2: nonsense is no key", directory);
        assert_non_null(strstr(out, where));
        /* It is nothing to the machine's instance, nor where another file is named. */
        assert_int_equal(run("--system --check-config", out), 0);
        assert_int_equal(run("--user --check-config --config conf/imagined.conf", out), 0);

        (void)snprintf(where, sizeof(where), "%s/elsewhere", directory);
        assert_int_equal(setenv("XDG_CONFIG_HOME", where, 1), 0);
        assert_int_equal(run("--user --check-config", out), 0);
        write_personal("elsewhere", "threads = \"1\";\n");
        assert_int_equal(run("--user --check-config", out), 78);
        assert_non_null(strstr(out, "/elsewhere/imagined/imagined.conf:1: threads must be a whole number"));
        (void)unsetenv("XDG_CONFIG_HOME");
}

/* A user's instance serves the session bus and finds the models in the user's data directory first. */
static void test_personal_models(void **state)
{
        char text[2 * PATH_MAX], worker[PATH_MAX], program[PATH_MAX];
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *json;
        Place place;
        (void)state;

        place_open(&place);
        (void)snprintf(text, sizeof(text), "worker = \"%s\";\n", built("tests/service/stub-worker", worker));
        write_personal(".config", text);
        (void)snprintf(
                        text, sizeof(text), "mkdir -p '%s/data/imagined/models/stub-mine' && "
                        "echo '{}' >'%s/data/imagined/models/stub-mine/model_index.json'", directory, directory);
        assert_int_equal(system(text), 0);
        (void)snprintf(text, sizeof(text), "%s/data", directory);
        assert_int_equal(setenv("XDG_DATA_HOME", text, 1), 0);

        place.service = fork_child();
        if (place.service == 0) {
                const char *path = built("imagined", program);
                (void)setenv("DBUS_SESSION_BUS_ADDRESS", place.address, 1);
                (void)execl(path, path, "--user", (char *)NULL);
                _exit(127);
        }
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (!name_is_owned(bus, IMAGINE_BUS_NAME)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }

        JobRef job;
        char model[64];
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(job_string(bus, job.path, "Model", model) >= 0);
        assert_string_equal(model, "stub-mine");
        assert_true(manager_call(bus, "Describe", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &json) >= 0);
        assert_non_null(strstr(json, "stub-mine"));
        (void)unsetenv("XDG_DATA_HOME");
        place_close(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_personal_file),
                cmocka_unit_test(test_personal_models),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
