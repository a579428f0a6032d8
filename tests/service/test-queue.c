/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/util.h"
#include "queue/queue.h"

static const QueueLimits wide = {
        .jobs_per_user = 100,
        .jobs_total = 100,
        .interactive_per_app = 100,
        .finished_per_user = 100,
        .pictures_per_user = 1000,
        .pictures_total = 1000,
        .result_bytes_per_user = 1 << 20,
        .result_bytes_total = 1 << 20,
        .result_seconds = 10,
};

static Job *add_for(Queue *queue, uid_t uid, const char *app, Priority priority, uint32_t count)
{
        Request request;
        JobPolicy policy = { .model = "m", .priority = priority };
        Job *job;

        request_init(&request);
        request.count = count;
        assert_int_equal(queue_add(queue, &request, &policy, uid, app, &job, NULL), 0);
        return job;
}

static Job *add_counted(Queue *queue, uid_t uid, Priority priority, uint32_t count)
{
        return add_for(queue, uid, "", priority, count);
}

static Job *add(Queue *queue, uid_t uid, Priority priority)
{
        return add_counted(queue, uid, priority, 1);
}

/* The next one begins and ends; its user's uid times 100 plus its id is returned. */
static unsigned serve(Queue *queue)
{
        Job *job = queue_next(queue);
        assert_non_null(job);
        queue_begin(queue, job, JOB_LOADING, 1);
        queue_begin(queue, job, JOB_RUNNING, 1);
        queue_finish(queue, job, JOB_DONE, NULL, 2);
        return job->uid * 100 + job->id;
}

static int add_picture(Queue *queue, Job *job, uint64_t size, Error *error)
{
        Picture picture = { .fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .size = size };
        assert_true(picture.fd >= 0);
        int r = queue_add_picture(queue, job, &picture, error);
        if (r < 0)
                (void)close(picture.fd);
        return r;
}

static void test_numbers_are_each_users_own(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        assert_int_equal(add(queue, 1, PRIORITY_NORMAL)->id, 1);
        assert_int_equal(add(queue, 2, PRIORITY_NORMAL)->id, 1);
        Job *second = add(queue, 1, PRIORITY_NORMAL);
        assert_int_equal(second->id, 2);
        assert_int_equal(second->serial, 3);

        assert_ptr_equal(queue_find(queue, 1, 2), second);
        assert_null(queue_find(queue, 2, 2));
        assert_ptr_equal(queue_find_serial(queue, 3), second);

        /* A number does not come twice. */
        queue_remove(queue, second);
        assert_int_equal(add(queue, 1, PRIORITY_NORMAL)->id, 3);
}

static void test_users_take_turns(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        for (int i = 0; i < 3; i++)
                (void)add(queue, 1, PRIORITY_NORMAL);
        (void)add(queue, 2, PRIORITY_NORMAL);
        (void)add(queue, 3, PRIORITY_NORMAL);

        const unsigned order[] = { 101, 201, 301, 102, 103 };
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                assert_int_equal(serve(queue), order[i]);
        assert_null(queue_next(queue));
}

/* An app with many jobs, and one that comes later: within a user they take turns, and coming back gains nothing. */
static void test_apps_take_turns(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        for (int i = 0; i < 4; i++)
                (void)add_for(queue, 1, "many", PRIORITY_NORMAL, 1);
        assert_int_equal(serve(queue), 101);
        (void)add_for(queue, 1, "late", PRIORITY_NORMAL, 1);
        Job *of_another_user = add(queue, 2, PRIORITY_NORMAL);
        assert_int_equal(queue_place(queue, of_another_user), 1);
        const unsigned order[] = { 201, 102, 105, 103 };
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                assert_int_equal(serve(queue), order[i]);
        /* "late" was forgotten with its job; as a newcomer it does not overtake the one that waits. */
        (void)add_for(queue, 1, "late", PRIORITY_NORMAL, 1);
        assert_int_equal(serve(queue), 104);
        assert_int_equal(serve(queue), 106);
}

/* A better class interrupts; the job that gave way is the next of its class, whoever waits besides. */
static void test_parking(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        Job *batch = add(queue, 1, PRIORITY_BATCH);
        (void)add(queue, 2, PRIORITY_BATCH);
        queue_begin(queue, batch, JOB_RUNNING, 100);
        assert_false(queue_should_park(queue, batch));
        Job *normal = add(queue, 2, PRIORITY_NORMAL);
        assert_true(queue_should_park(queue, batch));

        job_set_progress(batch, STAGE_DENOISE, 3, 0.3);
        queue_park(queue, batch, 150);
        assert_int_equal(batch->state, JOB_QUEUED);
        assert_true(job_is_parked(batch));
        assert_int_equal(batch->spent, 50);
        assert_ptr_equal(queue_next(queue), normal);
        queue_begin(queue, normal, JOB_RUNNING, 150);
        assert_true(!queue_should_park(queue, normal));
        (void)add(queue, 2, PRIORITY_INTERACTIVE);
        assert_true(queue_should_park(queue, normal));
        queue_finish(queue, normal, JOB_DONE, NULL, 160);
        assert_int_equal(serve(queue), 203);
        assert_ptr_equal(queue_next(queue), batch);
        assert_int_equal(serve(queue), 101);
        assert_int_equal(serve(queue), 201);
}

/* The class that is held keeps its places; nothing of it is anybody's turn. */
static void test_batch_is_held(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        Job *batch = add(queue, 1, PRIORITY_BATCH);
        queue_hold_batch(queue, true);
        assert_null(queue_next(queue));
        assert_int_equal(queue_place(queue, batch), 1);
        Job *normal = add(queue, 1, PRIORITY_NORMAL);
        assert_true(queue_is_held(queue, batch) && !queue_is_held(queue, normal));
        assert_int_equal(serve(queue), 102);
        assert_null(queue_next(queue));
        queue_hold_batch(queue, false);
        assert_false(queue_is_held(queue, batch));
        assert_int_equal(serve(queue), 101);
}

static void test_interactive_jobs_are_limited(void **state)
{
        QueueLimits limits = wide;
        limits.interactive_per_app = 2;
        _cleanup_(queue_freep) Queue *queue = NULL;
        JobPolicy policy = { .model = "m", .priority = PRIORITY_INTERACTIVE };
        Request request;
        Error error;
        Job *job;
        (void)state;

        request_init(&request);
        assert_int_equal(queue_new(&queue, &limits, NULL, NULL), 0);
        for (int i = 0; i < 2; i++)
                (void)add_for(queue, 1, "one", PRIORITY_INTERACTIVE, 1);
        assert_int_equal(queue_add(queue, &request, &policy, 1, "one", &job, &error), -EDQUOT);
        assert_non_null(strstr(error.text, "interactive_per_app"));
        (void)add_for(queue, 1, "one", PRIORITY_NORMAL, 1);
        (void)add_for(queue, 1, "other", PRIORITY_INTERACTIVE, 1);
        (void)serve(queue);
        assert_int_equal(queue_add(queue, &request, &policy, 1, "one", &job, &error), 0);
}

static void test_classes_come_in_order(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        (void)add(queue, 1, PRIORITY_BATCH);
        (void)add(queue, 1, PRIORITY_NORMAL);
        (void)add(queue, 2, PRIORITY_NORMAL);
        (void)add(queue, 1, PRIORITY_INTERACTIVE);

        const unsigned order[] = { 103, 201, 102, 101 };
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                assert_int_equal(serve(queue), order[i]);
}

static void test_positions_tell_nothing_of_others(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        for (int i = 0; i < 5; i++)
                (void)add(queue, 2, PRIORITY_INTERACTIVE);
        Job *batch = add(queue, 1, PRIORITY_BATCH);
        assert_int_equal(queue_position(queue, batch), 0);
        Job *first = add(queue, 1, PRIORITY_NORMAL);
        Job *second = add(queue, 1, PRIORITY_NORMAL);
        assert_int_equal(queue_position(queue, first), 0);
        assert_int_equal(queue_position(queue, second), 1);
        assert_int_equal(queue_position(queue, batch), 2);

        queue_begin(queue, first, JOB_RUNNING, 1);
        assert_int_equal(queue_position(queue, first), 0);
        assert_int_equal(queue_position(queue, second), 0);
        assert_int_equal(queue_position(queue, batch), 1);
}

static void test_limits_of_jobs(void **state)
{
        QueueLimits limits = wide;
        limits.jobs_per_user = 2;
        limits.jobs_total = 3;
        _cleanup_(queue_freep) Queue *queue = NULL;
        JobPolicy policy = { .model = "m" };
        Request request;
        Error error;
        Job *job = NULL;
        (void)state;

        request_init(&request);
        assert_int_equal(queue_new(&queue, &limits, NULL, NULL), 0);
        (void)add(queue, 1, PRIORITY_NORMAL);
        (void)add(queue, 1, PRIORITY_NORMAL);
        assert_int_equal(queue_add(queue, &request, &policy, 1, "", &job, &error), -EDQUOT);
        assert_non_null(strstr(error.text, "jobs_per_user"));
        (void)add(queue, 2, PRIORITY_NORMAL);
        assert_int_equal(queue_add(queue, &request, &policy, 2, "", &job, &error), -EDQUOT);
        assert_non_null(strstr(error.text, "jobs_total"));
        assert_null(job);

        /* Ended ones do not count. */
        (void)serve(queue);
        assert_int_equal(queue_add(queue, &request, &policy, 1, "", &job, &error), 0);
}

static void test_results_expire(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        Job *job = add(queue, 1, PRIORITY_NORMAL);
        (void)add(queue, 1, PRIORITY_NORMAL);
        assert_int_equal(queue_next_expiry(queue), UINT64_MAX);
        assert_int_equal(queue_job_expiry(queue, job), 0);

        queue_begin(queue, job, JOB_RUNNING, 5);
        assert_int_equal(add_picture(queue, job, 10, NULL), 0);
        queue_finish(queue, job, JOB_DONE, NULL, 7);
        assert_int_equal(queue_next_expiry(queue), 7 + 10 * USEC_PER_SEC);

        queue_expire(queue, 6 + 10 * USEC_PER_SEC);
        assert_non_null(queue_find(queue, 1, 1));
        queue_expire(queue, 7 + 10 * USEC_PER_SEC);
        assert_null(queue_find(queue, 1, 1));
        assert_non_null(queue_find(queue, 1, 2));
}

static void test_oldest_results_give_way(void **state)
{
        QueueLimits limits = wide;
        limits.result_bytes_per_user = 100;
        limits.result_bytes_total = 150;
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &limits, NULL, NULL), 0);
        Job *a = add(queue, 1, PRIORITY_NORMAL), *b = add(queue, 1, PRIORITY_NORMAL);
        assert_int_equal(add_picture(queue, a, 60, NULL), 0);
        queue_finish(queue, a, JOB_DONE, NULL, 1);

        /* The user's own goes first … */
        assert_int_equal(add_picture(queue, b, 60, NULL), 0);
        assert_true(a->dropped);
        assert_int_equal(a->pictures[0].fd, -1);
        assert_int_equal(a->n_pictures, 1);
        queue_finish(queue, b, JOB_DONE, NULL, 2);

        /* … then, when all together is too much, the oldest of anybody. */
        Job *c = add(queue, 2, PRIORITY_NORMAL);
        assert_int_equal(add_picture(queue, c, 95, NULL), 0);
        assert_true(b->dropped);
}

static void test_a_result_that_never_fits(void **state)
{
        QueueLimits limits = wide;
        limits.result_bytes_per_user = 100;
        _cleanup_(queue_freep) Queue *queue = NULL;
        Error error;
        (void)state;

        assert_int_equal(queue_new(&queue, &limits, NULL, NULL), 0);
        Job *job = add_counted(queue, 1, PRIORITY_NORMAL, 3);
        assert_int_equal(add_picture(queue, job, 101, &error), -EDQUOT);
        assert_non_null(strstr(error.text, "(result_bytes_per_user)"));
        assert_int_equal(add_picture(queue, job, UINT64_MAX, &error), -EDQUOT);
        assert_int_equal(job->n_pictures, 0);
        /* What a job at work has is not dropped for its own next picture. */
        assert_int_equal(add_picture(queue, job, 60, NULL), 0);
        assert_int_equal(add_picture(queue, job, 60, &error), -EDQUOT);
        assert_int_equal(job->n_pictures, 1);
}

static void test_no_more_pictures_than_asked_for(void **state)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        (void)state;

        assert_int_equal(queue_new(&queue, &wide, NULL, NULL), 0);
        Job *job = add_counted(queue, 1, PRIORITY_NORMAL, 2);
        assert_int_equal(add_picture(queue, job, 1, NULL), 0);
        assert_int_equal(add_picture(queue, job, 1, NULL), 0);
        assert_int_equal(add_picture(queue, job, 1, NULL), -EOVERFLOW);
}

static void on_removed(Job *job, void *userdata)
{
        unsigned *log = userdata;
        *log = *log * 10 + job->id;
}

static void test_ended_jobs_are_bounded(void **state)
{
        QueueLimits limits = wide;
        limits.finished_per_user = 2;
        _cleanup_(queue_freep) Queue *queue = NULL;
        unsigned removed = 0;
        (void)state;

        assert_int_equal(queue_new(&queue, &limits, on_removed, &removed), 0);
        for (int i = 0; i < 4; i++) {
                Job *job = add(queue, 1, PRIORITY_NORMAL);
                queue_finish(queue, job, JOB_FAILED, &(Error) { -EIO, "x" }, (uint64_t)(10 - i));
        }
        /* The one that ended first goes, and never the one that ends just now. */
        assert_int_equal(removed, 23);
        assert_non_null(queue_find(queue, 1, 1));
        assert_non_null(queue_find(queue, 1, 4));

        limits.finished_per_user = 1;
        queue_set_limits(queue, &limits);
        queue_expire(queue, 11);
        assert_int_equal(removed, 234);
}

static void test_progress_never_goes_back(void **state)
{
        Request request;
        JobPolicy policy = { .model = "m" };
        _cleanup_(job_freep) Job *job = NULL;
        (void)state;

        request_init(&request);
        assert_int_equal(job_new(&job, &request, &policy), 0);
        job_set_progress(job, STAGE_DENOISE, 3, 0.4);
        job_set_progress(job, STAGE_DECODE, 0, 0.3);
        assert_true(job->progress == 0.4);
        assert_int_equal(job->step, 3);
        job_set_progress(job, STAGE_DECODE, 0, 1.5);
        assert_true(job->progress == 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers_are_each_users_own),
                cmocka_unit_test(test_users_take_turns),
                cmocka_unit_test(test_apps_take_turns),
                cmocka_unit_test(test_parking),
                cmocka_unit_test(test_batch_is_held),
                cmocka_unit_test(test_interactive_jobs_are_limited),
                cmocka_unit_test(test_classes_come_in_order),
                cmocka_unit_test(test_positions_tell_nothing_of_others),
                cmocka_unit_test(test_limits_of_jobs),
                cmocka_unit_test(test_results_expire),
                cmocka_unit_test(test_oldest_results_give_way),
                cmocka_unit_test(test_a_result_that_never_fits),
                cmocka_unit_test(test_no_more_pictures_than_asked_for),
                cmocka_unit_test(test_ended_jobs_are_bounded),
                cmocka_unit_test(test_progress_never_goes_back),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
