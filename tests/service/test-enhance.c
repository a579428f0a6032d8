/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Enhance on a real bus under the shipped policy: the job, its prompts, its limits, and generators that break. */

#include <jansson.h>

#include "listener.h"

static Place place;

#define enhance_error(bus, job, error, idea, ...) order_error(bus, job, error, "Enhance", idea, __VA_ARGS__)
#define enhance(bus, job, idea, ...) enhance_error(bus, job, NULL, idea, __VA_ARGS__)

static int setup(void **state)
{
        return place_set_up(state, &place, "log_level = \"debug\"; jobs_per_user = 6;", "stub", "stub-slow");
}

/* The full prompt; to be freed. */
static char *get_prompt(sd_bus *bus, const char *path, uint32_t index, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *prompt;

        if (job_call(bus, path, "GetPrompt", error, &reply, "u", index) < 0)
                return NULL;
        assert_true(sd_bus_message_read(reply, "s", &prompt) >= 0);
        return strdup(prompt);
}

/* The same result as JSON, through GetResult. */
static json_t *get_json(sd_bus *bus, const char *path, uint32_t index)
{
        _cleanup_(closep) int fd = get_result(bus, path, index, NULL);
        char data[8192];

        assert_true(fd >= 0);
        ssize_t n = pread(fd, data, sizeof(data), 0);
        assert_true(n > 0);
        json_t *result = json_loadb(data, (size_t)n, 0, NULL);
        assert_non_null(result);
        return result;
}

static const char *field_of(const json_t *result, const char *name)
{
        return json_string_value(json_object_get(json_object_get(result, "fields"), name));
}

static void test_a_prompt(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        char kind[64];
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(enhance(bus, &job, "a red fox", 2, "seed", "t", UINT64_C(7), "count", "u", 2) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        assert_int_equal(heard.pictures, 2);
        assert_non_null(strstr(heard.states, "queued running done "));
        assert_true(job_string(bus, job.path, "Kind", kind) >= 0);
        assert_string_equal(kind, IMAGINE_KIND_PROMPTS);

        _cleanup_(freep) char *first = get_prompt(bus, job.path, 0, NULL), *second = get_prompt(bus, job.path, 1, NULL);
        assert_non_null(first);
        assert_non_null(second);
        assert_string_not_equal(first, second);
        assert_int_equal(strncmp(first, "a red fox", 9), 0);
        assert_true(strlen(first) > 60);
        json_t *result = get_json(bus, job.path, 0);
        assert_string_equal(json_string_value(json_object_get(result, "prompt")), first);
        assert_int_equal(json_integer_value(json_object_get(result, "seed")), 7);
        assert_non_null(field_of(result, "lighting"));
        json_decref(result);
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
}

static void test_same_seed_same_prompt(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(freep) char *prompts[2] = {};
        (void)state;

        for (int i = 0; i < 2; i++) {
                JobRef job;
                assert_true(enhance(bus, &job, "a harbour at night", 1, "seed", "t", UINT64_C(3)) >= 0);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
                prompts[i] = get_prompt(bus, job.path, 0, NULL);
                assert_non_null(prompts[i]);
        }
        assert_string_equal(prompts[0], prompts[1]);
        free(prompts[1]);
        prompts[1] = NULL;
}

static void test_options(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        assert_true(enhance(bus, &job, "a fox", 4, "profile", "s", "storybook", "purpose", "s", "wallpaper", "fields", "a{ss}", 2,
                            "mood", "solemn", "lighting", "", "lineage", "as", 1, "an animal") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        json_t *result = get_json(bus, job.path, 0);
        assert_string_equal(field_of(result, "style"), "storybook illustration");
        assert_string_equal(field_of(result, "mood"), "solemn");
        assert_string_equal(json_string_value(json_object_get(result, "aspect")), "16:9");
        assert_true(json_is_integer(json_object_get(result, "picture-seed")));
        assert_string_equal(json_string_value(json_array_get(json_object_get(result, "lineage"), 0)), "an animal");
        assert_string_equal(json_string_value(json_array_get(json_object_get(result, "lineage"), 1)), "a fox");
        json_decref(result);
}

/* Sentences, and the same in parts. */
static void test_remarks(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *key = "", *word = NULL, *kind = NULL, *value;
        JobRef job;
        (void)state;

        assert_true(enhance(bus, &job, "a fox", 1, "refine", "s", "xyzzy") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(job_call(bus, job.path, "GetPrompt", NULL, &reply, "u", 0) >= 0);
        assert_true(sd_bus_message_skip(reply, "s") >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
        while (!streq(key, "remarks")) {
                assert_true(sd_bus_message_enter_container(reply, 'e', "sv") > 0);
                assert_true(sd_bus_message_read(reply, "s", &key) > 0);
                if (streq(key, "remarks"))
                        break;
                assert_true(sd_bus_message_skip(reply, "v") > 0 && sd_bus_message_exit_container(reply) >= 0);
        }
        assert_true(sd_bus_message_enter_container(reply, 'v', "aa{ss}") > 0 && sd_bus_message_enter_container(reply, 'a', "a{ss}") > 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{ss}") > 0);
        while (sd_bus_message_read(reply, "{ss}", &key, &value) > 0) {
                kind = streq(key, "kind") ? value : kind;
                word = streq(key, "word") ? value : word;
        }
        assert_string_equal(kind, "not-understood");
        assert_string_equal(word, "xyzzy");
        assert_true(sd_bus_message_exit_container(reply) >= 0 && sd_bus_message_at_end(reply, false) > 0);
}

static void assert_refused(sd_bus *bus, const char *name, const char *says, const sd_bus_error *error)
{
        (void)bus;
        assert_true(has_error(error, name));
        if (!strstr(error->message, says))
                fail_msg("'%s' does not say %s", error->message, says);
}

#define assert_call_refused(name, says, idea, ...)                                  \
        do {                                                                        \
                _cleanup_(sd_bus_error_free) sd_bus_error _error = SD_BUS_ERROR_NULL; \
                JobRef _job;                                                        \
                assert_true(enhance_error(bus, &_job, &_error, idea, __VA_ARGS__) < 0); \
                assert_refused(bus, name, says, &_error);                           \
        } while (0)

static void test_wrong_options(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char long_text[8300];
        (void)state;

        memset(long_text, 'a', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "steps", "a fox", 1, "steps", "u", 3);
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "seed", "a fox", 1, "seed", "u", 3);
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "seed", "a fox", 1, "seed", "t", UINT64_MAX);
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "count", "a fox", 1, "count", "u", 0);
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "count", "a fox", 1, "count", "u", 17);
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "given twice", "a fox", 2, "refine", "s", "a", "refine", "s", "b");
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "engine", "a fox", 1, "engine", "s", "oracle");
        assert_call_refused(IMAGINE_ERROR_NOT_CONFIGURED, "Only a user's instance", "a fox", 1, "engine", "s", "chat");
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "server", "a fox", 1, "server", "s", "home");
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "idea", long_text, 0);
        assert_call_refused(IMAGINE_ERROR_INVALID_ARGS, "refine", "a fox", 1, "refine", "s", long_text);
        assert_call_refused(IMAGINE_ERROR_NO_SUCH_MODEL, "", "a fox", 1, "model", "s", "nothing");
}

/* What only the generator can know fails the job, with the same names of errors. */
static void test_wrong_requests(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char name[128];
        JobRef job;
        (void)state;

        assert_true(enhance(bus, &job, " ,; ", 0) >= 0);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(enhance(bus, &job, "a fox", 1, "template", "s", "../portrait") >= 0);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_INVALID_ARGS);
}

static void test_wrong_calls(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_error_free) sd_bus_error missing = SD_BUS_ERROR_NULL, wrong = SD_BUS_ERROR_NULL;
        JobRef job, picture;
        (void)state;

        assert_true(enhance(bus, &job, "a fox", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_null(get_prompt(bus, job.path, 1, &missing));
        assert_true(has_error(&missing, IMAGINE_ERROR_INVALID_ARGS));
        assert_true(generate(bus, &picture, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, picture.path, IMAGINE_STATE_DONE));
        assert_null(get_prompt(bus, picture.path, 0, &wrong));
        assert_true(has_error(&wrong, IMAGINE_ERROR_INVALID_ARGS));
}

/* A picture at work, or one that waits, is no hindrance; and no turn is lost. */
static void test_beside_pictures(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        uint32_t position;
        JobRef slow, waiting, job;
        (void)state;

        place_hold(&place, 1);
        assert_true(generate(bus, &slow, "x", 2, "model", "s", "stub-slow", "steps", "u", 3) >= 0);
        assert_true(wait_for_state(bus, slow.path, IMAGINE_STATE_RUNNING));
        assert_true(generate(bus, &waiting, "x", 2, "model", "s", "stub-slow", "steps", "u", 3) >= 0);
        assert_true(enhance(bus, &job, "a fox", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(job_u32(bus, waiting.path, "QueuePosition", &position) >= 0);
        assert_int_equal(position, 0);
        place_release(&place);
        assert_true(wait_for_state(bus, waiting.path, IMAGINE_STATE_DONE));
}

static void test_nothing_is_logged(void **state)
{
        _cleanup_(freep) char *log = place_log(&place);
        (void)state;

        assert_null(strstr(log, "fox"));
        assert_null(strstr(log, "harbour"));
        assert_non_null(strstr(log, "Job 1 of user"));
}

/* --- generators that break --- */

static void start_with(const char *script)
{
        char path[sizeof(place.directory) + 16];

        (void)snprintf(path, sizeof(path), "%s/writer", place.directory);
        write_file(path, script);
        assert_int_equal(chmod(path, 0755), 0);
        place.writer = path;
        place_stop_service(&place);
        place_start_service(&place, "jobs_per_user = 6;");
        place.writer = NULL;
}

static void assert_fails(const char *script, const char *wanted)
{
        char name[128];
        JobRef job;

        start_with(script);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(enhance(bus, &job, "a fox", 0) >= 0);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, wanted);
}

static void test_broken_generators(void **state)
{
        (void)state;
        assert_fails("#!/bin/sh\nexit 0\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\necho nonsense\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\nexit 3\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\nkill -SEGV $$\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\necho '{\"results\":[{\"prompt\":3}]}'\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\necho '{\"results\":[]}'\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\nexec cat /dev/zero\n", IMAGINE_ERROR_FAILED);
        assert_fails("#!/bin/sh\necho '{\"error\":{\"code\":-22,\"text\":\"no\"}}'\n", IMAGINE_ERROR_INVALID_ARGS);
}

/* More than one's share waits; what is cancelled, or whose caller leaves, is killed. */
static void test_cancelling(void **state)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef jobs[6], surplus;
        (void)state;

        start_with("#!/bin/sh\nexec sleep 1000\n");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place), *other = place_connect(&place);
        for (int i = 0; i < 6; i++)
                assert_true(enhance(i < 4 ? bus : other, &jobs[i], "a fox", 0) >= 0);
        assert_true(enhance_error(bus, &surplus, &error, "a fox", 0) < 0);
        assert_true(has_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED));
        assert_true(wait_for_state(bus, jobs[3].path, IMAGINE_STATE_RUNNING));
        assert_true(wait_for_state(bus, jobs[4].path, IMAGINE_STATE_QUEUED));
        assert_true(job_call(bus, jobs[0].path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, jobs[0].path, IMAGINE_STATE_CANCELLED));
        assert_true(wait_for_state(bus, jobs[4].path, IMAGINE_STATE_RUNNING));
        (void)bus_close(TAKE_PTR(other));
        /* Its jobs are gone, and the place of one is free. */
        while (true) {
                char text[64];
                if (job_string(bus, jobs[5].path, "State", text) < 0)
                        break;
                sleep_ms(5);
        }
        assert_true(enhance(bus, &surplus, "a fox", 0) >= 0);
        assert_true(wait_for_state(bus, surplus.path, IMAGINE_STATE_RUNNING));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_prompt),
                cmocka_unit_test(test_same_seed_same_prompt),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_remarks),
                cmocka_unit_test(test_wrong_options),
                cmocka_unit_test(test_wrong_requests),
                cmocka_unit_test(test_wrong_calls),
                cmocka_unit_test(test_beside_pictures),
                cmocka_unit_test(test_nothing_is_logged),
                cmocka_unit_test(test_broken_generators),
                cmocka_unit_test(test_cancelling),
        };

        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
