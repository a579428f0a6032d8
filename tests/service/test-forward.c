/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs that a user's instance forwards to the machine's. */

#include "forward.h"

static void test_a_job_and_its_pictures(void **state)
{
        Heard heard = {};
        JobRef job;
        char text[64];
        (void)state;

        open_both("default_model = \"stub\";", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        listen_to_jobs(bus, &heard);
        assert_true(generate(
                                    bus, &job, "a fox", 6, "seed", "t", UINT64_C(41), "width", "u", 96, "height", "u", 48, "count",
                                    "u", 3, "steps", "u", 4, "preview-every", "u", 2) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        assert_int_equal(heard.pictures, 3);
        assert_true(heard.updated > 0);
        assert_string_equal(heard.path, job.path);

        for (uint32_t i = 0; i < 3; i++) {
                _cleanup_(closep) int fd = get_result(bus, job.path, i, NULL);
                assert_true(fd >= 0);
                assert_is_png(fd, 96, 48);
                /* Sealed, as the worker made it. */
                assert_int_equal(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
        }
        uint32_t steps, chunks;
        assert_true(job_u32(bus, job.path, "Steps", &steps) >= 0 && steps == 4);
        assert_true(job_u32(bus, job.path, "PromptChunks", &chunks) >= 0 && chunks == 1);

        /* One model, and it is the machine's; there the job is forgotten. */
        assert_true(has_worker(&machine));
        assert_false(has_worker(&user));
        assert_int_equal(count_jobs(system_bus, NULL), 0);
        manager_string(bus, "ResidentModel", text);
        assert_string_equal(text, "stub");
        manager_string(bus, "State", text);
        assert_string_equal(text, "ready");
        close_both();
}

static int picture_from(sd_bus *bus, int image, double strength)
{
        JobRef job;

        assert_true(generate(
                                    bus, &job, "x", 4, "model", "s", "stub", "seed", "t", UINT64_C(5), "init-image", "h", image,
                                    "strength", "d", strength) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
        return fd;
}

/* Descriptors are passed on: what is drawn from a picture is the same there and here, and another one from another. */
static void test_pictures_to_start_from(void **state)
{
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        _cleanup_(closep) int image = sealed_of("8x8 40"), other = sealed_of("8x8 41");
        _cleanup_(closep) int a = picture_from(system_bus, image, 0.5), b = picture_from(bus, image, 0.5),
                              c = picture_from(bus, other, 0.5);
        assert_true(are_same(a, b));
        assert_false(are_same(b, c));
        assert_false(has_worker(&user));
        close_both();
}

static void test_previews(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Heard heard = {};
        JobRef job;
        int fd;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(job_call(bus, job.path, "GetPreview", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "h", &fd) >= 0);
        assert_is_png(fd, 64, 64);
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));

        listen_to_jobs(bus, &heard);
        place_hold(&machine, 4);
        assert_true(generate(bus, &job, "x", 3, "model", "s", "stub-slow", "steps", "u", 10, "preview-every", "u", 3) >= 0);
        assert_true(hear_until(bus, &heard.previews, 1));
        place_release(&machine);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        close_both();
}

static void test_cancelling(void **state)
{
        JobRef first, second;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &second, "x", 2, "model", "s", "stub-slow", "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_RUNNING));
        assert_int_equal(count_jobs(system_bus, NULL), 1); /* the other waits here */
        assert_true(job_call(bus, first.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_CANCELLED));
        assert_true(wait_for_state(bus, second.path, IMAGINE_STATE_DONE));

        /* Forgotten while it runs; and its caller gone. */
        assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_RUNNING));
        assert_true(job_call(bus, first.path, "Release", NULL, NULL, NULL) >= 0);
        wait_for_jobs(system_bus, IMAGINE_STATE_RUNNING, 0);
        sd_bus *other = place_connect(&user);
        assert_true(generate(other, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(other, first.path, IMAGINE_STATE_RUNNING));
        (void)bus_close(other);
        wait_for_jobs(system_bus, IMAGINE_STATE_RUNNING, 0);

        /* An administrator's word holds here as well. */
        assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_RUNNING));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint32_t uid, id;
        const char *job_state;
        assert_true(manager_call(system_bus, "ListAllJobs", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(uussd)") > 0);
        while (sd_bus_message_read(reply, "(uussd)", &uid, &id, &job_state, NULL, NULL) > 0)
                if (streq(job_state, IMAGINE_STATE_RUNNING))
                        assert_true(manager_call(system_bus, "CancelJob", NULL, NULL, "uu", uid, id) >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_CANCELLED));

        /* 50 in a row leave nothing behind. */
        for (int i = 0; i < 50; i++) {
                assert_true(generate(bus, &first, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
                assert_true(job_call(bus, first.path, "Cancel", NULL, NULL, NULL) >= 0);
        }
        assert_true(generate(bus, &first, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_DONE));
        wait_for_jobs(system_bus, NULL, 0);
        close_both();
}

/* The better class goes first; the other is parked there, and goes on with what it has behind it. */
static void test_giving_way(void **state)
{
        JobRef batch, now;
        (void)state;

        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &batch, "x", 3, "model", "s", "stub-slow", "steps", "u", 200, "priority", "s", "batch") >= 0);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        uint32_t step = wait_for_step(bus, batch.path, 3);
        assert_true(generate(bus, &now, "x", 3, "model", "s", "stub-slow", "steps", "u", 3, "priority", "s", "interactive") >= 0);
        assert_true(wait_for_state(bus, now.path, IMAGINE_STATE_DONE));
        char text[64];
        assert_true(job_string(bus, batch.path, "State", text) >= 0);
        assert_false(state_is_final(text));
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_RUNNING));
        assert_true(wait_for_step(bus, batch.path, 1) >= step);
        assert_true(wait_for_state(bus, batch.path, IMAGINE_STATE_DONE));
        close_both();
}

static void test_errors_come_through(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        char name[128];
        (void)state;

        open_both("jobs_total = 1; jobs_per_user = 1;", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-fails-job") >= 0);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_OUT_OF_MEMORY);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub-lacks-memory") >= 0);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_OUT_OF_MEMORY);
        assert_true(generate_error(bus, &job, &error, "x", 1, "model", "s", "nowhere") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_MODEL);

        /* Where the machine's queue is full, the job waits here. */
        JobRef blocker;
        assert_true(generate(system_bus, &blocker, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        sleep_ms(200);
        assert_true(job_string(bus, job.path, "State", name) >= 0);
        assert_string_equal(name, IMAGINE_STATE_QUEUED);
        assert_true(job_call(system_bus, blocker.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        close_both();
}

/* A model that the user has put there is the user's, whatever the machine calls by that name. */
static void test_whose_model(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        JobRef job;
        const char *name;
        char names[256] = "";
        (void)state;

        open_both("", "");
        place_add_model(&user, "stub");
        place_add_model(&user, "stub-crawl");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(has_worker(&user));
        assert_false(has_worker(&machine));
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(has_worker(&machine));

        assert_true(manager_call(bus, "ListModels", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(sa{sv})") > 0);
        while (sd_bus_message_enter_container(reply, 'r', "sa{sv}") > 0) {
                assert_true(sd_bus_message_read(reply, "s", &name) > 0 && sd_bus_message_skip(reply, "a{sv}") > 0);
                (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", name);
                assert_true(sd_bus_message_exit_container(reply) > 0);
        }
        assert_string_equal(names, "stub stub-crawl stub-dies-once stub-fails-job stub-lacks-memory stub-slow ");
        close_both();
}

/* LoadModel and UnloadModel are asked of the machine's instance, which asks who it is. */
static void test_loading_there(void **state)
{
        (void)state;

        open_both("default_model = \"stub\";", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub") >= 0);
        assert_true(has_worker(&machine));
        assert_false(has_worker(&user));
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        assert_false(has_worker(&machine));
        close_both();
}

/* Neither log says what was asked for. */
static void test_prompts_stay_private(void **state)
{
        JobRef job;
        (void)state;

        open_both("log_level = \"debug\";", "log_level = \"debug\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        assert_true(generate(bus, &job, "a secret fox", 1, "negative-prompt", "s", "a secret hound") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(generate(bus, &job, "a secret fox", 1, "model", "s", "stub-fails-job") >= 0);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(freep) char *here = place_log(&user), *there = place_log(&machine);
        assert_true(strlen(there) > 0);
        assert_null(strstr(here, "secret"));
        assert_null(strstr(there, "secret"));
        close_both();
}

/* Anybody on the system bus can send a signal to anybody: what does not come from the instance is not believed. */
static int forge(sd_bus *bus, void *data)
{
        for (int i = 2; i < 12; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
                char name[32];
                (void)snprintf(name, sizeof(name), ":1.%d", i);
                CHECK(sd_bus_message_new_signal(bus, &signal, data, IMAGINE_JOB_INTERFACE, "Finished") >= 0);
                CHECK(sd_bus_message_append(signal, "sa{sv}", "failed", 2, "error", "s", "forged", "message", "s", "forged") >= 0);
                CHECK(sd_bus_message_set_destination(signal, name) >= 0);
                (void)sd_bus_send(bus, signal, NULL);
        }
        CHECK(sd_bus_flush(bus) >= 0);
        return 0;
}

static void test_forged_signals(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        open_both("", "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user);
        place_hold(&machine, 0);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        as_user(&machine, "nobody", forge, (void *)(IMAGINE_JOB_PREFIX "/0_1"));
        place_release(&machine);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        close_both();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_a_job_and_its_pictures, teardown),
                cmocka_unit_test_teardown(test_pictures_to_start_from, teardown),
                cmocka_unit_test_teardown(test_previews, teardown),
                cmocka_unit_test_teardown(test_cancelling, teardown),
                cmocka_unit_test_teardown(test_giving_way, teardown),
                cmocka_unit_test_teardown(test_errors_come_through, teardown),
                cmocka_unit_test_teardown(test_whose_model, teardown),
                cmocka_unit_test_teardown(test_loading_there, teardown),
                cmocka_unit_test_teardown(test_prompts_stay_private, teardown),
                cmocka_unit_test_teardown(test_forged_signals, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
