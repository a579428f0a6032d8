/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Work that is put off: each task once, what follows it in order, and who needs one does not wait for the others. */

#include <errno.h>
#include <sched.h>

#include "base/util.h"
#include "engine/tensor/backlog.h"
#include "tests/engine/fixtures.h"

#define TASKS 64

/* What became of a task; the tasks of a test stand in an array. */
typedef struct Piece {
        atomic_int runs, afters, freed;
        int failures; /* so many times there is no memory */
        atomic_bool *gate; /* NULL, or what it waits for */
        atomic_int *order; /* counts what came after tasks */
        int place;
} Piece;

static bool run(void *data)
{
        Piece *piece = data;

        while (piece->gate && !atomic_load(piece->gate))
                (void)sched_yield();
        return atomic_fetch_add(&piece->runs, 1) >= piece->failures;
}

static int after(void *data)
{
        Piece *piece = data;

        piece->place = atomic_fetch_add(piece->order, 1);
        return atomic_fetch_add(&piece->afters, 1) + 40;
}

static void done(void *data)
{
        atomic_fetch_add(&((Piece *)data)->freed, 1);
}

static const TaskKind kind = { .run = run, .after = after, .done = done };

static Backlog *make(Piece *pieces, Task **tasks, size_t n, atomic_int *order)
{
        Backlog *backlog = NULL;

        assert_int_equal(backlog_new(&backlog), 0);
        for (size_t i = 0; i < n; i++) {
                pieces[i].order = order;
                tasks[i] = backlog_add(backlog, &kind, &pieces[i]);
                assert_non_null(tasks[i]);
        }
        return backlog;
}

static void check_all(Piece *pieces, size_t n, int runs, int afters)
{
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(atomic_load(&pieces[i].runs), runs);
                assert_int_equal(atomic_load(&pieces[i].afters), afters);
                assert_int_equal(atomic_load(&pieces[i].freed), 1);
                if (afters > 0)
                        assert_int_equal(pieces[i].place, (int)i);
        }
}

static void test_all(void **state)
{
        (void)state;
        static Piece pieces[TASKS];
        Task *tasks[TASKS];
        atomic_int order = 0;
        Backlog *backlog = make(pieces, tasks, TASKS, &order);

        backlog_start(backlog);
        for (size_t i = TASKS; i-- > 0;) /* against the thread's order */
                assert_true(task_need(tasks[i]));
        assert_int_equal(backlog_wait(backlog), 40);
        backlog_unref(backlog);
        check_all(pieces, TASKS, 1, 1);
}

/* The thread is held up at the first; the last is done by who needs it. */
static void test_need(void **state)
{
        (void)state;
        static Piece pieces[3];
        Task *tasks[3];
        atomic_int order = 0;
        atomic_bool gate = false;
        Backlog *backlog = make(pieces, tasks, 3, &order);

        pieces[0].gate = &gate;
        backlog_start(backlog);
        assert_true(task_need(tasks[2]));
        assert_int_equal(atomic_load(&pieces[2].runs), 1);
        assert_int_equal(atomic_load(&pieces[2].afters), 0);
        atomic_store(&gate, true);
        assert_int_equal(backlog_wait(backlog), 40);
        backlog_unref(backlog);
        check_all(pieces, 3, 1, 1);
}

/* What is stopped is still done for those who need it. */
static void test_stop(void **state)
{
        (void)state;
        static Piece pieces[2];
        Task *tasks[2];
        atomic_int order = 0;
        Backlog *backlog = make(pieces, tasks, 2, &order), *other = backlog_ref(backlog);

        backlog_stop(backlog);
        backlog_start(backlog);
        assert_int_equal(backlog_wait(other), -ECANCELED);
        backlog_unref(backlog);
        assert_int_equal(atomic_load(&pieces[1].freed), 0);
        assert_true(task_need(tasks[1]) && task_need(tasks[0]));
        backlog_unref(other);
        check_all(pieces, 2, 1, 0);
}

static void test_no_memory(void **state)
{
        (void)state;
        static Piece pieces[2] = { { .failures = 2 } };
        Task *tasks[2];
        atomic_int order = 0;
        Backlog *backlog = make(pieces, tasks, 2, &order);

        assert_false(task_need(tasks[0]));
        backlog_start(backlog);
        assert_int_equal(backlog_wait(backlog), -ENOMEM);
        assert_true(task_need(tasks[0]));
        assert_int_equal(atomic_load(&pieces[0].runs), 3);
        assert_int_equal(atomic_load(&pieces[1].runs), 0);
        backlog_unref(backlog);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_need),
                cmocka_unit_test(test_stop),
                cmocka_unit_test(test_no_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
