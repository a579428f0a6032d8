/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Supervision of one worker process, without a bus. */

#include <sched.h>
#include <sys/resource.h>

#include "harness.h"

#include "base/cpu.h"
#include "workers/pulse.h"
#include "workers/worker.h"

typedef struct Scene {
        sd_event *event;
        Worker *worker;
        char directory[128];
        /* what was heard */
        unsigned n_ready, n_progress, n_pictures, n_done;
        int failed_code;
        bool ended;
        WorkerEnd end;
        Error error;
        bool job_at_ready; /* send a job when it is ready */
        bool cancel_at_progress;
        bool stop_at_ready;
        bool stands_still; /* from the first progress on, for three seconds */
} Scene;

static void send_message(Scene *scene, MessageType type)
{
        Message message = { .version = PROTOCOL_VERSION, .type = type, .job = 7 };
        if (type == MESSAGE_GENERATE)
                request_init(&message.generate);
        worker_send(scene->worker, &message, -1);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
        const Scene *scene = userdata;
        (void)source, (void)usec;

        if (scene->worker)
                (void)kill(worker_pid(scene->worker), SIGCONT);
        return 0;
}

static void stand_still(Scene *scene)
{
        assert_int_equal(kill(worker_pid(scene->worker), SIGSTOP), 0);
        assert_true(sd_event_add_time_relative(
                            scene->event, NULL, CLOCK_MONOTONIC, 3 * USEC_PER_SEC, 0, on_rested, scene) >= 0);
}

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Scene *scene = userdata;

        if (fd >= 0)
                (void)close(fd);
        if (message->type == MESSAGE_READY) {
                scene->n_ready++;
                if (scene->job_at_ready) {
                        worker_set_busy(worker, true);
                        send_message(scene, MESSAGE_GENERATE);
                }
                if (scene->stop_at_ready)
                        worker_stop(worker);
        } else if (message->type == MESSAGE_PROGRESS) {
                if (scene->n_progress == 0 && scene->stands_still)
                        stand_still(scene);
                if (scene->n_progress++ == 0 && scene->cancel_at_progress)
                        send_message(scene, MESSAGE_CANCEL);
        } else if (message->type == MESSAGE_PICTURE) {
                scene->n_pictures++;
        } else if (message->type == MESSAGE_DONE) {
                scene->n_done++;
                worker_stop(worker);
        } else if (message->type == MESSAGE_FAILED) {
                scene->failed_code = message->failed.code;
                worker_stop(worker);
        }
}

static void on_ended(Worker *worker, WorkerEnd end, const Error *error, void *userdata)
{
        Scene *scene = userdata;

        assert_false(scene->ended);
        scene->ended = true;
        scene->end = end;
        scene->error = *error;
        scene->worker = worker_free(worker);
        (void)sd_event_exit(scene->event, 0);
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec, (void)userdata;
        fail_msg("it takes too long");
        return 0;
}

/* Runs a stub worker of that mode until it has ended. */
static void play(Scene *scene, const char *mode, uint64_t load_seconds, uint64_t ping_seconds)
{
        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        char program[PATH_MAX];
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);

        (void)snprintf(scene->directory, sizeof(scene->directory), "/nonexistent/stub%s%s", *mode ? "-" : "", mode);
        WorkerSpec spec = {
                .program = built("tests/service/stub-worker", program),
                .model_directory = scene->directory,
                .load_seconds = load_seconds,
                .ping_seconds = ping_seconds,
        };
        assert_true(sd_event_new(&scene->event) >= 0);
        assert_true(sd_event_add_time_relative(
                            scene->event, NULL, CLOCK_MONOTONIC, PATIENCE, 0, on_patience_over, NULL) >= 0);
        Error error = {};
        assert_int_equal(worker_new(&scene->worker, scene->event, &spec, &handlers, scene, &error), 0);
        pid_t pid = worker_pid(scene->worker);

        assert_int_equal(sd_event_loop(scene->event), 0);
        assert_true(scene->ended);
        assert_int_equal(kill(pid, 0), -1); /* reaped */
        scene->event = sd_event_unref(scene->event);
}

static void test_a_job(void **state)
{
        Scene scene = { .job_at_ready = true };
        (void)state;

        play(&scene, "", 60, 60);
        assert_int_equal(scene.end, WORKER_STOPPED);
        assert_int_equal(scene.n_ready, 1);
        assert_int_equal(scene.n_pictures, 1);
        assert_int_equal(scene.n_done, 1);
}

static void test_cancel(void **state)
{
        Scene scene = { .job_at_ready = true, .cancel_at_progress = true };
        (void)state;

        play(&scene, "slow", 60, 60);
        assert_int_equal(scene.failed_code, -ECANCELED);
        assert_int_equal(scene.n_done, 0);
}

static void test_death(void **state)
{
        (void)state;

        Scene loading = {};
        play(&loading, "dies-loading", 60, 60);
        assert_int_equal(loading.end, WORKER_EXITED);
        assert_int_equal(loading.error.code, -EOWNERDEAD);
        assert_non_null(strstr(loading.error.text, "exit status 6"));

        Scene working = { .job_at_ready = true };
        play(&working, "dies-denoising", 60, 60);
        assert_true(working.end == WORKER_KILLED_BY_SIGNAL || working.end == WORKER_EXITED); /* sanitizers exit */
        assert_true(working.n_progress > 0);
        assert_int_equal(working.error.code, -EOWNERDEAD);
}

static void test_the_last_words_are_heard(void **state)
{
        Scene scene = {};
        (void)state;

        play(&scene, "fails-loading", 60, 60);
        assert_int_equal(scene.failed_code, -EBADMSG);
}

static void test_hanging(void **state)
{
        (void)state;

        Scene loading = {};
        play(&loading, "hangs-loading", 1, 60);
        assert_int_equal(loading.end, WORKER_HUNG);
        assert_int_equal(loading.n_ready, 0);

        Scene working = { .job_at_ready = true };
        play(&working, "hangs", 60, 1);
        assert_int_equal(working.end, WORKER_HUNG);
        assert_int_equal(working.error.code, -EOWNERDEAD);
}

/* A thread that listens goes on to answer. */
static void test_lost_ways(void **state)
{
        static const char *const modes[] = { "loops", "stands" };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                Scene scene = { .job_at_ready = true };
                play(&scene, modes[i], 60, 1);
                assert_int_equal(scene.end, WORKER_HUNG);
                assert_true(scene.n_progress > 0);
        }
}

/* The same without waiting for it. Of a machine that gives the worker next to no time, much patience is asked. */
static void test_pulse(void **state)
{
        Pulse pulse = {};
        (void)state;

        pulse_begin(&pulse, 100, 1000);
        assert_true(pulse_asks(&pulse, 1050));
        assert_false(pulse_asks(&pulse, 1060)); /* once */
        assert_false(pulse_has_stopped(&pulse, 1149));
        assert_true(pulse_has_stopped(&pulse, 1150));
        pulse_forgive(&pulse, 1150);
        assert_false(pulse_has_stopped(&pulse, 1249));
        assert_true(pulse_hear(&pulse, &(Pong) { 1, 7, 5000 }, 1249));
        assert_false(pulse_has_stopped(&pulse, 1349)); /* whatever it spent on other jobs */

        assert_true(pulse_asks(&pulse, 1349));
        assert_true(pulse_hear(&pulse, &(Pong) { 2, 7, 5099 }, 2248));
        assert_false(pulse_has_stopped(&pulse, 2248));
        assert_true(pulse_has_stopped(&pulse, 2249)); /* nothing has been done for ten limits */
        pulse_forgive(&pulse, 2249);
        assert_true(pulse_asks(&pulse, 2249));
        assert_true(pulse_hear(&pulse, &(Pong) { 3, 7, 5100 }, 2250));
        assert_true(pulse_has_stopped(&pulse, 2250)); /* nothing but processor time */

        assert_true(pulse_asks(&pulse, 2250));
        assert_true(pulse_hear(&pulse, &(Pong) { 4, 8, 5900 }, 2260));
        assert_false(pulse_has_stopped(&pulse, 2260));
        assert_false(pulse_hear(&pulse, &(Pong) { 5, 9, 6000 }, 2270)); /* which nobody has asked */
        assert_false(pulse_hear(&pulse, &(Pong) { 4, 9, 5800 }, 2270)); /* time does not run backwards */
}

static void test_distrust(void **state)
{
        Scene scene = { .job_at_ready = true };
        (void)state;

        play(&scene, "garbage", 60, 60);
        assert_int_equal(scene.end, WORKER_DISTRUSTED);

        Scene unsealed = { .job_at_ready = true };
        play(&unsealed, "unsealed", 60, 60);
        assert_int_equal(unsealed.end, WORKER_DISTRUSTED);
        assert_int_equal(unsealed.n_pictures, 0);
}

/* A busy worker that answers is left alone, however long it takes. */
static void test_answers_keep_it_alive(void **state)
{
        Scene scene = { .job_at_ready = true };
        (void)state;

        play(&scene, "slow-load", 60, 1);
        assert_int_equal(scene.n_done, 1);
}

/* Whoever has stopped it (SIGSTOP) wants it to stand still, not to die. */
static void test_one_that_is_stopped_is_left_alone(void **state)
{
        Scene scene = { .job_at_ready = true, .stands_still = true };
        (void)state;

        play(&scene, "slow", 60, 1);
        assert_int_equal(scene.n_done, 1);
        assert_int_equal(scene.end, WORKER_STOPPED);
}

static void test_one_that_does_not_end_is_killed(void **state)
{
        Scene scene = { .stop_at_ready = true };
        (void)state;

        play(&scene, "lingers", 60, 60);
        assert_int_equal(scene.end, WORKER_STOPPED);
}

static void test_a_program_that_is_none(void **state)
{
        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        WorkerSpec spec = { .program = "/nonexistent/engine", .model_directory = "/" };
        sd_event *event = NULL;
        Worker *worker = NULL;
        Error error = {};
        (void)state;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(worker_new(&worker, event, &spec, &handlers, NULL, &error), -ENOENT);
        assert_null(worker);
        assert_non_null(strstr(error.text, "/nonexistent/engine"));
        (void)sd_event_unref(event);
}

/* What the process gets: descriptors, environment, signals. A script takes the worker's place and writes it down. */
static void test_what_a_worker_inherits(void **state)
{
        char base[] = "/tmp/imagined-test-XXXXXX", script[64], out[96], text[512];
        (void)state;

        assert_non_null(mkdtemp(base));
        (void)snprintf(script, sizeof(script), "%s/worker", base);
        (void)snprintf(out, sizeof(out), "%s/out", base);
        (void)snprintf(
                        text, sizeof(text),
                        "#!/bin/sh\n"
                        "{ echo \"$@\"; ls /proc/$$/fd | tr '\\n' ' '; echo; env;\n"
                        "readlink /proc/$$/fd/4 /proc/$$/fd/5;\n"
                        "grep -E 'Sig(Blk|Ign)' /proc/self/status; echo nice $(nice), $(cut -d ' ' -f 41 /proc/self/stat); } >%s\n",
                        out);
        write_file(script, text);
        assert_int_equal(chmod(script, 0755), 0);

        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        Scene scene = {};
        WorkerSpec spec = {
                .program = script, .model_directory = "/some/model", .threads = 3, .load_seconds = 60, .ping_seconds = 60,
        };
        int leaked = fcntl(STDIN_FILENO, F_DUPFD, 57); /* without CLOEXEC, on purpose */
        _cleanup_(closep) int pack = open("/dev/zero", O_RDONLY | O_CLOEXEC), new_pack = open("/dev/full", O_RDWR | O_CLOEXEC);
        spec.precision = PRECISION_INT8;
        spec.pack = pack;
        spec.new_pack = new_pack;
        assert_true(leaked >= 57);
        assert_int_equal(setenv("NOTIFY_SOCKET", "/x", 1), 0);
        assert_int_equal(setenv("OPENBLAS_NUM_THREADS", "64", 1), 0);
        assert_true(sd_event_new(&scene.event) >= 0);
        assert_int_equal(worker_new(&scene.worker, scene.event, &spec, &handlers, &scene, NULL), 0);
        assert_int_equal(sd_event_loop(scene.event), 0);
        (void)sd_event_unref(scene.event);
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("OPENBLAS_NUM_THREADS");
        (void)close(leaked);

        _cleanup_(freep) char *heard = read_text_file(out);
        char number[32];
        (void)snprintf(number, sizeof(number), " %d ", leaked);
        assert_non_null(strstr(heard, "--socket 3 --model /some/model --precision int8 --pack 4 --new-pack 5\n0 1 "));
        assert_non_null(strstr(heard, " 2 3 4 5 "));
        assert_non_null(strstr(heard, "\n/dev/zero\n/dev/full\n"));
        assert_null(strstr(heard, number));
        assert_non_null(strstr(heard, "\nOPENBLAS_NUM_THREADS=1\n"));
        assert_null(strstr(heard, "OPENBLAS_NUM_THREADS=64"));
        assert_non_null(strstr(heard, "\nOMP_NUM_THREADS=3\n"));
        assert_non_null(strstr(heard, "\nOMP_WAIT_POLICY=passive\n"));
        assert_non_null(strstr(heard, "\nGOMP_SPINCOUNT=" CPU_SPINS "\n"));
        assert_null(strstr(heard, "NOTIFY_SOCKET"));
        (void)snprintf(number, sizeof(number), "nice %d, %d\n", MIN(getpriority(PRIO_PROCESS, 0) + 10, 19), SCHED_BATCH);
        assert_non_null(strstr(heard, number)); /* everybody goes before it */
        assert_non_null(strstr(heard, "SigBlk:\t0000000000000000\n"));
        /* Under make 32 and 33 are ignored, which the C library keeps for itself and lets nobody change. */
        assert_true(strstr(heard, "SigIgn:\t0000000000000000\n") || strstr(heard, "SigIgn:\t0000000180000000\n"));

        (void)snprintf(text, sizeof(text), "rm -rf '%s'", base);
        IGNORE(system(text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_job),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_death),
                cmocka_unit_test(test_the_last_words_are_heard),
                cmocka_unit_test(test_hanging),
                cmocka_unit_test(test_lost_ways),
                cmocka_unit_test(test_pulse),
                cmocka_unit_test(test_distrust),
                cmocka_unit_test(test_answers_keep_it_alive),
                cmocka_unit_test(test_one_that_is_stopped_is_left_alone),
                cmocka_unit_test(test_one_that_does_not_end_is_killed),
                cmocka_unit_test(test_a_program_that_is_none),
                cmocka_unit_test(test_what_a_worker_inherits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
