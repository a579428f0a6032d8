/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs that are interrupted and go on, in the same worker or in another one, have the bytes of those that are not. */

#include "tests/engine/jobs.h"

/* What comes of a job that is parked after every single step, and goes on each time: a memfd for each picture. Between
 * two spells the worker draws something else. */
static void make_in_spells(Child *child, Message *m, int pictures[], unsigned *ret_spells)
{
        uint32_t n = 0;
        _cleanup_(closep) int state = -1;

        for (*ret_spells = 1;; ++*ret_spells) {
                Message resume = { .version = PROTOCOL_VERSION, .type = MESSAGE_RESUME, .job = m->job };
                resume.state.picture = n;
                assert_int_equal(protocol_send(child->socket, &resume, state), 0);
                send_job(child, m);
                (void)expect(child, MESSAGE_STARTED, m->job);
                send_simple(child, MESSAGE_PARK, m->job);

                const Message *got;
                while ((got = receive(child))->type != MESSAGE_DONE && got->type != MESSAGE_PARKED) {
                        assert_int_equal(got->job, m->job);
                        if (got->type == MESSAGE_STATE) {
                                closep(&state);
                                state = TAKE_FD(child->fd);
                        } else if (got->type == MESSAGE_PICTURE) {
                                assert_int_equal(got->picture.picture, n);
                                pictures[n++] = TAKE_FD(child->fd);
                                closep(&state);
                                state = -1;
                        } else {
                                assert_int_equal(got->type, MESSAGE_PROGRESS);
                        }
                }
                if (got->type == MESSAGE_DONE)
                        return;
                make_one_picture(child, m->job + 1);
        }
}

static void assert_same_bytes(int a, int b)
{
        static char one[1 << 20], other[1 << 20];
        ssize_t n = pread(a, one, sizeof(one), 0);

        assert_true(n > 100 && n < (ssize_t)sizeof(one));
        assert_int_equal(pread(b, other, sizeof(other), 0), n);
        assert_memory_equal(one, other, (size_t)n);
}

static void make_at_once(Child *child, const Message *m, int pictures[])
{
        send_job(child, m);
        (void)expect(child, MESSAGE_STARTED, m->job);
        for (uint32_t i = 0; i < m->generate.count; i++) {
                assert_int_equal(skip_progress(child)->type, MESSAGE_PICTURE);
                pictures[i] = TAKE_FD(child->fd);
        }
        (void)expect(child, MESSAGE_DONE, m->job);
}

/* A job that was parked has the bytes of one that was not. Returns its spells. */
static unsigned park(Child *child, const Message *job)
{
        _cleanup_(freep) Message *m = new_job(10, "a red fox");
        int parked[2] = { -1, -1 }, whole[2] = { -1, -1 };
        unsigned spells;

        *m = *job;
        make_at_once(child, m, whole);
        make_in_spells(child, m, parked, &spells);
        for (int i = 0; i < 2; i++) {
                assert_same_bytes(parked[i], whole[i]);
                (void)close(parked[i]);
                (void)close(whole[i]);
        }
        return spells;
}

static Message *new_parked_job(void)
{
        Message *m = new_job(10, "a red fox");

        m->generate.count = 2;
        m->generate.steps = 8;
        m->generate.width = m->generate.height = 48;
        return m;
}

static void test_parking(void **state)
{
        (void)state;
        Child child = start(TINY);
        unsigned most_spells = 0;
        (void)expect(&child, MESSAGE_READY, 0);

        for (Sampler sampler = SAMPLER_DEFAULT + 1; sampler < SAMPLER_MAX; sampler++) {
                _cleanup_(freep) Message *m = new_parked_job();

                m->generate.sampler = sampler;
                most_spells = MAX(most_spells, park(&child, m));
        }
        assert_true(most_spells >= 4);
        assert_int_equal(finish(&child), 0);
}

/* What the deep layers have left is no part of a state, so the job stands still only where they are computed anew. */
static void test_parking_between_shortcuts(void **state)
{
        (void)state;
        static const Sampler samplers[] = { SAMPLER_EULER, SAMPLER_HEUN };
        Child child = start(TINY);
        (void)expect(&child, MESSAGE_READY, 0);

        for (size_t i = 0; i < ELEMENTSOF(samplers); i++) {
                _cleanup_(freep) Message *m = new_parked_job();

                m->generate.sampler = samplers[i];
                m->generate.guidance = 5;
                m->generate.guidance_end = 0.5;
                m->generate.reuse_deep = 3;
                m->generate.merge_tokens = 0.5;
                assert_true(park(&child, m) > 1);
        }
        assert_int_equal(finish(&child), 0);
}

/* A state goes on in another process; one that is broken, or of another picture, is passed over. */
static void test_resuming(void **state)
{
        (void)state;
        Child child = start(TINY);
        _cleanup_(freep) Message *m = new_job(10, "a red fox");
        int whole = -1, got;
        (void)expect(&child, MESSAGE_READY, 0);
        m->generate.steps = 100;
        m->generate.width = m->generate.height = 128;
        make_at_once(&child, m, &whole);
        send_job(&child, m);
        do
                (void)receive(&child);
        while (child.message->type != MESSAGE_STATE);
        assert_true(child.message->state.step > 0);
        Message resume = { .version = PROTOCOL_VERSION, .type = MESSAGE_RESUME, .job = 10, .state = child.message->state };
        _cleanup_(closep) int fd = TAKE_FD(child.fd);
        assert_int_equal(kill(child.pid, SIGKILL), 0);
        (void)waitpid(child.pid, NULL, 0);
        (void)close(child.socket);
        free(child.message);

        static char bytes[1 << 20];
        size_t size;
        assert_int_equal(memfd_check_sealed(fd, sizeof(bytes), &size), 0);
        assert_int_equal(pread(fd, bytes, size, 0), size);
        child = start(TINY);
        (void)expect(&child, MESSAGE_READY, 0);
        for (int i = 0; i < 4; i++) {
                bytes[0] ^= i == 1; /* not the first time */
                m->generate.seed = i == 3 ? 1 : 0;
                _cleanup_(closep) int changed = memfd_new_sealed("x", bytes, i == 2 ? 100 : size);
                assert_int_equal(protocol_send(child.socket, &resume, changed), 0);
                send_job(&child, m);
                (void)expect(&child, MESSAGE_STARTED, 10);
                uint32_t first = 0;
                while (receive(&child)->type != MESSAGE_PICTURE)
                        if (child.message->type == MESSAGE_PROGRESS && child.message->progress.stage == STAGE_DENOISE &&
                            first == 0)
                                first = child.message->progress.step;
                got = TAKE_FD(child.fd);
                (void)expect(&child, MESSAGE_DONE, 10);
                if (i < 3)
                        assert_same_bytes(got, whole);
                if (i == 0)
                        assert_true(first > resume.state.step);
                (void)close(got);
        }
        (void)close(whole);
        assert_int_equal(finish(&child), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parking),
                cmocka_unit_test(test_parking_between_shortcuts),
                cmocka_unit_test(test_resuming),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
