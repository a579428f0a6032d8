/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Control groups with less memory than there is, for who may make them:
 *
 *     Cgroup cgroup;
 *     if (!make_cgroup(&cgroup))
 *             skip();
 *     assert_true(write_number(cgroup.path, "cgroup.procs", pid));
 *     limit_cgroup(&cgroup, 32 << 20);
 *     …
 *     remove_cgroup(&cgroup); */

#include "process.h"

static inline bool write_number(const char *directory, const char *name, const char *text)
{
        char path[2 * PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
        return fd >= 0 && write(fd, text, strlen(text)) > 0;
}

/* A cgroup of either version, with the names of its files. */
typedef struct Cgroup {
        const char *root, *limit, *usage;
        char path[PATH_MAX];
} Cgroup;

/* A new one without a limit. False: this process may make none. */
static inline bool make_cgroup(Cgroup *ret)
{
        static const Cgroup kinds[] = {
                { .root = "/sys/fs/cgroup/memory", .limit = "memory.limit_in_bytes", .usage = "memory.usage_in_bytes" },
                { .root = "/sys/fs/cgroup", .limit = "memory.max", .usage = "memory.current" },
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                char limit[2 * PATH_MAX];
                *ret = kinds[i];
                (void)snprintf(ret->path, sizeof(ret->path), "%s/imagined-test-%d", ret->root, (int)getpid());
                if (mkdir(ret->path, 0755) < 0)
                        continue;
                (void)snprintf(limit, sizeof(limit), "%s/%s", ret->path, ret->limit);
                if (access(limit, W_OK) == 0)
                        return true;
                (void)rmdir(ret->path);
        }
        return false;
}

/* To what is used now, and so many bytes more. */
static inline void limit_cgroup(const Cgroup *cgroup, uint64_t room)
{
        char path[2 * PATH_MAX], number[32];

        (void)snprintf(path, sizeof(path), "%s/%s", cgroup->path, cgroup->usage);
        _cleanup_(freep) char *usage = read_text_file(path);
        (void)snprintf(number, sizeof(number), "%llu", strtoull(usage, NULL, 10) + (unsigned long long)room);
        assert_true(write_number(cgroup->path, cgroup->limit, number));
}

/* The last process may not have been buried yet. */
static inline void remove_cgroup(const Cgroup *cgroup)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (rmdir(cgroup->path) < 0) {
                assert_true(errno == EBUSY && clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(20);
        }
}
