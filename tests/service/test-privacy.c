/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The system instance writes no prompt to disk: neither into its log, nor into its cache and state, nor anywhere else where it
 * could. */

#include "calls.h"

static Place place;

static int setup(void **state)
{
        static const char *const variables[] = {
                "CACHE_DIRECTORY", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME",
        };
        int r = place_set_up_engine(state, &place, NULL);

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                char path[128];
                (void)snprintf(path, sizeof(path), "%s/%s", place.directory, variables[i]);
                assert_int_equal(mkdir(path, 0777), 0);
                assert_int_equal(setenv(variables[i], path, 1), 0);
        }
        /* Packs of weights are written, too. */
        place_start_service(&place, "default_model = \"tiny\"; threads = 1; log_level = \"debug\"; pack_bytes_min = 1;");
        return r;
}

static void assert_nowhere(const char *what)
{
        char command[256];

        (void)snprintf(command, sizeof(command), "! grep -rlaF -e '%s' --devices=skip '%s'", what, place.directory);
        assert_int_equal(system(command), 0);
}

static void test_nothing_on_disk(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "a verysecret fox", 3, "negative-prompt", "s", "verysecret rain", "width", "u", 64, "height",
                             "u", 64) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(order_error(bus, &job, NULL, "Enhance", "a verysecret idea", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        /* What fails is told in more words. */
        assert_true(generate_error(bus, &job, &error, "a verysecret fox", 1, "model", "s", "verysecret") < 0);
        sd_bus_error_free(&error);
        assert_true(generate(bus, &job, "a verysecret owl", 3, "width", "u", 128, "height", "u", 128, "steps", "u", 500) >= 0);
        for (int i = 0; i < 2; i++) {
                pid_t worker;
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
                while ((worker = place_worker(&place)) == 0)
                        sleep_ms(5);
                assert_int_equal(kill(worker, SIGABRT), 0);
                assert_true(is_gone(worker));
        }
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_nowhere("verysecret");
        place_stop_service(&place);
        assert_nowhere("verysecret");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_on_disk),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
