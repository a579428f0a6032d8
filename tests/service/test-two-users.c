/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two users with an instance each, and the machine's: one model for both, and neither sees anything of the other. */

#include "forward.h"

static Place other; /* beside `user` */

#define ONE "games"
#define OTHER "nobody"

static int close_all(void **state)
{
        place_abandon(&other);
        return teardown(state);
}

static void open_of(Place *place, const char *name)
{
        place_open_bus_of(place, true, name);
        place->system_address = machine.address;
        place_start_service(place, "engine = \"system\"; log_level = \"debug\";");
}

/* Each user's first job, here and there. */
static const char *first_job(const char *name, char ret[static 96])
{
        (void)snprintf(ret, 96, IMAGINE_JOB_PREFIX "/%u_1", (unsigned)getpwnam(name)->pw_uid);
        return ret;
}

static int ask(sd_bus *bus, void *data)
{
        JobRef job = {};
        (void)data;

        CHECK(generate(bus, &job, "a secret fox", 3, "model", "s", "stub-slow", "steps", "u", 4, "detach", "b", true) >= 0);
        CHECK(job.id == 1);
        return 0;
}

/* Its own job is the only one that there is. */
static void check_that_alone(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        char own[96];

        (void)snprintf(own, sizeof(own), IMAGINE_JOB_PREFIX "/%u_1", (unsigned)getuid());
        CHECK(manager_call(bus, "ListJobs", NULL, &reply, NULL) >= 0);
        CHECK(sd_bus_message_enter_container(reply, 'a', "(uosd)") > 0);
        CHECK(sd_bus_message_read(reply, "(uosd)", NULL, &path, NULL, NULL) > 0);
        CHECK(streq(path, own));
        CHECK(sd_bus_message_read(reply, "(uosd)", NULL, &path, NULL, NULL) == 0);
}

/* data: the path of somebody else's job. */
static int look_around(sd_bus *bus, void *data)
{
        static const char *const members[] = { "Cancel", "Release", "GetPreview" };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char text[64];

        check_that_alone(bus);
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                CHECK(job_call(bus, data, members[i], &error, NULL, NULL) < 0);
                CHECK(sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT));
                sd_bus_error_free(&error);
        }
        CHECK(job_string(bus, data, "State", text) < 0);
        CHECK(get_result(bus, data, 0, NULL) < 0);
        return 0;
}

/* On the system bus, where both have jobs. */
static int look_around_there(sd_bus *bus, void *data)
{
        CHECK(manager_call(bus, "ListAllJobs", NULL, NULL, NULL) < 0);
        return look_around(bus, data);
}

static int fetch_own(sd_bus *bus, void *data)
{
        uint8_t head[8];
        (void)data;

        char path[96];
        (void)snprintf(path, sizeof(path), IMAGINE_JOB_PREFIX "/%u_1", (unsigned)getuid());
        CHECK(wait_for_state(bus, path, IMAGINE_STATE_DONE));
        int fd = get_result(bus, path, 0, NULL);
        CHECK(fd >= 0 && pread(fd, head, sizeof(head), 0) == sizeof(head) && memcmp(head, "\x89PNG", 4) == 0);
        check_that_alone(bus);
        return 0;
}

static void assert_says_nothing(const Place *place)
{
        _cleanup_(freep) char *log = place_log(place);
        assert_true(strlen(log) > 0);
        assert_null(strstr(log, "secret"));
}

static void test_two_instances(void **state)
{
        char one[96], another[96];
        (void)state;

        if (!is_root())
                skip();
        place_open_with(&machine, "stub-slow");
        place_start_service(&machine, "log_level = \"debug\";");
        open_of(&user, ONE);
        open_of(&other, OTHER);
        (void)first_job(ONE, one), (void)first_job(OTHER, another);

        /* One is at work, one waits, and they are of two users. */
        _cleanup_(bus_closep) sd_bus *system_bus = place_connect(&machine);
        place_hold(&machine, 2);
        as_user(&user, ONE, ask, NULL);
        wait_for_jobs(system_bus, IMAGINE_STATE_RUNNING, 1);
        as_user(&other, OTHER, ask, NULL);
        wait_for_jobs(system_bus, IMAGINE_STATE_QUEUED, 1);

        as_user(&machine, ONE, look_around_there, another);
        as_user(&machine, OTHER, look_around_there, one);
        as_user(&user, ONE, look_around, another);
        as_user(&other, OTHER, look_around, one);

        place_release(&machine);
        as_user(&user, ONE, fetch_own, NULL);
        as_user(&other, OTHER, fetch_own, NULL);
        assert_true(has_worker(&machine));
        assert_false(has_worker(&user) || has_worker(&other));
        assert_says_nothing(&machine);
        assert_says_nothing(&user);
        assert_says_nothing(&other);
        place_close(&other);
        close_both();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_two_instances, close_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
