/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of jobs, as their user sees it. */

#include <sys/mman.h>

#include "listener.h"

static Place place;

static int setup(void **state)
{
        (void)state;
        place_open(&place);
        place_add_model(&place, "stub");
        place_add_model(&place, "stub-slow");
        place_add_model(&place, "stub-crawl");
        place_add_model(&place, "stub-stubborn");
        place_start_service(&place, "log_level = \"debug\"; default_model = \"stub\";");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        place_close(&place);
        return 0;
}

static void assert_is_png(int fd, uint32_t width, uint32_t height)
{
        uint8_t head[24];
        assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
        assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
        assert_int_equal(head[18] << 8 | head[19], width);
        assert_int_equal(head[22] << 8 | head[23], height);
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
                const char *mime, *k[5];
                int fd;
                assert_true(job_call(bus, job.path, "GetResult", NULL, &reply, "u", i) >= 0);
                assert_true(sd_bus_message_read(
                                    reply, "ha{sv}", &fd, 5, &k[0], "t", &seed, &k[1], "u", &width, &k[2], "u",
                                    &height, &k[3], "t", &bytes, &k[4], "s", &mime) >= 0);
                struct stat st;
                assert_int_equal(fstat(fd, &st), 0);
                assert_true(seed == UINT64_MAX + i);
                assert_int_equal(bytes, st.st_size);
                assert_int_equal(width, 64);
                assert_int_equal(height, 64);
                assert_string_equal(mime, "image/png");
                assert_string_equal(k[0], "seed");
        }
        assert_true(job_call(bus, job.path, "GetResult", &error, NULL, "u", 3) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(job_call(bus, job.path, "GetResult", &error, NULL, "u", UINT32_MAX) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
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

static void assert_cancelled_soon(sd_bus *bus, Heard *heard, const char *path)
{
        unsigned before = heard->finished;
        uint64_t begin = clock_usec(CLOCK_MONOTONIC);

        assert_true(job_call(bus, path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(hear_until(bus, &heard->finished, before + 1));
        assert_string_equal(heard->state, IMAGINE_STATE_CANCELLED);
        assert_string_equal(heard->path, path);
        /* 200 ms are promised; a loaded machine gets ten times that. */
        assert_true(clock_usec(CLOCK_MONOTONIC) - begin < 2 * USEC_PER_SEC);
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
        assert_cancelled_soon(bus, &heard, waiting.path);
        assert_cancelled_soon(bus, &heard, running.path);
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
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-stubborn", "steps", "u", 40) >= 0);
        assert_true(generate(bus, &after, "x", 1, "steps", "u", 2) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        assert_cancelled_soon(bus, &heard, job.path);
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
        assert_true(generate(bus, &job, "x", 3, "model", "s", "stub-slow", "steps", "u", 20, "preview-every", "u",
                             4) >= 0);
        assert_true(hear_until(bus, &heard.previews, 1));
        assert_true(job_call(bus, job.path, "GetPreview", NULL, &reply, NULL) >= 0);
        assert_preview(reply, &step);
        assert_int_equal(step % 4, 0);
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

static bool job_exists(sd_bus *bus, const char *path)
{
        char text[64];
        return job_string(bus, path, "State", text) >= 0;
}

static void test_a_caller_that_leaves(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *other = place_connect(&place);
        Heard heard = {};
        JobRef running, waiting, detached;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(manager_call(bus, "Watch", NULL, NULL, "o", "/") >= 0);
        assert_true(generate(other, &running, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(generate(other, &waiting, "x", 0) >= 0);
        assert_true(generate(other, &detached, "x", 3, "detach", "b", true, "steps", "u", 2, "count", "u", 2) >= 0);
        assert_true(wait_for_state(bus, running.path, IMAGINE_STATE_RUNNING));
        (void)bus_close(other);

        /* Two are cancelled and gone, the third one runs and stays. */
        assert_true(hear_until(bus, &heard.finished, 3));
        assert_false(job_exists(bus, running.path));
        assert_false(job_exists(bus, waiting.path));
        assert_true(wait_for_state(bus, detached.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, detached.path, 1, NULL);
        assert_true(fd >= 0);
}

static void test_a_finished_job_leaves_with_its_caller(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus *other = place_connect(&place);
        JobRef job;
        (void)state;

        assert_true(generate(other, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        (void)bus_close(other);
        while (job_exists(bus, job.path))
                sleep_ms(5);
}

static void test_watching(void **state)
{
        _cleanup_(bus_closep) sd_bus *caller = place_connect(&place), *watcher = place_connect(&place),
                                      *bystander = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Heard by_caller = {}, by_watcher = {}, by_bystander = {};
        JobRef job, other;
        (void)state;

        listen_to_jobs(caller, &by_caller);
        listen_to_jobs(watcher, &by_watcher);
        listen_to_jobs(bystander, &by_bystander);
        assert_true(generate(caller, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 20) >= 0);
        /* Twice is once; all and one is once. */
        assert_true(manager_call(watcher, "Watch", NULL, NULL, "o", job.path) >= 0);
        assert_true(manager_call(watcher, "Watch", NULL, NULL, "o", job.path) >= 0);
        assert_true(manager_call(watcher, "Watch", NULL, NULL, "o", "/") >= 0);
        assert_true(manager_call(caller, "Watch", NULL, NULL, "o", "/") >= 0);
        assert_true(hear_until(caller, &by_caller.finished, 1));
        assert_true(hear_until(watcher, &by_watcher.finished, 1));

        /* A job to come is heard too, until it is enough. */
        assert_true(generate(caller, &other, "x", 0) >= 0);
        assert_true(hear_until(watcher, &by_watcher.finished, 2));
        assert_string_equal(by_watcher.path, other.path);
        assert_true(manager_call(watcher, "Unwatch", NULL, NULL, "o", "/") >= 0);
        assert_true(generate(caller, &other, "x", 0) >= 0);
        assert_true(hear_until(caller, &by_caller.finished, 3));
        hear_what_came(caller);
        hear_what_came(watcher);
        hear_what_came(bystander);
        assert_int_equal(by_caller.finished, 3);
        assert_int_equal(by_watcher.finished, 2);
        assert_int_equal(by_bystander.total, 0);

        assert_true(manager_call(watcher, "Watch", &error, NULL, "o", "/org/imagined/Imagine1") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_JOB);
        assert_true(manager_call(watcher, "Watch", &error, NULL, "o", IMAGINE_JOB_PREFIX "/0_999999") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_JOB);
        assert_true(manager_call(watcher, "Watch", &error, NULL, "o", IMAGINE_JOB_PREFIX "/0_99999999999999999999") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_JOB);
        assert_true(manager_call(watcher, "Unwatch", NULL, NULL, "o", "/no/such/thing") >= 0);
}

static void test_updates_are_few(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        uint64_t begin = clock_usec(CLOCK_MONOTONIC);
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 30) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        uint64_t quarters = (clock_usec(CLOCK_MONOTONIC) - begin) / (USEC_PER_SEC / 4);
        /* One for each state, one for each quarter of a second. */
        assert_true(heard.updated >= 4);
        assert_true(heard.updated <= 4 + quarters + 1);
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
                cmocka_unit_test(test_results_cannot_be_changed),
                cmocka_unit_test(test_resolved_settings),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_cancel_while_the_worker_is_slow),
                cmocka_unit_test(test_pictures_before_a_cancel_remain),
                cmocka_unit_test(test_preview_on_request),
                cmocka_unit_test(test_previews_that_come_by_themselves),
                cmocka_unit_test(test_waiting_preview_calls),
                cmocka_unit_test(test_preview_of_a_waiting_job),
                cmocka_unit_test(test_a_caller_that_leaves),
                cmocka_unit_test(test_a_finished_job_leaves_with_its_caller),
                cmocka_unit_test(test_watching),
                cmocka_unit_test(test_updates_are_few),
                cmocka_unit_test(test_release),
                cmocka_unit_test(test_positions),
                cmocka_unit_test(test_list_and_describe),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
