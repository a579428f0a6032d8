/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/util.h"
#include "service/appetite.h"

#define MIB (1024.0 * 1024.0)

/* "VmHWM:     1234 kB" */
static uint64_t status_field(pid_t pid, const char *name)
{
        char path[64], line[256];

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file)) {
                uint64_t kib;
                size_t n = strlen(name);
                if (strncmp(line, name, n) == 0 && sscanf(line + n, ": %" SCNu64, &kib) == 1)
                        return kib * 1024;
        }
        return 0;
}

/* Describe asks for it often; "status" takes the kernel ten times as long. */
uint64_t process_resident(pid_t pid)
{
        unsigned long long size, resident;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        if (!file || fscanf(file, "%llu %llu", &size, &resident) != 2)
                return 0;
        return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_peak(pid_t pid)
{
        return status_field(pid, "VmHWM");
}

void appetite_note_loaded(Appetite *appetite, const char *model, pid_t worker)
{
        *appetite = (Appetite) { .base = process_resident(worker) };
        (void)snprintf(appetite->model, sizeof(appetite->model), "%s", model);
}

void appetite_note_picture(Appetite *appetite, pid_t worker, uint64_t pixels)
{
        uint64_t peak = process_peak(worker);

        /* Loading has a peak of its own; only what a larger picture adds to it says something. */
        if (peak > appetite->base && pixels > appetite->pixels) {
                appetite->peak = peak;
                appetite->pixels = pixels;
        }
}

static bool read_number(const char *path, uint64_t *ret)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        return file && fscanf(file, "%" SCNu64, ret) == 1;
}

/* What the own cgroup (version 2) may still take; UINT64_MAX: there is no limit. */
static uint64_t cgroup_left(void)
{
        _cleanup_(fclosep) FILE *file = fopen("/proc/self/cgroup", "re");
        char line[PATH_MAX - 64], path[PATH_MAX];
        uint64_t max, current;

        while (file && fgets(line, sizeof(line), file)) {
                if (strncmp(line, "0::/", 4) != 0)
                        continue;
                line[strcspn(line, "\n")] = '\0';
                (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
                if (!read_number(path, &max)) /* "max" */
                        break;
                (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", line + 3);
                if (read_number(path, &current))
                        return max > current ? max - current : 0;
        }
        return UINT64_MAX;
}

/* What the machine can give at most: all of its memory and swap. What is free now says little, since caches give way. */
static uint64_t machine_has(void)
{
        struct sysinfo info;

        if (sysinfo(&info) < 0)
                return UINT64_MAX;
        return ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
}

int appetite_check(
                const Appetite *appetite, const char *model, uint32_t width, uint32_t height, uint64_t max, Error *error)
{
        if (!streq(appetite->model, model) || appetite->pixels == 0 || width == 0 || height == 0)
                return 0;

        double more = (double)(appetite->peak - appetite->base) * ((double)width * height / (double)appetite->pixels);
        double need = (double)appetite->base + more;
        double limit = (double)MIN(max > 0 ? max : UINT64_MAX, machine_has());
        uint64_t left = cgroup_left();
        if (left < UINT64_MAX)
                limit = MIN(limit, (double)appetite->base + (double)left);
        if (need <= limit)
                return 0;
        return error_set(
                        error, -ENOMEM,
                        "A picture of %ux%u needs about %.0f MiB of memory, and the engine may take %.0f MiB", width,
                        height, need / MIB, limit / MIB);
}
