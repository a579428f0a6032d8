/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two users on a system bus under the shipped policy: the one neither sees nor touches nor overhears the other's jobs. */

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, "default_model = \"stub\";", "stub", "stub-slow");
}

/* Names the first thing that another user must not get from a call. */
static const char *answer_of(sd_bus *bus, const char *path, const char *interface, const char *member, const char *types,
                             const char *argument)
{
        static char name[256];
        sd_bus_error error = SD_BUS_ERROR_NULL;

        int r = sd_bus_call_method(bus, IMAGINE_BUS_NAME, path, interface, member, &error, NULL, types, argument);
        (void)snprintf(name, sizeof(name), "%s", r >= 0 ? "an answer" : error.name);
        sd_bus_error_free(&error);
        return name;
}

static bool introspection_mentions(sd_bus *bus, const char *path, const char *needle)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *xml;

        int r = sd_bus_call_method(
                        bus, IMAGINE_BUS_NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect", NULL, &reply,
                        NULL);
        if (r < 0)
                return false;
        CHECK(sd_bus_message_read(reply, "s", &xml) >= 0);
        return strstr(xml, needle) != NULL;
}

static size_t count_jobs(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        size_t n = 0;

        CHECK(manager_call(bus, "ListJobs", NULL, &reply, NULL) >= 0);
        CHECK(sd_bus_message_enter_container(reply, 'a', "(uosd)") > 0);
        while (sd_bus_message_skip(reply, "(uosd)") > 0)
                n++;
        return n;
}

static int look_around(sd_bus *bus, void *data)
{
        const char *path = data;

        CHECK(count_jobs(bus) == 0);
        CHECK(!introspection_mentions(bus, IMAGINE_JOB_PREFIX, "_1"));
        CHECK(!introspection_mentions(bus, path, IMAGINE_JOB_INTERFACE));
        static const char *const members[] = { "Cancel", "GetPreview", "Release" };
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                CHECK(streq(answer_of(bus, path, IMAGINE_JOB_INTERFACE, members[i], NULL, NULL),
                            SD_BUS_ERROR_UNKNOWN_OBJECT));
        sd_bus_error error = SD_BUS_ERROR_NULL;
        CHECK(job_call(bus, path, "GetResult", &error, NULL, "u", 0) < 0);
        CHECK(sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT));
        sd_bus_error_free(&error);
        CHECK(streq(answer_of(bus, path, "org.freedesktop.DBus.Properties", "GetAll", "s", IMAGINE_JOB_INTERFACE),
                    SD_BUS_ERROR_UNKNOWN_OBJECT));
        CHECK(streq(answer_of(bus, path, "org.freedesktop.DBus.Properties", "GetAll", "s", ""),
                    SD_BUS_ERROR_UNKNOWN_OBJECT));
        CHECK(streq(answer_of(bus, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Watch", "o", path),
                    IMAGINE_ERROR_NO_SUCH_JOB));

        /* What does not exist looks the same. */
        CHECK(streq(answer_of(bus, IMAGINE_JOB_PREFIX "/0_77", IMAGINE_JOB_INTERFACE, "Cancel", NULL, NULL),
                    SD_BUS_ERROR_UNKNOWN_OBJECT));
        return 0;
}

static void test_another_user_sees_nothing(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        /* The owner sees it, so the others' failing says something. */
        assert_true(introspection_mentions(bus, IMAGINE_JOB_PREFIX, "0_1"));
        assert_true(introspection_mentions(bus, job.path, IMAGINE_JOB_INTERFACE));

        as_user(&place, "games", look_around, job.path);
        as_user(&place, "nobody", look_around, job.path);

        char text[64];
        assert_true(job_string(bus, job.path, "State", text) >= 0);
        assert_string_equal(text, IMAGINE_STATE_RUNNING);
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));

        /* A finished one is as invisible. */
        as_user(&place, "games", look_around, job.path);
}

/* root may not either: it has jobs of its own only. */
static int make_detached_job(sd_bus *bus, void *data)
{
        JobRef job;
        (void)data;

        CHECK(generate(bus, &job, "x", 1, "detach", "b", true) >= 0);
        CHECK(job.id == 1);
        CHECK(streq(job.path, IMAGINE_JOB_PREFIX "/5_1"));
        CHECK(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        CHECK(count_jobs(bus) == 1);
        return 0;
}

static void test_numbers_and_root(void **state)
{
        (void)state;

        if (!is_root())
                skip();
        as_user(&place, "games", make_detached_job, NULL);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_string_equal(
                        answer_of(bus, IMAGINE_JOB_PREFIX "/5_1", IMAGINE_JOB_INTERFACE, "Release", NULL, NULL),
                        SD_BUS_ERROR_UNKNOWN_OBJECT);
}

typedef struct Spy {
        int ready[2], stop[2]; /* pipes: the spy listens; the spy may go */
} Spy;

static int on_anything(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *interface = sd_bus_message_get_interface(m), *path = sd_bus_message_get_path(m);
        (void)error;

        if ((interface && streq(interface, IMAGINE_JOB_INTERFACE)) ||
            (path && strncmp(path, IMAGINE_JOB_PREFIX, strlen(IMAGINE_JOB_PREFIX)) == 0))
                *(unsigned *)userdata += 1;
        /* Nor may a prompt, in whatever message. */
        if (interface && streq(interface, IMAGINE_MANAGER_INTERFACE))
                *(unsigned *)userdata += 1;
        return 0;
}

static int spy(sd_bus *bus, void *data)
{
        static const char *const rules[] = {
                "type='signal'",
                "type='signal',interface='" IMAGINE_JOB_INTERFACE "'",
                "type='signal',path_namespace='" IMAGINE_PATH "'",
                "type='signal',sender='" IMAGINE_BUS_NAME "'",
                "eavesdrop='true'",
                "eavesdrop='true',type='signal'",
                "eavesdrop='true',type='method_call'",
                "eavesdrop='true',type='method_return'",
        };
        Spy *pipes = data;
        unsigned overheard = 0;
        char byte;

        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                (void)sd_bus_add_match(bus, NULL, rules[i], on_anything, &overheard);
        /* Signals of all jobs of one's own are no others'. */
        CHECK(manager_call(bus, "Watch", NULL, NULL, "o", "/") >= 0);
        CHECK(sd_bus_call_method(
                              bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring",
                              "BecomeMonitor", NULL, NULL, "asu", 0, 0) < 0);

        CHECK(write(pipes->ready[1], "r", 1) == 1);
        CHECK(read(pipes->stop[0], &byte, 1) == 1);
        /* What was sent until now comes before this answer. */
        CHECK(sd_bus_call_method(
                              bus, IMAGINE_BUS_NAME, IMAGINE_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL, NULL,
                              NULL) >= 0);
        while (sd_bus_process(bus, NULL) > 0)
                ;
        CHECK(overheard == 0);
        return 0;
}

static void test_another_user_overhears_nothing(void **state)
{
        Spy pipes;
        Heard heard = {};
        JobRef job;
        char byte;
        (void)state;

        if (!is_root())
                skip();
        assert_int_equal(pipe2(pipes.ready, O_CLOEXEC), 0);
        assert_int_equal(pipe2(pipes.stop, O_CLOEXEC), 0);
        pid_t pid = fork_child();
        if (pid == 0) {
                as_user(&place, "nobody", spy, &pipes);
                _exit(0);
        }
        assert_int_equal(read(pipes.ready[0], &byte, 1), 1);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &job, "a secret", 3, "model", "s", "stub-slow", "steps", "u", 8, "preview-every",
                             "u", 2) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_true(heard.previews > 0 && heard.updated > 0);
        assert_int_equal(write(pipes.stop[1], "s", 1), 1);
        assert_int_equal(wait_for_exit(pid), 0);
        for (int i = 0; i < 2; i++) {
                (void)close(pipes.ready[i]);
                (void)close(pipes.stop[i]);
        }
}

static int own_the_name(sd_bus *bus, void *data)
{
        (void)data;
        CHECK(sd_bus_request_name(bus, IMAGINE_BUS_NAME, 0) == -EACCES);
        return 0;
}

static void test_the_name_is_protected(void **state)
{
        (void)state;

        if (!is_root())
                skip();
        as_user(&place, "nobody", own_the_name, NULL);
}

static int fill_up(sd_bus *bus, void *data)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        int n = 0;
        (void)data;

        while (generate_error(bus, &job, &error, "x", 0) >= 0)
                CHECK(++n <= 16);
        CHECK(sd_bus_error_has_name(&error, IMAGINE_ERROR_LIMITS_EXCEEDED));
        sd_bus_error_free(&error);
        CHECK(n >= 16);
        return 0;
}

/* One user's full queue leaves room for another's, and says nothing to it. */
static void test_limits_are_each_users_own(void **state)
{
        JobRef blocker, job;
        uint32_t position;
        (void)state;

        if (!is_root())
                skip();
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &blocker, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, blocker.path, IMAGINE_STATE_RUNNING));
        as_user(&place, "games", fill_up, NULL);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(job_u32(bus, job.path, "QueuePosition", &position) >= 0);
        assert_int_equal(position, 0);
        assert_true(job_call(bus, blocker.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_another_user_sees_nothing),
                cmocka_unit_test(test_numbers_and_root),
                cmocka_unit_test(test_another_user_overhears_nothing),
                cmocka_unit_test(test_the_name_is_protected),
                cmocka_unit_test(test_limits_are_each_users_own),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
