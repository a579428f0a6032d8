/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When the machine itself stood still: its hypervisor had other things to do, or the kernel did not let go of a processor. On
 * each processor a process that goes before all others sleeps for moments, and writes down when it woke up too late.
 *
 *     Standstill *standstill = standstill_watch();
 *     …
 *     usec = standstill_within(standstill, since, until);
 *     standstill_print(standstill); */

#include <sched.h>
#include <sys/mman.h>

#include "process.h"

#define STANDSTILL_PROCESSORS_MAX 64
#define STANDSTILL_PERIOD (2 * USEC_PER_MSEC)
#define STANDSTILL_LATE (2 * USEC_PER_MSEC)
#define STANDSTILLS_MAX 8192 /* of each processor; the oldest are forgotten */

typedef struct StandstillProcessor {
        bool is_watched; /* who lacks the right to go before others does not */
        uint64_t n, longest, all; /* µs */
        struct {
                uint64_t since, until; /* CLOCK_MONOTONIC, µs */
        } items[STANDSTILLS_MAX];
} StandstillProcessor;

typedef struct Standstill { /* shared with the watchers */
        unsigned n;
        StandstillProcessor processors[STANDSTILL_PROCESSORS_MAX];
} Standstill;

_Noreturn static inline void standstill_keep_watch(StandstillProcessor *processor, unsigned number)
{
        const struct sched_param first = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(number, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0 || sched_setscheduler(0, SCHED_FIFO, &first) < 0)
                _exit(0);
        processor->is_watched = true;
        for (;;) {
                const struct timespec pause = { .tv_nsec = STANDSTILL_PERIOD * 1000 };
                uint64_t due = clock_usec(CLOCK_MONOTONIC) + STANDSTILL_PERIOD;
                (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
                uint64_t now = clock_usec(CLOCK_MONOTONIC), late = now > due ? now - due : 0;
                if (late < STANDSTILL_LATE)
                        continue;
                processor->items[processor->n % STANDSTILLS_MAX].since = due;
                processor->items[processor->n % STANDSTILLS_MAX].until = now;
                processor->longest = late > processor->longest ? late : processor->longest;
                processor->all += late;
                (void)__atomic_add_fetch(&processor->n, 1, __ATOMIC_RELEASE);
        }
}

/* The watchers end with this process. */
static inline Standstill *standstill_watch(void)
{
        Standstill *standstill = mmap(NULL, sizeof(*standstill), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(standstill, MAP_FAILED);

        standstill->n = (unsigned)MIN(sysconf(_SC_NPROCESSORS_ONLN), STANDSTILL_PROCESSORS_MAX);
        for (unsigned i = 0; i < standstill->n; i++)
                if (fork_child() == 0)
                        standstill_keep_watch(&standstill->processors[i], i);
        return standstill;
}

/* µs, of the processor that stood still for longest. */
static inline uint64_t standstill_within(const Standstill *standstill, uint64_t since, uint64_t until)
{
        uint64_t most = 0;

        for (unsigned p = 0; p < standstill->n; p++) {
                const StandstillProcessor *processor = &standstill->processors[p];
                uint64_t n = __atomic_load_n(&processor->n, __ATOMIC_ACQUIRE), sum = 0;
                for (uint64_t i = n > STANDSTILLS_MAX ? n - STANDSTILLS_MAX : 0; i < n; i++) {
                        uint64_t begin = MAX(processor->items[i % STANDSTILLS_MAX].since, since),
                                 end = MIN(processor->items[i % STANDSTILLS_MAX].until, until);
                        sum += end > begin ? end - begin : 0;
                }
                most = MAX(most, sum);
        }
        return most;
}

static inline void standstill_print(const Standstill *standstill)
{
        for (unsigned p = 0; p < standstill->n; p++) {
                const StandstillProcessor *processor = &standstill->processors[p];
                if (processor->is_watched)
                        printf("processor %u stood still %llu times, %.1f ms in all, %.1f ms at most\n", p,
                               (unsigned long long)processor->n, (double)processor->all / 1000, (double)processor->longest / 1000);
                else
                        printf("processor %u: whether it stood still is not known\n", p);
        }
}
