/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a user's instance keeps on disk (records of pictures, consent to servers) where it cannot be kept: the disk is full or
 * read-only, or there is no directory and none can be made. Pictures are drawn all the same; a consent that is not on disk is
 * none, and whoever gave it is told. */

#include <sys/mount.h>
#include <sys/resource.h>

#include "calls.h"

static Place place;
static char folder[PATH_MAX]; /* of records and consent */

static int setup(void **state)
{
        place_open_bus(&place, true);
        place_add_model(&place, "stub");
        (void)snprintf(folder, sizeof(folder), "%s/imagined", place.directory);
        assert_int_equal(setenv("XDG_STATE_HOME", place.directory, 1), 0); /* beside the records */
        *state = &place;
        return 0;
}

/* After each test, failed or not. */
static int clear(void **state)
{
        char command[PATH_MAX + 32];
        (void)state;

        (void)umount2(folder, MNT_DETACH);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
        IGNORE(system(command));
        return 0;
}

static void start(void)
{
        place_start_service(&place, "servers = ( { name = \"home\"; url = \"http://127.0.0.1:1/v1\"; } );");
}

static void mount_folder(const char *options, unsigned long flags)
{
        assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
        if (mount("imagined-test", folder, "tmpfs", flags, options) < 0)
                skip();
}

/* As ListServers tells. */
static bool has_consent(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name;
        int consent = false;

        assert_true(manager_call(bus, "ListServers", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(sa{sv})") > 0);
        assert_true(sd_bus_message_enter_container(reply, 'r', "sa{sv}") > 0);
        assert_true(sd_bus_message_skip(reply, "s") >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(reply, "s", &name) > 0);
                if (streq(name, "consent"))
                        assert_true(sd_bus_message_read(reply, "v", "b", &consent) > 0);
                else
                        assert_true(sd_bus_message_skip(reply, "v") > 0);
                assert_true(sd_bus_message_exit_container(reply) >= 0);
        }
        return consent;
}

static void draw(sd_bus *bus)
{
        JobRef job;

        assert_true(generate(bus, &job, "a fox", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
}

static void work_without(void)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        draw(bus);
        assert_true(manager_call(bus, "SetConsent", &error, NULL, "sb", "home", true) < 0);
        assert_non_null(error.message);
        assert_false(has_consent(bus));
        draw(bus);

        /* With room again it goes on as if nothing had been. */
        (void)clear(NULL);
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", "home", true) >= 0);
        assert_true(has_consent(bus));
        draw(bus);
        place_stop_service(&place);
}

static void test_a_full_disk(void **state)
{
        char command[PATH_MAX + 64];
        (void)state;

        mount_folder("size=16k", 0);
        (void)snprintf(command, sizeof(command), "! cat /dev/zero >'%s/all' 2>/dev/null", folder);
        assert_int_equal(system(command), 0);
        start();
        work_without();
}

static void test_a_disk_that_is_read_only(void **state)
{
        (void)state;
        mount_folder("", MS_RDONLY);
        start();
        work_without();
}

static void test_no_directory(void **state)
{
        (void)state;
        write_file(folder, "a file where the directory is to be");
        start();
        work_without();
}

static void limit_files(rlim_t bytes)
{
        const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

        assert_int_equal(prlimit(place.service, RLIMIT_FSIZE, &limit, NULL), 0);
}

/* As `ulimit -f` has it, which ends who does not know of it. */
static void test_files_that_may_not_grow(void **state)
{
        (void)state;

        start();
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        draw(bus);
        limit_files(0);
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", "home", true) < 0);
        assert_false(has_consent(bus));
        limit_files(RLIM_INFINITY);
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", "home", true) >= 0);
        draw(bus);
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_a_full_disk, clear),
                cmocka_unit_test_teardown(test_a_disk_that_is_read_only, clear),
                cmocka_unit_test_teardown(test_no_directory, clear),
                cmocka_unit_test_teardown(test_files_that_may_not_grow, clear),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
