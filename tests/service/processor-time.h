/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whose the processors were meanwhile:
 *
 *     Account before = account_take(&place);
 *     …
 *     Account after = account_take(&place);
 *     account_print(&before, &after); */

#include "harness.h"

typedef struct Account { /* clock ticks */
        uint64_t clients, bus, service, engine, all, stolen;
} Account;

/* Of a process with its threads and the children that it has waited for; 0: it is gone. */
static inline uint64_t processor_time(pid_t pid)
{
        char path[64];
        unsigned long long ticks[4] = {};

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        if (!file || fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &ticks[0],
                            &ticks[1], &ticks[2], &ticks[3]) != 4)
                return 0;
        return ticks[0] + ticks[1] + ticks[2] + ticks[3];
}

/* The same of the whole machine, and what its hypervisor has kept back. */
static inline uint64_t processor_time_of_all(uint64_t *ret_stolen)
{
        unsigned long long user = 0, nice = 0, kernel = 0, interrupts[2] = {}, stolen = 0;

        _cleanup_(fclosep) FILE *file = fopen("/proc/stat", "re");
        if (!file || fscanf(file, "cpu %llu %llu %llu %*u %*u %llu %llu %llu", &user, &nice, &kernel, &interrupts[0],
                            &interrupts[1], &stolen) != 6)
                return 0;
        *ret_stolen = stolen;
        return user + nice + kernel + interrupts[0] + interrupts[1];
}

/* 0 of a process that is another one now. */
static inline double seconds_between(uint64_t before, uint64_t after)
{
        return after > before ? (double)(after - before) / (double)sysconf(_SC_CLK_TCK) : 0;
}

static inline Account account_take(const Place *place)
{
        Account account = {
                .clients = processor_time(getpid()),
                .bus = processor_time(place->bus),
                .service = processor_time(place->service),
                .engine = processor_time(place_worker(place)),
        };

        account.all = processor_time_of_all(&account.stolen);
        return account;
}

static inline void account_print(const Account *before, const Account *after)
{
        double clients = seconds_between(before->clients, after->clients), bus = seconds_between(before->bus, after->bus),
               service = seconds_between(before->service, after->service), engine = seconds_between(before->engine, after->engine),
               others = seconds_between(before->all, after->all) - clients - bus - service - engine;

        printf("seconds of the processors: clients %.1f, bus %.1f, service %.1f, engine %.1f, whatever else there is on this machine "
               "%.1f; kept back by its hypervisor %.1f\n",
               clients, bus, service, engine, others > 0 ? others : 0, seconds_between(before->stolen, after->stolen));
}
