/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "workers/processors.h"

static void keep_first(cpu_set_t *set)
{
        bool found = false;

        for (int i = 0; i < CPU_SETSIZE; i++) {
                if (!CPU_ISSET(i, set))
                        continue;
                if (found)
                        CPU_CLR(i, set);
                found = true;
        }
}

int processors_limit(pid_t pid, bool one)
{
        char path[64];
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return -errno;
        if (one)
                keep_first(&set);
        (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
        _cleanup_(closedirp) DIR *tasks = opendir(path);
        if (!tasks)
                return -errno;
        for (const struct dirent *entry; (entry = readdir(tasks));) {
                pid_t task = atoi(entry->d_name);
                /* A thread may end meanwhile. */
                if (task > 0 && sched_setaffinity(task, sizeof(set), &set) < 0 && errno != ESRCH)
                        return -errno;
        }
        return 0;
}
