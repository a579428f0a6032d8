/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures on the way: asked for, and such as come by themselves. */

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, "default_model = \"stub\";", "stub", "stub-slow");
}

static void assert_preview(sd_bus_message *reply, uint32_t *ret_step)
{
        const char *k[4];
        uint32_t picture, width, height;
        int fd;

        assert_true(sd_bus_message_read(
                            reply, "ha{sv}", &fd, 4, &k[0], "u", &picture, &k[1], "u", ret_step, &k[2], "u", &width,
                            &k[3], "u", &height) >= 0);
        assert_string_equal(k[1], "step");
        assert_is_png(fd, width, height);
        assert_true(width <= 256 && height <= 256);
}

static void test_preview_on_request(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL, *second = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard heard = {};
        uint32_t step, later;
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        /* It may still be loading: the answer waits. */
        assert_true(job_call(bus, job.path, "GetPreview", NULL, &reply, NULL) >= 0);
        assert_preview(reply, &step);
        assert_true(step >= 1);
        assert_true(job_call(bus, job.path, "GetPreview", NULL, &second, NULL) >= 0);
        assert_preview(second, &later);
        assert_true(later > step);
        assert_true(job_call(bus, job.path, "GetResult", &error, NULL, "u", 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_FINISHED);

        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
        assert_true(job_call(bus, job.path, "GetPreview", &error, NULL, NULL) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_CANCELLED);
        hear_what_came(bus);
        assert_int_equal(heard.previews, 0);
}

static void test_previews_that_come_by_themselves(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard heard = {};
        uint32_t step;
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        place_hold(&place, 6);
        assert_true(generate(bus, &job, "x", 3, "model", "s", "stub-slow", "steps", "u", 20, "preview-every", "u",
                             4) >= 0);
        assert_true(hear_until(bus, &heard.previews, 1));
        assert_true(job_call(bus, job.path, "GetPreview", NULL, &reply, NULL) >= 0);
        assert_preview(reply, &step);
        assert_int_equal(step, 4);
        place_release(&place);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_int_equal(heard.previews, 5);
        assert_int_equal(heard.step, 20);
        assert_true(job_call(bus, job.path, "GetPreview", &error, NULL, NULL) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_FINISHED);
}

static int on_preview_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        unsigned *count = userdata;
        (void)error;

        if (sd_bus_message_is_method_error(m, IMAGINE_ERROR_CANCELLED))
                *count += 1;
        if (sd_bus_message_is_method_error(m, IMAGINE_ERROR_LIMITS_EXCEEDED))
                *count += 100;
        return 0;
}

static void test_waiting_preview_calls(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        unsigned count = 0;
        JobRef first, job;
        (void)state;

        assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-slow") >= 0);
        for (int i = 0; i < 6; i++)
                assert_true(sd_bus_call_method_async(
                                    bus, NULL, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "GetPreview",
                                    on_preview_answer, &count, NULL) >= 0);
        assert_true(hear_until(bus, &count, 200));
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(hear_until(bus, &count, 204));
        assert_true(job_call(bus, first.path, "Release", NULL, NULL, NULL) >= 0);
}

static int on_preview(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)error;
        if (!sd_bus_message_is_method_error(m, NULL))
                *(unsigned *)userdata += 1;
        return 0;
}

/* A call for a job that waits is answered when it has begun. */
static void test_preview_of_a_waiting_job(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        unsigned count = 0;
        JobRef first, job;
        (void)state;

        assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(sd_bus_call_method_async(
                            bus, NULL, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "GetPreview", on_preview,
                            &count, NULL) >= 0);
        hear_what_came(bus);
        assert_int_equal(count, 0);
        assert_true(job_call(bus, first.path, "Release", NULL, NULL, NULL) >= 0);
        assert_true(hear_until(bus, &count, 1));
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_preview_on_request),
                cmocka_unit_test(test_previews_that_come_by_themselves),
                cmocka_unit_test(test_waiting_preview_calls),
                cmocka_unit_test(test_preview_of_a_waiting_job),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
