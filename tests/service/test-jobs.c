/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of jobs, as their user sees it. */

#include <sys/mman.h>

#include "listener.h"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, "log_level = \"debug\"; default_model = \"stub\";", "stub", "stub-slow",
                            "stub-stubborn");
}

static void test_a_picture(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &job, "a red fox", 4, "model", "s", "stub", "seed", "t", UINT64_C(7), "width", "u",
                             128, "height", "u", 64) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.path, job.path);
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        assert_int_equal(heard.pictures, 1);
        assert_non_null(strstr(heard.states, "queued "));
        assert_non_null(strstr(heard.states, "running done "));
        hear_what_came(bus);
        assert_int_equal(heard.finished, 1);
        assert_true(heard.ended_with_finished);

        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
        assert_is_png(fd, 128, 64);
}

static void test_info_of_a_result(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        assert_true(generate(bus, &job, "x", 2, "count", "u", 3, "seed", "t", UINT64_MAX) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        for (uint32_t i = 0; i < 3; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                uint64_t seed, bytes;
                uint32_t width, height;
                const char *mime, *pixels, *record, *tokenizer, *precision, *k[9];
                int fd;
                assert_true(job_call(bus, job.path, "GetResult", NULL, &reply, "u", i) >= 0);
                assert_true(sd_bus_message_read(
                                    reply, "ha{sv}", &fd, 9, &k[0], "t", &seed, &k[1], "u", &width, &k[2], "u",
                                    &height, &k[3], "t", &bytes, &k[4], "s", &mime, &k[5],
                                    "s", &pixels, &k[6], "s", &record, &k[7], "s", &tokenizer, &k[8], "s", &precision) >= 0);
                struct stat st;
                assert_int_equal(fstat(fd, &st), 0);
                assert_true(seed == UINT64_MAX + i);
                assert_int_equal(bytes, st.st_size);
                assert_int_equal(width, 64);
                assert_int_equal(height, 64);
                assert_string_equal(mime, "image/png");
                assert_string_equal(k[0], "seed");
                assert_string_equal(record, ""); /* the machine's instance keeps none */
                assert_string_equal(k[7], "tokenizer");
                assert_string_equal(k[8], "precision");
        }
        assert_true(job_call(bus, job.path, "GetResult", &error, NULL, "u", 3) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(job_call(bus, job.path, "GetResult", &error, NULL, "u", UINT32_MAX) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
}

/* U+FFFE, which the bus passes on, and sd-bus neither sends nor reads. */
static void test_no_text(void **state)
{
        static const char *const methods[] = { "Generate", "Enhance" };
        static const char text[] = "\xef\xbf\xbe";
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                char *space;
                assert_true(sd_bus_message_new_method_call(bus, &call, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, methods[i]) >= 0);
                assert_true(sd_bus_message_append_string_space(call, sizeof(text) - 1, &space) >= 0);
                memcpy(space, text, sizeof(text));
                assert_true(sd_bus_message_append(call, "a{sv}", 0) >= 0);
                assert_true(sd_bus_call(bus, call, 0, &error, NULL) < 0);
                assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        }
}

static void test_results_cannot_be_changed(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char byte;
        JobRef job;
        (void)state;

        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int a = get_result(bus, job.path, 0, NULL), b = get_result(bus, job.path, 0, NULL);
        assert_true(a >= 0 && b >= 0);

        assert_int_equal(write(a, "x", 1), -1);
        assert_true(errno == EPERM || errno == EBADF);
        assert_int_equal(ftruncate(a, 1), -1);
        /* Also not through a new description of it. */
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
        int writable = open(path, O_RDWR | O_CLOEXEC);
        if (writable >= 0) {
                assert_int_equal(write(writable, "x", 1), -1);
                assert_int_equal(errno, EPERM);
                (void)close(writable);
        }
        void *map = mmap(NULL, 8, PROT_READ, MAP_PRIVATE, a, 0);
        assert_true(map != MAP_FAILED);
        assert_memory_equal(map, "\x89PNG", 4);
        (void)munmap(map, 8);

        /* Each has an offset of its own. */
        assert_int_equal(lseek(a, 5, SEEK_SET), 5);
        assert_int_equal(read(b, &byte, 1), 1);
        assert_int_equal((uint8_t)byte, 0x89);
}

static void test_resolved_settings(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char text[64];
        double guidance;
        uint32_t value;
        JobRef job;
        (void)state;

        assert_true(generate(bus, &job, "x", 1, "steps", "u", 3) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(job_string(bus, job.path, "Sampler", text) >= 0);
        assert_string_equal(text, "ddim");
        assert_true(job_string(bus, job.path, "Model", text) >= 0);
        assert_string_equal(text, "stub");
        assert_true(job_u32(bus, job.path, "Steps", &value) >= 0);
        assert_int_equal(value, 3);
        assert_true(job_u32(bus, job.path, "Width", &value) >= 0);
        assert_int_equal(value, 64);
        assert_true(job_u32(bus, job.path, "Id", &value) >= 0);
        assert_int_equal(value, job.id);
        assert_true(sd_bus_get_property_trivial(
                            bus, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "Guidance", NULL, 'd',
                            &guidance) >= 0);
        assert_true(guidance == 7.5);
}

static void assert_cancelled(sd_bus *bus, Heard *heard, const char *path)
{
        unsigned before = heard->finished;

        assert_true(job_call(bus, path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(hear_until(bus, &heard->finished, before + 1));
        assert_string_equal(heard->state, IMAGINE_STATE_CANCELLED);
        assert_string_equal(heard->path, path);
}

static void test_cancel(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard heard = {};
        JobRef running, waiting, after;
        char text[64];
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &running, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(bus, &waiting, "x", 1, "model", "s", "stub-slow") >= 0);
        assert_true(generate(bus, &after, "x", 2, "model", "s", "stub-slow", "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
        assert_cancelled(bus, &heard, waiting.path);
        assert_cancelled(bus, &heard, running.path);
        assert_true(wait_for_state(bus, after.path, IMAGINE_STATE_DONE));

        assert_true(job_call(bus, running.path, "GetResult", &error, NULL, "u", 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_CANCELLED);
        /* A finished job stays as it is. */
        assert_true(job_call(bus, after.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(job_call(bus, running.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(job_string(bus, after.path, "State", text) >= 0);
        assert_string_equal(text, IMAGINE_STATE_DONE);
        hear_what_came(bus);
        assert_int_equal(heard.finished, 3);
}

static void test_cancel_while_the_worker_is_slow(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef job, after;
        (void)state;

        listen_to_jobs(bus, &heard);
        place_hold(&place, 2);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-stubborn", "steps", "u", 4) >= 0);
        assert_true(generate(bus, &after, "x", 1, "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        assert_cancelled(bus, &heard, job.path); /* before the worker lets go of it */
        place_release(&place);
        assert_true(wait_for_state(bus, after.path, IMAGINE_STATE_DONE));
        hear_what_came(bus);
        assert_int_equal(heard.finished, 2);
}

static void test_pictures_before_a_cancel_remain(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint32_t pictures = 0;
        JobRef job;
        (void)state;

        assert_true(generate(bus, &job, "x", 3, "model", "s", "stub-slow", "steps", "u", 3, "count", "u", 64) >= 0);
        while (pictures == 0) {
                assert_true(job_u32(bus, job.path, "Pictures", &pictures) >= 0);
                sleep_ms(5);
        }
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        assert_true(fd >= 0);
        assert_true(job_call(bus, job.path, "GetResult", &error, NULL, "u", 63) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_CANCELLED);
}

static void test_release(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard heard = {};
        JobRef job = {}, after = {};
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_CANCELLED);
        assert_true(job_call(bus, job.path, "Release", &error, NULL, NULL) < 0);
        assert_bus_error(&error, SD_BUS_ERROR_UNKNOWN_OBJECT);
        assert_true(job_call(bus, job.path, "Cancel", &error, NULL, NULL) < 0);
        assert_bus_error(&error, SD_BUS_ERROR_UNKNOWN_OBJECT);

        assert_true(generate(bus, &after, "x", 0) >= 0);
        assert_true(wait_for_state(bus, after.path, IMAGINE_STATE_DONE));
        assert_true(after.id > job.id);
}

static void test_positions(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef jobs[4];
        uint32_t position;
        (void)state;

        for (int i = 0; i < 4; i++)
                assert_true(generate(bus, &jobs[i], "x", 3, "model", "s", "stub-slow", "steps", "u", 500, "priority",
                                     "s", i == 3 ? "interactive" : "normal") >= 0);
        assert_true(wait_for_state(bus, jobs[0].path, IMAGINE_STATE_RUNNING));
        const uint32_t expected[] = { 0, 1, 2, 0 };
        for (int i = 0; i < 4; i++) {
                assert_true(job_u32(bus, jobs[i].path, "QueuePosition", &position) >= 0);
                assert_int_equal(position, expected[i]);
        }
        assert_true(job_call(bus, jobs[3].path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(job_call(bus, jobs[0].path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, jobs[1].path, IMAGINE_STATE_RUNNING));
        assert_true(job_u32(bus, jobs[2].path, "QueuePosition", &position) >= 0);
        assert_int_equal(position, 0);
}

static void test_list_and_describe(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL, *described = NULL;
        const char *path, *text, *json;
        double progress;
        uint32_t id;
        JobRef job = {};
        bool found = false;
        (void)state;

        assert_true(generate(bus, &job, "a secret prompt", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_true(manager_call(bus, "ListJobs", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(uosd)") > 0);
        while (sd_bus_message_read(reply, "(uosd)", &id, &path, &text, &progress) > 0)
                if (id == job.id) {
                        found = true;
                        assert_string_equal(path, job.path);
                        assert_string_equal(text, IMAGINE_STATE_DONE);
                        assert_true(progress == 1);
                }
        assert_true(found);

        assert_true(manager_call(bus, "Describe", NULL, &described, NULL) >= 0);
        assert_true(sd_bus_message_read(described, "s", &json) >= 0);
        assert_int_equal(json[0], '{');
        assert_non_null(strstr(json, job.path));
        assert_non_null(strstr(json, "\"resident-model\": \"stub\""));
        assert_non_null(strstr(json, "\"jobs_per_user\": 16"));
        assert_null(strstr(json, "secret"));

        /* Nor does the log say it, though it says a lot. */
        _cleanup_(freep) char *log = place_log(&place);
        assert_non_null(strstr(log, "The model stub is ready"));
        assert_null(strstr(log, "secret"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_picture),
                cmocka_unit_test(test_info_of_a_result),
                cmocka_unit_test(test_no_text),
                cmocka_unit_test(test_results_cannot_be_changed),
                cmocka_unit_test(test_resolved_settings),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_cancel_while_the_worker_is_slow),
                cmocka_unit_test(test_pictures_before_a_cancel_remain),
                cmocka_unit_test(test_release),
                cmocka_unit_test(test_positions),
                cmocka_unit_test(test_list_and_describe),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
