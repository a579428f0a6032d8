/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gate on a real bus with the real programs: what must stay on the machine, or may not be spent, has sent not one byte. */

#include "remote.h"

static Place place;
static Fake fake;

static int set_up(void **state)
{
        (void)state;
        return remote_set_up(&place, &fake);
}

static int tear_down(void **state)
{
        (void)state;
        return remote_tear_down(&place, &fake);
}

static void test_without_consent(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        fake_forget(&fake);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "ok") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_CONSENT);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "nobody") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_CONFIGURED);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "chat") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_CONFIGURED);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "purpose", "s", "nobody") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_CONSENT);
        assert_nothing_left(&fake);
        assert_int_equal(spent_today(), 0);
}

static void test_dry_run(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char text[4096] = "", kind[64];
        JobRef job;
        (void)state;

        fake_forget(&fake);
        draw(bus, &job, "ok", "a red fox", 3, "dry-run", "b", 1, "width", "u", 1024);
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
        assert_int_equal(strncmp(text, "POST /ok/v1/images/generations HTTP/1.1\r\n", 40), 0);
        assert_non_null(strstr(text, "a red fox"));
        assert_non_null(strstr(text, "1024x1024"));
        assert_true(job_string(bus, job.path, "Kind", kind) >= 0);
        assert_string_equal(kind, IMAGINE_KIND_REQUESTS);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "dry-run", "b", 1) < 0); /* here nothing is sent */
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left(&fake);
        assert_int_equal(spent_today(), 0);
}

/* Everything that may not leave: not one byte does. */
static void test_gate(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/rgb.png", SIZE_MAX);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        consent_to_all(bus);
        fake_forget(&fake);
        assert_true(generate_error(bus, &job, &error, PRIVATE_PROMPT, 2, "provider", "s", "ok", "private", "b", 1) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a Confidential fox", 1, "provider", "s", "ok") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "seeds", "negative-prompt", "s", "CONFIDENTIAL things") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "ok", "init-image", "h", picture) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "our logo", 1, "provider", "s", "ok") < 0);
        assert_non_null(strstr(error.message, "drawn by hand"));
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "our logo", 1, "provider", "s", "local") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "dear") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_OVER_BUDGET);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "unknown") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_OVER_BUDGET);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "ok", "sampler", "s", "euler") < 0);
        assert_non_null(strstr(error.message, "sampler"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "ok", "seed", "t", UINT64_C(1)) < 0);
        assert_non_null(strstr(error.message, "seed"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left(&fake);
        assert_int_equal(spent_today(), 0);
}

/* The network worker may go on for a moment, after its job has ended. */
static void wait_until_nobody_asks(void)
{
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char command[64];

        (void)snprintf(command, sizeof(command), "pgrep -x imagined-net -P %d >/dev/null", (int)place.service);
        while (system(command) == 0)
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
}

static void wait_for_request(void)
{
        for (const uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; fake_count(&fake, "requests") == 0; sleep_ms(5))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
}

/* Whenever it is cancelled, what has been sent is counted: it may have to be paid. */
static void test_cancelled_at_any_time(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        fake_forget(&fake);
        const int64_t before = spent_today();
        for (int i = 0; i < 24; i++) {
                const int64_t until_now = spent_today();
                assert_true(generate(bus, &job, "a fox", 1, "provider", "s", "silent") >= 0);
                if (i == 23)
                        wait_for_request();
                else
                        sleep_ms(i);
                assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
                assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
                wait_until_nobody_asks();
                assert_int_equal(spent_today() - until_now, provenance_of(bus, job.path).cost);
        }
        /* All at once, for the server may read a request when the next one is on its way. */
        _cleanup_(freep) char *requests = fake_file(&fake, "requests");
        int64_t n = 0;
        for (const char *line = requests; (line = strstr(line, "POST ")); line++)
                n++;
        assert_in_range(spent_today() - before, n * 2 * CENT, 24 * 2 * CENT);
}

/* No prompt stands in the log, at its most talkative, nor in the ledger. */
static void test_log(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char command[256];
        JobRef job;
        (void)state;

        draw(bus, &job, "ok", PRIVATE_PROMPT, 1);
        place_stop_service(&place);
        _cleanup_(freep) char *log = place_log(&place);
        assert_null(strstr(log, "nobody shall know"));
        (void)snprintf(command, sizeof(command), "! grep -rq 'nobody shall know' %s/imagined && test -s %s/imagined/ledger.sqlite",
                       fake.directory, fake.directory);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_consent),
                cmocka_unit_test(test_dry_run),
                cmocka_unit_test(test_gate),
                cmocka_unit_test(test_cancelled_at_any_time),
                cmocka_unit_test(test_log),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
