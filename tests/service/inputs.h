/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptors for Generate, and what becomes of jobs that start from them. */

#include <sys/mman.h>

#include "base/memfd.h"
#include "listener.h"

static inline int sealed_of(const char *text)
{
        int fd = memfd_new_sealed("test", text, strlen(text));
        assert_true(fd >= 0);
        return fd;
}

/* A file's bytes as a sealed memfd; only the first of them where max is less. */
static inline int sealed_file(const char *path, size_t max)
{
        static uint8_t bytes[1 << 20];
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof(bytes) < max ? sizeof(bytes) : max, f);
        (void)fclose(f);
        int fd = memfd_new_sealed("test", bytes, n);
        assert_true(fd >= 0);
        return fd;
}

/* Waits for the end of the job; the error's name and sentence, "" if it is done. */
static inline void wait_for_end(sd_bus *bus, const char *path, char name[static 128], char text[static 512])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        const char *error, *sentence;
        char state[64];

        do {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
                assert_true(job_string(bus, path, "State", state) >= 0);
        } while (!state_is_final(state));
        assert_true(sd_bus_get_property(
                            bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, "Error", NULL, &reply, "(ss)") >= 0);
        assert_true(sd_bus_message_read(reply, "(ss)", &error, &sentence) >= 0);
        (void)snprintf(name, 128, "%s", error);
        (void)snprintf(text, 512, "%s", sentence);
}

static inline bool are_same(int a, int b)
{
        struct stat one = {}, other = {};

        assert_true(fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_size > 0);
        if (one.st_size != other.st_size)
                return false;
        void *p = mmap(NULL, (size_t)one.st_size, PROT_READ, MAP_PRIVATE, a, 0);
        void *q = mmap(NULL, (size_t)one.st_size, PROT_READ, MAP_PRIVATE, b, 0);
        assert_true(p != MAP_FAILED && q != MAP_FAILED);
        bool same = memcmp(p, q, (size_t)one.st_size) == 0;
        (void)munmap(p, (size_t)one.st_size);
        (void)munmap(q, (size_t)one.st_size);
        return same;
}
