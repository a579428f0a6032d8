/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Servers behind a user's instance on a real bus: what it takes to ask them, what comes of it, and that nothing leaves
 * without consent. */

#include <jansson.h>

#include "../net/harness.h"
#include "inputs.h"
#include "listener.h"

#define FOX "A red fox at dawn, golden light, watercolour"

static Place place;
static Fake fake;

static const char *const plays[] = {
        "ok", "seed", "messages", "refusal", "429", "401", "silent", "500", "key", "html",
};

/* Each play as a server of that name; one more with a key. */
static void write_settings(char *text, size_t size, const char *extra)
{
        size_t n = (size_t)snprintf(text, size, "log_level = \"debug\"; engine = \"own\"; %s\n"
                                  "remote = { private = { words = [\"confidential\"]; }; }; servers = (\n", extra);

        for (size_t i = 0; i < ELEMENTSOF(plays); i++)
                n += (size_t)snprintf(text + n, size - n,
                                      "{ name = \"%s\"; url = \"http://127.0.0.1:%u/%s/v1\"; model = \"fake-1\";%s },\n", plays[i],
                                      fake.port, plays[i], streq(plays[i], "key") ? " key = \"openai\";" : "");
        /* 127.1 is this machine, but not by a name that says so. */
        (void)snprintf(text + n, size - n, "{ name = \"far\"; url = \"http://127.1:%u/ok/v1\"; }, { name = \"last\"; url = \"http://127.0.0.1:1/v1\"; } );\n",
                       fake.port);
}

static int set_up(void **state)
{
        char settings[4096], path[PATH_MAX];
        (void)state;

        fake_make(&fake);
        fake_start(&fake, NULL);
        (void)snprintf(path, sizeof(path), "%s/openai", fake.directory);
        write_file(path, THE_KEY "\n");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fake.directory, 1), 0);
        assert_int_equal(setenv("XDG_STATE_HOME", fake.directory, 1), 0);
        assert_int_equal(setenv("XDG_RUNTIME_DIR", fake.directory, 1), 0);
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
        place_open_bus(&place, true);
        place_add_model(&place, "stub");
        write_settings(settings, sizeof(settings), "");
        place_start_service(&place, settings);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        place_close(&place);
        fake_remove(&fake);
        return 0;
}

typedef struct Told { /* of a job that has ended */
        char state[64], error[128];
        char prompt[8192];
        unsigned results;
} Told;

static int call_enhance(sd_bus *bus, sd_bus_error *error, char path[static 128], const char *server, bool dry, unsigned count)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *object;
        uint32_t id;

        int r = manager_call(bus, "Enhance", error, &reply, "sa{sv}", "a fox", 5, "engine", "s", "chat", "server", "s", server,
                             "dry-run", "b", (int)dry, "count", "u", count, "seed", "t", UINT64_C(41));
        if (r >= 0)
                r = sd_bus_message_read(reply, "uo", &id, &object);
        if (r >= 0)
                (void)snprintf(path, 128, "%s", object);
        return r;
}

static void read_prompt(sd_bus *bus, const char *path, uint32_t index, char ret[static 8192])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *prompt;

        assert_true(job_call(bus, path, "GetPrompt", NULL, &reply, "u", index) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &prompt) >= 0);
        (void)snprintf(ret, 8192, "%s", prompt);
}

static Told enhance(sd_bus *bus, const char *server, bool dry)
{
        Told told = {};
        char path[128], state[64];

        assert_true(call_enhance(bus, NULL, path, server, dry, 1) >= 0);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        do {
                assert_true(job_string(bus, path, "State", state) >= 0);
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        } while (!state_is_final(state));
        (void)snprintf(told.state, sizeof(told.state), "%s", state);
        if (streq(state, IMAGINE_STATE_DONE))
                read_prompt(bus, path, 0, told.prompt);
        else
                job_error(bus, path, told.error);
        assert_true(job_call(bus, path, "Release", NULL, NULL, NULL) >= 0);
        return told;
}

static void consent(sd_bus *bus, const char *server, bool given)
{
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", server, (int)given) >= 0);
}

static void assert_nothing_left(void)
{
        assert_int_equal(fake_count(&fake, "connections"), 0);
        assert_int_equal(fake_count(&fake, "received"), 0);
}

static void test_without_consent(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char path[128];
        (void)state;

        fake_forget(&fake);
        assert_true(call_enhance(bus, &error, path, "ok", false, 1) < 0);
        assert_true(has_error(&error, IMAGINE_ERROR_NO_CONSENT));
        assert_non_null(strstr(error.message, "imagine consent grant ok"));
        sd_bus_error_free(&error);
        assert_true(call_enhance(bus, &error, path, "nobody", false, 1) < 0);
        assert_true(has_error(&error, IMAGINE_ERROR_NOT_CONFIGURED));
        assert_nothing_left();
}

/* Not one byte leaves of words and pictures that stay on this machine, wherever they stand. */
#define assert_withheld(bus, idea, ...)                                                                                       \
        do {                                                                                                                  \
                _cleanup_(sd_bus_error_free) sd_bus_error failure = SD_BUS_ERROR_NULL;                                        \
                assert_true(manager_call(bus, "Enhance", &failure, NULL, "sa{sv}", idea, 3, "engine", "s", "chat", "server", "s", \
                                         "far", __VA_ARGS__) < 0);                                                            \
                assert_true(has_error(&failure, IMAGINE_ERROR_WITHHELD));                                                     \
        } while (0)

static void test_what_is_private(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)state;

        consent(bus, "far", true);
        fake_forget(&fake);
        assert_withheld(bus, "a Confidential fox", "count", "u", 1);
        assert_withheld(bus, "a fox", "refine", "s", "make it confidential");
        assert_withheld(bus, "a fox", "fields", "a{ss}", 1, "mood", "confidential");
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/rgb.png", SIZE_MAX);
        assert_withheld(bus, "what is to be seen?", "picture", "h", picture);
        assert_nothing_left();
        consent(bus, "far", false);
}

static void test_dry_run(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)state;

        fake_forget(&fake);
        Told told = enhance(bus, "key", true);
        assert_string_equal(told.state, IMAGINE_STATE_DONE);
        assert_int_equal(strncmp(told.prompt, "POST /key/v1/chat/completions HTTP/1.1\r\n", 40), 0);
        assert_non_null(strstr(told.prompt, "Authorization: Bearer <the key openai>\r\n"));
        assert_non_null(strstr(told.prompt, "You will now act as a prompt generator"));
        assert_non_null(strstr(told.prompt, "\"a fox\""));
        assert_nothing_left();
}

static void test_asked(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char path[128], prompt[8192];
        (void)state;

        consent(bus, "ok", true);
        Told told = enhance(bus, "ok", false);
        assert_string_equal(told.state, IMAGINE_STATE_DONE);
        assert_string_equal(told.prompt, FOX);
        told = enhance(bus, "", false); /* the first is the usual one */
        assert_string_equal(told.prompt, FOX);

        consent(bus, "seed", true);
        assert_true(call_enhance(bus, NULL, path, "seed", false, 3) >= 0);
        assert_true(wait_for_state(bus, path, IMAGINE_STATE_DONE));
        for (uint32_t i = 0; i < 3; i++) {
                char expected[32];
                read_prompt(bus, path, i, prompt);
                (void)snprintf(expected, sizeof(expected), "seed %u", 41 + i);
                assert_string_equal(prompt, expected);
        }
}

/* The server's words, taken apart by the generator, and what they were made of. */
static void test_fields(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char path[128], data[8192];
        (void)state;

        consent(bus, "ok", true);
        assert_true(call_enhance(bus, NULL, path, "ok", false, 1) >= 0);
        assert_true(wait_for_state(bus, path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, path, 0, NULL);
        ssize_t n = pread(fd, data, sizeof(data), 0);
        assert_true(n > 0);
        json_t *result = json_loadb(data, (size_t)n, 0, NULL);
        assert_string_equal(json_string_value(json_array_get(json_object_get(result, "lineage"), 0)), "a fox");
        assert_non_null(json_object_get(json_object_get(result, "fields"), "subject"));
        assert_non_null(json_string_value(json_object_get(result, "model-prompt")));
        json_decref(result);
}

/* A refinement is a conversation: what was asked, what was said, what is to change. */
static void test_refinement(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        char prompt[8192];
        uint32_t id;
        (void)state;

        consent(bus, "messages", true);
        assert_true(manager_call(bus, "Enhance", NULL, &reply, "sa{sv}", "A fox in snow", 4, "engine", "s", "chat", "server", "s",
                                 "messages", "refine", "s", "warmer", "lineage", "as", 1, "a fox") >= 0);
        assert_true(sd_bus_message_read(reply, "uo", &id, &path) >= 0);
        assert_true(wait_for_state(bus, path, IMAGINE_STATE_DONE));
        read_prompt(bus, path, 0, prompt);
        json_t *messages = json_loads(prompt, 0, NULL);
        assert_int_equal(json_array_size(messages), 4);
        assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 1), "content")), "a fox");
        assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 2), "content")), "A fox in snow");
        assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 2), "role")), "assistant");
        assert_non_null(strstr(json_string_value(json_object_get(json_array_get(messages, 3), "content")), "warmer"));
        json_decref(messages);
}

static void test_failures(void **state)
{
        static const struct {
                const char *server, *error;
        } cases[] = {
                { "refusal", IMAGINE_ERROR_REFUSED },        { "429", IMAGINE_ERROR_RATE_LIMITED },
                { "401", IMAGINE_ERROR_KEY_REJECTED },       { "500", IMAGINE_ERROR_SERVER_FAILED },
                { "html", IMAGINE_ERROR_SERVER_FAILED },     { "last", IMAGINE_ERROR_UNREACHABLE },
        };
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                consent(bus, cases[i].server, true);
                Told told = enhance(bus, cases[i].server, false);
                assert_string_equal(told.state, IMAGINE_STATE_FAILED);
                assert_string_equal(told.error, cases[i].error);
        }
}

static void wait_until_left(void)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (fake_count(&fake, "left") == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

static void test_cancel(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char path[128];
        (void)state;

        fake_forget(&fake);
        consent(bus, "silent", true);
        assert_true(call_enhance(bus, NULL, path, "silent", false, 1) >= 0);
        while (fake_count(&fake, "received") == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        assert_true(job_call(bus, path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, path, IMAGINE_STATE_CANCELLED));
        wait_until_left();
}

/* "NAME consent" of each server that has it. */
static void list(sd_bus *bus, char ret[static 1024])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name, *key;
        size_t n = 0;
        int flag;

        ret[0] = '\0';
        assert_true(manager_call(bus, "ListServers", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(sa{sv})") > 0);
        while (sd_bus_message_enter_container(reply, 'r', "sa{sv}") > 0) {
                assert_true(sd_bus_message_read(reply, "s", &name) > 0);
                assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
                while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                        assert_true(sd_bus_message_read(reply, "s", &key) > 0);
                        if (!streq(key, "consent"))
                                assert_true(sd_bus_message_skip(reply, "v") > 0);
                        else if (sd_bus_message_read(reply, "v", "b", &flag) > 0 && flag)
                                n += (size_t)snprintf(ret + n, 1024 - n, "%s ", name);
                        assert_true(sd_bus_message_exit_container(reply) >= 0);
                }
                assert_true(sd_bus_message_exit_container(reply) >= 0 && sd_bus_message_exit_container(reply) >= 0);
        }
}

/* Taking it back holds at once; and what is broken, or for another address, is no consent. */
static void test_consent(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char path[PATH_MAX], listed[1024], object[128], text[256];
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(plays); i++)
                consent(bus, plays[i], streq(plays[i], "ok"));
        consent(bus, "last", true);
        list(bus, listed);
        assert_string_equal(listed, "ok last ");
        assert_true(manager_call(bus, "SetConsent", &error, NULL, "sb", "nobody", 1) < 0);
        assert_true(has_error(&error, IMAGINE_ERROR_NOT_CONFIGURED));
        sd_bus_error_free(&error);
        consent(bus, "nobody", false);

        (void)snprintf(path, sizeof(path), "%s/imagined/consent.json", fake.directory);
        (void)snprintf(text, sizeof(text), "{\"format\": 1, \"servers\": {\"ok\": {\"url\": \"http://127.0.0.1:1/v1\"}, \"key\": 7}}");
        write_file(path, text);
        list(bus, listed);
        assert_string_equal(listed, "");
        fake_forget(&fake);
        assert_true(call_enhance(bus, &error, object, "ok", false, 1) < 0);
        assert_true(has_error(&error, IMAGINE_ERROR_NO_CONSENT));
        assert_nothing_left();
        (void)snprintf(text, sizeof(text), "{\"format\": 1, \"servers\": {\"ok\": {\"url\": \"http://127.0.0.1:%u/ok/v1\"}}}", fake.port);
        write_file(path, text);
        list(bus, listed);
        assert_string_equal(listed, "ok ");
        assert_int_equal(chmod(path, 0666), 0); /* others could have written it */
        list(bus, listed);
        assert_string_equal(listed, "");
        write_file(path, "fox");
        list(bus, listed);
        assert_string_equal(listed, "");
        assert_int_equal(unlink(path), 0);
}

/* The socket of the user's manager, here with another one that accepts for it. */
static void test_socket(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char program[PATH_MAX], path[PATH_MAX], settings[4096];
        struct stat st;
        (void)state;

        if (system("command -v systemd-socket-activate >/dev/null 2>&1") != 0)
                skip();
        place_stop_service(&place);
        (void)snprintf(path, sizeof(path), "%s/imagined", fake.directory);
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        (void)snprintf(path, sizeof(path), "%s/imagined/net", fake.directory);
        pid_t pid = fork_child();
        if (pid == 0) {
                (void)execlp("systemd-socket-activate", "systemd-socket-activate", "--seqpacket", "--accept",
                             "-E", "IMAGINED_NET_TEST_WAIT_MS", "-l", path, built("imagined-net", program), "--socket", "3", (char *)NULL);
                _exit(127);
        }
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (stat(path, &st) < 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        /* No other program could be the one that asks. (The last setting of a name holds.) */
        write_settings(settings, sizeof(settings), "");
        place_write_config(&place, settings);
        char command[2 * PATH_MAX];
        (void)snprintf(command, sizeof(command), "sed -i 's,^net_worker = .*,net_worker = \"/bin/false\";,' %s/imagined.conf", place.directory);
        assert_int_equal(system(command), 0);
        place_spawn_service(&place);
        while (!name_is_owned(bus, IMAGINE_BUS_NAME)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        consent(bus, "ok", true);
        Told told = enhance(bus, "ok", false);
        assert_string_equal(told.prompt, FOX);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        assert_int_equal(unlink(path), 0);
        told = enhance(bus, "ok", false); /* and that one is none */
        assert_string_equal(told.state, IMAGINE_STATE_FAILED);
        assert_string_equal(told.error, IMAGINE_ERROR_WORKER_DIED);
}

/* Neither key nor prompt stands in the service's log, at its most talkative. */
static void test_log(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)state;

        place_stop_service(&place);
        char settings[4096];
        write_settings(settings, sizeof(settings), "");
        place_start_service(&place, settings);
        consent(bus, "key", true);
        fake_forget(&fake);
        Told told = enhance(bus, "key", false);
        assert_string_equal(told.state, IMAGINE_STATE_DONE);
        _cleanup_(freep) char *received = fake_file(&fake, "received"), *log = place_log(&place);
        assert_non_null(strstr(received, THE_KEY));
        assert_null(strstr(told.prompt, THE_KEY));
        assert_null(strstr(log, "sk-test"));
        assert_null(strstr(log, "a fox"));
        assert_null(strstr(log, "watercolour"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_consent), cmocka_unit_test(test_dry_run),  cmocka_unit_test(test_asked),
                cmocka_unit_test(test_fields),          cmocka_unit_test(test_refinement), cmocka_unit_test(test_failures),
                cmocka_unit_test(test_cancel),          cmocka_unit_test(test_consent),  cmocka_unit_test(test_socket),
                cmocka_unit_test(test_log),             cmocka_unit_test(test_what_is_private),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
