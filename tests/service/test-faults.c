/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes wrong around a service, with the real engine: each fault has an outcome, and none costs another job or the
 * service. Deaths of workers are in test-broken-workers.c and test-parking.c, those of the service in test-store.c. */

#include <sys/ptrace.h>
#include <sys/resource.h>

#include "listener.h"

#define WEIGHTS "unet/diffusion_pytorch_model.safetensors"

static Place place;

static int setup(void **state)
{
        return place_set_up_engine(state, &place, NULL);
}

static void copy_model(const char *from, const char *name)
{
        char command[3 * PATH_MAX];

        (void)snprintf(
                        command, sizeof(command), "rm -rf '%s/models/%s' && cp -RL %s '%s/models/%s'", place.directory,
                        name, from, place.directory, name);
        assert_int_equal(system(command), 0);
}

static void change_weights(const char *format)
{
        char path[PATH_MAX], command[3 * PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/models/victim/" WEIGHTS, place.directory);
        (void)snprintf(command, sizeof(command), format, path, path, path);
        assert_int_equal(system(command), 0);
}

/* A model's file is cut, taken away or another one while the engine has it: the job at hand is done or has failed, and a
 * job with another model is done in any case. */
static void test_model_files_that_change(void **state)
{
        static const char *const changes[] = {
                "truncate -s 1000 '%s'", "rm '%s'", "cp -L tests/fixtures/tiny-model/text_encoder/model.safetensors '%s.x' && mv '%s.x' '%s'",
                "head -c 100000 /dev/zero >'%s'",
        };
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                JobRef first, hurt, sound;
                char text[64] = "";

                copy_model("tests/fixtures/tiny-model", "victim");
                assert_true(generate(bus, &first, "x", 1, "model", "s", "victim") >= 0);
                assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_DONE));
                pid_t worker = place_worker(&place);
                assert_int_equal(kill(worker, SIGSTOP), 0);
                assert_true(generate(bus, &hurt, "x", 4, "model", "s", "victim", "steps", "u", 30, "width", "u", 64, "height",
                                     "u", 64) >= 0);
                assert_true(wait_for_state(bus, hurt.path, IMAGINE_STATE_RUNNING));
                change_weights(changes[i]);
                assert_int_equal(kill(worker, SIGCONT), 0);
                assert_true(generate(bus, &sound, "x", 1, "model", "s", "tiny") >= 0);
                assert_true(wait_for_state(bus, sound.path, IMAGINE_STATE_DONE));
                assert_true(job_string(bus, hurt.path, "State", text) >= 0);
                assert_true(streq(text, IMAGINE_STATE_DONE) || streq(text, IMAGINE_STATE_FAILED));
        }
        place_stop_service(&place);
}

static bool has_mapped(pid_t pid, const char *name)
{
        char path[64], line[PATH_MAX + 128];
        bool found = false;

        (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        while (file && !found && fgets(line, sizeof(line), file))
                found = strstr(line, name) != NULL;
        return found;
}

/* Cuts the weights as soon as the worker has them mapped, and waits for the end of the job. */
static void cut_in_reading(sd_bus *bus, const char *path)
{
        char text[64];

        for (;; sleep_ms(1)) {
                pid_t worker = place_worker(&place);
                if (worker > 0 && has_mapped(worker, "victim/" WEIGHTS)) {
                        assert_int_equal(kill(worker, SIGSTOP), 0);
                        change_weights(": >'%s'");
                        assert_int_equal(kill(worker, SIGCONT), 0);
                }
                if (job_string(bus, path, "State", text) < 0 || state_is_final(text))
                        return;
        }
}

/* What the engine has mapped is cut off under its hands: reading there is SIGBUS, which costs the worker and this job. One that
 * died while it loaded is followed by another, which finds out what is wrong. */
static void test_a_mapped_file_is_cut(void **state)
{
        char name[128];
        JobRef job, sound;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (int i = 0; i < 20; i++) { /* until it was quick enough */
                copy_model("model/default", "victim");
                assert_true(generate(bus, &job, "x", 3, "model", "s", "victim", "steps", "u", 1, "width", "u", 64) >= 0);
                assert_true(generate(bus, &sound, "x", 1, "model", "s", "tiny") >= 0);
                cut_in_reading(bus, job.path);
                assert_true(wait_for_state(bus, sound.path, IMAGINE_STATE_DONE));
                _cleanup_(freep) char *log = place_log(&place);
                if (strstr(log, "(signal 7)")) { /* SIGBUS */
                        job_error(bus, job.path, name);
                        assert_true(streq(name, IMAGINE_ERROR_WORKER_DIED) || streq(name, IMAGINE_ERROR_BAD_MODEL));
                        place_stop_service(&place);
                        return;
                }
        }
        fail_msg("no SIGBUS");
}

/* A cancel that comes as the job ends: it is the one or the other, and is told once. When that is, is found out: later after
 * a job that was cancelled, sooner after one that was done. */
static void test_cancelling_at_the_end(void **state)
{
        unsigned cancelled = 0, done = 0;
        uint64_t moment = USEC_PER_MSEC;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1; result_seconds = 5;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (int i = 0; i < 2000 && (i < 300 || cancelled < 20 || done < 20); i++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                Heard heard = {};
                JobRef job;
                sd_bus_slot *slot;

                assert_true(sd_bus_match_signal(
                                    bus, &slot, IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE, NULL, on_job_signal,
                                    &heard) >= 0);
                assert_true(generate(bus, &job, "x", 1, "steps", "u", 1) >= 0);
                assert_int_equal(usleep((useconds_t)moment), 0);
                int r = job_call(bus, job.path, "Cancel", &error, NULL, NULL);
                assert_true(hear_until(bus, &heard.finished, 1));
                hear_what_came(bus);
                assert_int_equal(heard.finished, 1);
                _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
                if (streq(heard.state, IMAGINE_STATE_DONE)) {
                        done++;
                        moment -= moment / 8;
                        assert_true(fd >= 0);
                } else {
                        cancelled++;
                        moment += moment / 8 + 100;
                        assert_string_equal(heard.state, IMAGINE_STATE_CANCELLED);
                        assert_true(r >= 0);
                }
                assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
                sd_bus_error_free(&error);
                sd_bus_slot_unref(slot);
        }
        assert_true(cancelled > 0 && done > 0);
        place_stop_service(&place);
}

/* A thousand jobs, each cancelled at once or after a moment: none is stuck, and the next one is done. */
static void test_a_thousand_cancels(void **state)
{
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1; result_seconds = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        for (int i = 0; i < 1000; i++) {
                assert_true(generate(bus, &job, "x", 1, "steps", "u", 30) >= 0);
                if (i % 10 == 0)
                        sleep_ms(i % 30); /* into the middle, or just about the end */
                (void)job_call(bus, job.path, "Cancel", NULL, NULL, NULL);
                (void)job_call(bus, job.path, "Release", NULL, NULL, NULL);
        }
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
}

/* The call is refused, or a last job is taken that cannot keep its picture. */
static void assert_lacks_descriptors(sd_bus *bus)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char name[128];
        JobRef job;

        if (generate_error(bus, &job, &error, "x", 0) < 0) {
                assert_non_null(strstr(error.message, "LimitNOFILE"));
                assert_bus_error(&error, IMAGINE_ERROR_LIMITS_EXCEEDED);
                return;
        }
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        job_error(bus, job.path, name);
        assert_string_equal(name, IMAGINE_ERROR_LIMITS_EXCEEDED);
}

/* Few descriptors are allowed: calls and jobs are refused for want of them, by their name, and go well again when some are
 * free. What was made before can be fetched. */
static void test_descriptors_run_out(void **state)
{
        struct rlimit few = { .rlim_cur = 64, .rlim_max = 64 };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef jobs[40], job;
        size_t n = 0, failed = 0;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1; jobs_per_user = 100;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(prlimit(place.service, RLIMIT_NOFILE, &few, NULL), 0);
        for (; n < ELEMENTSOF(jobs); n++)
                if (generate_error(bus, &jobs[n], &error, "x", 2, "steps", "u", 1, "detach", "b", true) < 0)
                        break;
        sd_bus_error_free(&error);
        for (size_t i = 0; i < n; i++) {
                char name[128];
                failed += !wait_for_state(bus, jobs[i].path, IMAGINE_STATE_DONE);
                job_error(bus, jobs[i].path, name);
                if (!streq(name, "") && !streq(name, IMAGINE_ERROR_LIMITS_EXCEEDED))
                        fail_msg("%s", name);
        }
        assert_true(failed > 0 || n < ELEMENTSOF(jobs));
        assert_lacks_descriptors(bus);
        _cleanup_(closep) int fd = get_result(bus, jobs[0].path, 0, NULL);
        assert_true(fd >= 0);
        for (size_t i = 0; i < n; i++) {
                (void)job_call(bus, jobs[i].path, "Release", NULL, NULL, NULL);
        }
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
}

static bool has_jobs(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        bool some;

        assert_true(manager_call(bus, "ListJobs", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', NULL) >= 0);
        some = sd_bus_message_at_end(reply, false) == 0;
        return some;
}

/* Waits until a job is so far; false if it has ended before. */
static bool wait_for_stage(sd_bus *bus, const char *path, const char *wanted)
{
        char stage[64], text[64];

        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; clock_usec(CLOCK_MONOTONIC) < end; sleep_ms(1)) {
                if (job_string(bus, path, "Stage", stage) < 0 || job_string(bus, path, "State", text) < 0)
                        return false;
                if (streq(stage, wanted) || streq(text, wanted))
                        return true;
                if (state_is_final(text))
                        return false;
        }
        return false;
}

/* The caller is gone at that stage of its job: the job goes with it, and the engine is free for the next one. */
static void leave_at(sd_bus *bus, const char *stage, unsigned *reached)
{
        sd_bus *leaving = place_connect(&place);
        sd_bus_message *call = NULL;
        JobRef job, next;

        assert_true(generate(leaving, &job, "x", 3, "steps", "u", 2, "width", "u", 256, "height", "u", 256) >= 0);
        *reached += wait_for_stage(bus, job.path, stage);
        /* With a call that is yet to be answered. */
        assert_true(sd_bus_message_new_method_call(
                            leaving, &call, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "GetPreview") >= 0);
        assert_true(sd_bus_call_async(leaving, NULL, call, on_job_signal, NULL, 0) >= 0);
        sd_bus_message_unref(call);
        assert_true(sd_bus_flush(leaving) >= 0);
        sd_bus_close(leaving); /* nothing is said, nothing is read */
        sd_bus_unref(leaving);
        assert_true(generate(bus, &next, "x", 1, "steps", "u", 1) >= 0);
        assert_true(wait_for_state(bus, next.path, IMAGINE_STATE_DONE));
        assert_true(job_call(bus, next.path, "Release", NULL, NULL, NULL) >= 0);
}

static void test_a_client_dies_at_each_stage(void **state)
{
        static const char *const stages[] = { IMAGINE_STATE_QUEUED, IMAGINE_STATE_LOADING, "denoise", "decode", IMAGINE_STATE_DONE };
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        unsigned descriptors = 0;
        for (size_t i = 0; i < ELEMENTSOF(stages); i++) {
                unsigned reached = 0;
                for (int n = 0; n < 20 && reached == 0; n++) { /* some are short */
                        JobRef before = {};
                        if (streq(stages[i], IMAGINE_STATE_LOADING))
                                assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
                        if (streq(stages[i], IMAGINE_STATE_QUEUED))
                                assert_true(generate(bus, &before, "x", 1, "steps", "u", 30) >= 0);
                        leave_at(bus, stages[i], &reached);
                        if (before.path[0])
                                assert_true(job_call(bus, before.path, "Release", NULL, NULL, NULL) >= 0);
                }
                if (reached == 0)
                        fail_msg("no job was seen at %s", stages[i]);
                for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; has_jobs(bus); sleep_ms(5))
                        assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                descriptors = descriptors > 0 ? descriptors : count_descriptors(place.service);
        }
        assert_true(count_descriptors(place.service) <= descriptors + 2);
        place_stop_service(&place);
}

/* Stops all threads of a process but the first, which listens; a process of its own holds them until they are gone. 0: it may
 * not. */
static pid_t hold_threads(pid_t pid)
{
        char path[64];
        int ready[2];
        char byte = 0;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t holder = fork_child();
        if (holder > 0) {
                (void)close(ready[1]);
                const bool held = read(ready[0], &byte, 1) == 1;
                (void)close(ready[0]);
                if (!held)
                        (void)waitpid(holder, NULL, 0);
                return held ? holder : 0;
        }
        (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
        DIR *dir = opendir(path);
        CHECK(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                const pid_t thread = atoi(entry->d_name);
                if (thread > 0 && thread != pid)
                        CHECK(ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0);
        }
        CHECK(write(ready[1], &byte, 1) == 1);
        while (waitpid(-1, NULL, __WALL) > 0) /* until they are gone */
                ;
        _exit(0);
}

/* The thread that computes does nothing any more, while the one that listens goes on to answer: it is noticed, and costs the job
 * nothing but time. */
static void test_a_thread_that_stands_still(void **state)
{
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1; worker_ping_seconds = 2;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 3, "steps", "u", 300, "width", "u", 128, "height", "u", 128) >= 0);
        (void)wait_for_step(bus, job.path, 2);
        pid_t worker = place_worker(&place), holder = hold_threads(worker);
        if (holder == 0) {
                print_message("who may not trace processes cannot stop a thread of one\n");
                place_stop_service(&place);
                skip();
        }
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_not_equal(place_worker(&place), worker);
        assert_int_equal(wait_for_exit(holder), 0);
        wait_for_log(&place, "did not come forward");
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_model_files_that_change),
                cmocka_unit_test(test_a_mapped_file_is_cut),
                cmocka_unit_test(test_a_client_dies_at_each_stage),
                cmocka_unit_test(test_cancelling_at_the_end),
                cmocka_unit_test(test_a_thousand_cancels),
                cmocka_unit_test(test_descriptors_run_out),
                cmocka_unit_test(test_a_thread_that_stands_still),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
