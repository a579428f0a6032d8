/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/util.h"
#include "queue/pace.h"

/* A machine in numbers: jobs of many sizes are served one after the other on a clock that the test turns. */
typedef struct Machine {
        Queue *queue;
        Pace pace;
        uint64_t now; /* µs */
        uint32_t random; /* xorshift */
} Machine;

static const QueueLimits limits = {
        .jobs_per_user = 1000,
        .jobs_total = 1000,
        .interactive_per_app = 1000,
        .finished_per_user = 1000,
        .pictures_per_user = 1000,
        .pictures_total = 1000,
        .result_bytes_per_user = 1 << 20,
        .result_bytes_total = 1 << 20,
        .result_seconds = 1000000,
};

static uint32_t draw(Machine *m, uint32_t below)
{
        m->random ^= m->random << 13;
        m->random ^= m->random >> 17;
        m->random ^= m->random << 5;
        return m->random % below;
}

static Job *add(Machine *m, uid_t uid, uint32_t side, uint32_t steps, uint32_t count, double guidance)
{
        Request request;
        JobPolicy policy = { .model = "m", .priority = PRIORITY_NORMAL };
        Job *job;

        request_init(&request);
        request.width = request.height = side;
        request.steps = steps;
        request.count = count;
        request.guidance = guidance;
        assert_int_equal(queue_add(m->queue, &request, &policy, uid, "", &job, NULL), 0);
        return job;
}

/* What the machine needs: a step grows faster than the number of pixels, and nothing takes the same time twice. */
static uint64_t step_time(Machine *m, const Job *job)
{
        double side = job->resolved.width, all = pow(side, 2.3) * (job->resolved.guidance > 1 ? 1.9 : 1);
        return (uint64_t)(all * (0.9 + 0.2 * draw(m, 1000) / 1000.0));
}

static uint64_t rest_time(Machine *m, const Job *job)
{
        return (uint64_t)(3 * pow(job->resolved.width, 2) * (0.9 + 0.2 * draw(m, 1000) / 1000.0)) + 1000;
}

/* Makes the next one; what that took. */
static PaceSample serve(Machine *m)
{
        Job *job = queue_next(m->queue);
        const uint32_t steps = job->resolved.steps;
        PaceWatch watch;

        queue_begin(m->queue, job, JOB_RUNNING, m->now);
        pace_watch_start(&watch, 0, m->now);
        for (uint32_t i = 0; i < job->count; i++) {
                pace_watch_progress(&watch, STAGE_ENCODE, 0, 0, m->now);
                pace_watch_progress(&watch, STAGE_DENOISE, 0, steps, m->now);
                for (uint32_t step = 1; step <= steps; step++) {
                        m->now += step_time(m, job);
                        if (step % 3 == 0) /* as it is when steps are fast */
                                pace_watch_progress(&watch, STAGE_DENOISE, step, steps, m->now);
                }
                pace_watch_progress(&watch, STAGE_DECODE, 0, 0, m->now);
                m->now += rest_time(m, job);
                pace_watch_picture(&watch, m->now);
        }
        assert_int_equal(watch.sample.steps, steps * job->count);
        assert_int_equal(watch.sample.pictures, job->count);
        pace_learn(&m->pace, job->policy.model, &job->resolved, &watch.sample);
        queue_finish(m->queue, job, JOB_DONE, NULL, m->now);
        return watch.sample;
}

static void add_any(Machine *m)
{
        const uint32_t sides[] = { 64, 128, 256, 512 };
        (void)add(m, draw(m, 3), sides[draw(m, 4)], 5 + draw(m, 30), 1 + draw(m, 3), draw(m, 2) ? 7.5 : 1);
}

static void assert_right_within_a_third(uint64_t told, uint64_t expected, uint64_t ended)
{
        double real = (double)(ended - told), said = (double)expected - (double)told;

        if (fabs(said - real) > real / 3)
                fail_msg("said %.3f s, was %.3f s", said / 1e6, real / 1e6);
}

/* After every size was made once, what is told when a job is added, and nothing comes after it, is right within a third. */
static void test_expected_ends_prove_right(void **state)
{
        Machine m = { .now = 1000000, .random = 4711 };
        const uint32_t sides[] = { 64, 128, 256, 512 };
        (void)state;

        assert_int_equal(queue_new(&m.queue, &limits, NULL, NULL), 0);
        Job *first = add(&m, 1, 64, 20, 1, 7.5);
        assert_int_equal(pace_expected_end(&m.pace, m.queue, first, m.now), 0);
        for (size_t i = 0; i < ELEMENTSOF(sides); i++)
                (void)add(&m, 1, sides[i], 10, 1, 7.5);
        while (queue_next(m.queue))
                (void)serve(&m);

        for (int round = 0; round < 40; round++) {
                uint64_t expected[30], told = m.now;
                Job *jobs[30];
                size_t n = 0;
                for (uint32_t i = 1 + draw(&m, 25); i > 0; i--)
                        add_any(&m);
                for (Job *job = queue_first(m.queue); job; job = job->next)
                        if (!job_state_is_final(job->state)) {
                                jobs[n] = job;
                                expected[n++] = pace_expected_end(&m.pace, m.queue, job, m.now);
                        }
                while (queue_next(m.queue))
                        (void)serve(&m);
                for (size_t i = 0; i < n; i++) {
                        assert_right_within_a_third(told, expected[i], jobs[i]->ended);
                        queue_remove(m.queue, jobs[i]);
                }
        }
        (void)queue_free(m.queue);
}

/* --- two users with instances of their own --- */

/* It sends the machine's one job after the other, and knows of others' only what that tells of its own. */
typedef struct Home {
        Machine *machine;
        Queue *queue;
        Pace pace;
        uid_t uid;
        Job *front, *there; /* the same job, in either queue; NULL: all are done */
} Home;

static void learn_all_sizes(Machine *m, Home *home)
{
        static const uint32_t sides[] = { 64, 128, 256, 512 };

        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                Job *job = add(m, home->uid, sides[i], 10, 1, 7.5);
                const Resolved resolved = job->resolved;
                const PaceSample sample = serve(m);
                pace_learn(&home->pace, "m", &resolved, &sample);
        }
}

static void home_new(Home *home, Machine *m, uid_t uid)
{
        *home = (Home) { .machine = m, .uid = uid };
        assert_int_equal(queue_new(&home->queue, &limits, NULL, NULL), 0);
        learn_all_sizes(m, home);
}

static void add_at(Home *home, uint32_t side, uint32_t steps, uint32_t count)
{
        Machine here = { .queue = home->queue };
        (void)add(&here, home->uid, side, steps, count, 7.5);
}

static void hear(Home *home)
{
        if (home->front)
                home->front->foretold = pace_expected_end(
                                &home->machine->pace, home->machine->queue, home->there, home->machine->now);
}

static void hand_over(Home *home)
{
        Machine *m = home->machine;
        Job *job = home->front = queue_next(home->queue);

        home->there = NULL;
        if (!job)
                return;
        home->there = add(m, home->uid, job->resolved.width, job->resolved.steps, job->count, job->resolved.guidance);
        hear(home);
        pace_learn_wait(&home->pace, job, job->foretold - m->now);
}

/* The machine makes one, and its owner sends the next. */
static void go_on(Machine *m, Home homes[2])
{
        const uint64_t begun = m->now;
        const PaceSample sample = serve(m);
        Home *home = &homes[job_state_is_final(homes[0].there ? homes[0].there->state : JOB_QUEUED) ? 0 : 1];
        Job *job = home->front;

        assert_true(job_state_is_final(home->there->state));
        queue_begin(home->queue, job, JOB_RUNNING, begun);
        pace_learn(&home->pace, "m", &job->resolved, &sample);
        queue_finish(home->queue, job, JOB_DONE, NULL, m->now);
        queue_remove(m->queue, home->there);
        hand_over(home);
        hear(&homes[0]);
        hear(&homes[1]);
}

/* What a user is told whose jobs are of all sizes, while another one has as many, all alike. */
static void test_two_instances(void **state)
{
        static const uint32_t sides[] = { 64, 128, 256, 512 };
        Machine m = { .now = 1000000, .random = 815 };
        Home homes[2];
        (void)state;

        assert_int_equal(queue_new(&m.queue, &limits, NULL, NULL), 0);
        for (uid_t uid = 0; uid < 2; uid++)
                home_new(&homes[uid], &m, uid);
        for (int round = 0; round < 40; round++) {
                uint64_t expected[30], told;
                Job *jobs[30];
                size_t n = 0;
                for (uint32_t i = 4 + draw(&m, 20); i > 0; i--) {
                        add_at(&homes[0], sides[draw(&m, 4)], 5 + draw(&m, 30), 1 + draw(&m, 3));
                        add_at(&homes[1], sides[round % 4], 20, 1);
                }
                hand_over(&homes[0]);
                hand_over(&homes[1]);
                for (int i = 0; i < 3; i++) /* until it is known how the other one's are */
                        go_on(&m, homes);
                told = m.now;
                for (Job *job = queue_first(homes[0].queue); job; job = job->next)
                        if (!job_state_is_final(job->state)) {
                                jobs[n] = job;
                                expected[n++] = pace_expected_end(&homes[0].pace, homes[0].queue, job, m.now);
                        }
                while (homes[0].front || homes[1].front)
                        go_on(&m, homes);
                for (size_t i = 0; i < n; i++)
                        assert_right_within_a_third(told, expected[i], jobs[i]->ended);
                for (int i = 0; i < 2; i++)
                        for (Job *job = queue_first(homes[i].queue), *next; job; job = next) {
                                next = job->next;
                                queue_remove(homes[i].queue, job);
                        }
        }
        for (int i = 0; i < 2; i++)
                (void)queue_free(homes[i].queue);
        (void)queue_free(m.queue);
}

/* A job of two passes draws a quarter of the pixels first: its steps are learned and told as what they cost. */
static void test_two_passes(void **state)
{
        Machine m = { .now = 1000000, .random = 1 };
        (void)state;

        assert_int_equal(queue_new(&m.queue, &limits, NULL, NULL), 0);
        (void)add(&m, 1, 64, 10, 1, 1);
        Job *job = queue_next(m.queue);
        pace_learn(&m.pace, "m", &job->resolved, &(PaceSample) { .denoise = 1000, .steps = 10 });
        assert_float_equal(pace_duration(&m.pace, job), 1000, 0.01);

        Resolved *two = &job->resolved;
        two->second_steps = 6;
        two->made_steps = 10 + 6;
        two->drawn_width = two->drawn_height = 64;
        two->first_width = two->first_height = 32;
        assert_float_equal(pace_duration(&m.pace, job), 100 * (10 / 4.0 + 6), 0.01);
        pace_learn(&m.pace, "m", two, &(PaceSample) { .denoise = 850, .steps = 16 });
        two->second_steps = 0;
        two->made_steps = 10;
        assert_float_equal(pace_duration(&m.pace, job), 1000, 0.01);
        (void)queue_free(m.queue);
}

/* Of a job that starts from a picture the steps count that its strength leaves. */
static void test_strength(void **state)
{
        Machine m = { .now = 1000000, .random = 1 };
        (void)state;

        assert_int_equal(queue_new(&m.queue, &limits, NULL, NULL), 0);
        Job *job = add(&m, 1, 64, 10, 1, 1);
        pace_learn(&m.pace, "m", &job->resolved, &(PaceSample) { .denoise = 1000, .steps = 10 });

        Request request = *job->request;
        request.strength = 0.5;
        for (request.steps = 0; request.steps <= 20; request.steps += 20) {
                Job *part;
                assert_int_equal(queue_add(m.queue, &request, &job->policy, 1, "", &part, NULL), 0);
                job_presume(part, &(Resolved) { .width = 64, .height = 64, .steps = 20, .sampler = SAMPLER_DDIM });
                assert_int_equal(resolved_steps_made(&part->resolved), 10);
                assert_float_equal(pace_duration(&m.pace, part), 1000, 0.01);
                pace_learn(&m.pace, "m", &part->resolved, &(PaceSample) { .denoise = 1000, .steps = 10 });
        }
        assert_float_equal(pace_duration(&m.pace, job), 1000, 0.01);
        (void)queue_free(m.queue);
}

/* At work: from what is left. Parked: what was done is not waited for again. */
static void test_running_and_parked(void **state)
{
        Machine m = { .now = 1000000, .random = 1 };
        (void)state;

        assert_int_equal(queue_new(&m.queue, &limits, NULL, NULL), 0);
        (void)add(&m, 1, 64, 10, 1, 1);
        (void)serve(&m);
        Job *job = add(&m, 1, 64, 10, 1, 1);
        double all = pace_duration(&m.pace, job);
        uint64_t begun = m.now;
        assert_true(all > 0);
        assert_int_equal(pace_expected_end(&m.pace, m.queue, job, m.now), m.now + (uint64_t)all);

        queue_begin(m.queue, job, JOB_RUNNING, m.now);
        job_set_progress(job, STAGE_DENOISE, 5, 0.5);
        m.now += (uint64_t)all; /* it takes twice as long this time */
        uint64_t end = pace_expected_end(&m.pace, m.queue, job, m.now);
        assert_true(end > begun + (uint64_t)(1.4 * all) && end < begun + (uint64_t)(2.1 * all));

        /* Another instance that works on it knows better. */
        job->foretold = m.now + 12345678;
        assert_int_equal(pace_expected_end(&m.pace, m.queue, job, m.now), m.now + 12345678);
        /* Those behind it will wait there for others' jobs, too. */
        Job *behind = add(&m, 1, 64, 10, 1, 1);
        pace_learn_wait(&m.pace, behind, (uint64_t)pace_duration(&m.pace, behind) + 7000000);
        assert_float_equal(
                        pace_expected_end(&m.pace, m.queue, behind, m.now),
                        m.now + 12345678 + 7000000 + pace_duration(&m.pace, behind), 2);
        queue_remove(m.queue, behind);
        job->foretold = 0;

        Job *later = add(&m, 1, 64, 10, 1, 1);
        queue_park(m.queue, job, m.now);
        uint64_t parked = pace_expected_end(&m.pace, m.queue, job, m.now + 5000000);
        assert_true(parked - 5000000 <= end + 1 && parked - 5000000 + 1 >= end);
        assert_true(pace_expected_end(&m.pace, m.queue, later, m.now) > end);
        /* Nothing is known of a model that never ran. */
        (void)snprintf(later->policy.model, sizeof(later->policy.model), "other");
        assert_true(pace_expected_end(&m.pace, m.queue, job, m.now) > 0);
        assert_int_equal(pace_expected_end(&m.pace, m.queue, later, m.now), 0);
        (void)queue_free(m.queue);
}

/* What another user reads from the time that is told to it does not tell n of his jobs from n + 1, once there are a few. */
static void test_numbers_of_others_are_blurred(void **state)
{
        Machine m = { .now = 1000000, .random = 1 };
        unsigned same = 0;
        uint64_t before = 0;
        (void)state;

        assert_int_equal(queue_new(&m.queue, &limits, NULL, NULL), 0);
        (void)add(&m, 1, 64, 10, 1, 1);
        (void)serve(&m);
        Job *mine = add(&m, 2, 64, 10, 1, 1);
        mine->policy.priority = PRIORITY_BATCH;
        for (int i = 0; i < 24; i++) {
                (void)add(&m, 1, 64, 10, 1, 1);
                uint64_t end = pace_expected_end(&m.pace, m.queue, mine, m.now);
                same += end == before;
                assert_true(end >= before);
                before = end;
        }
        assert_true(same >= 8);
        (void)queue_free(m.queue);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_expected_ends_prove_right),
                cmocka_unit_test(test_two_instances),
                cmocka_unit_test(test_strength),
                cmocka_unit_test(test_two_passes),
                cmocka_unit_test(test_running_and_parked),
                cmocka_unit_test(test_numbers_of_others_are_blurred),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
