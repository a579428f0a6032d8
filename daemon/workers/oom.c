/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <limits.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "workers/oom.h"

/* The number behind "KEY " in a file of such lines. */
static bool read_count(const char *path, const char *key, uint64_t *ret)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        char line[256];

        while (file && fgets(line, sizeof(line), file)) {
                char name[64];
                uint64_t value;
                if (sscanf(line, "%63s %" SCNu64, name, &value) == 2 && streq(name, key)) {
                        *ret = value;
                        return true;
                }
        }
        return false;
}

static bool cgroup_count(uint64_t *ret)
{
        _cleanup_(fclosep) FILE *file = fopen("/proc/self/cgroup", "re");
        char line[PATH_MAX], path[PATH_MAX + 64];

        while (file && fgets(line, sizeof(line), file)) {
                if (strncmp(line, "0::/", 4) != 0)
                        continue;
                line[strcspn(line, "\n")] = '\0';
                (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", line + 3);
                return read_count(path, "oom_kill", ret);
        }
        return false;
}

uint64_t oom_kills(void)
{
        uint64_t count = 0;

        if (!cgroup_count(&count))
                (void)read_count("/proc/vmstat", "oom_kill", &count);
        return count;
}
