/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the fuzzers share: the input as a file that can be opened by its name. Built by `make fuzz` with
 * clang. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct FuzzFile {
        int fd;
        char path[64];
} FuzzFile;

static inline FuzzFile fuzz_file_new(const uint8_t *data, size_t size)
{
        FuzzFile file = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

        if (file.fd < 0 || write(file.fd, data, size) != (ssize_t)size)
                abort();
        (void)snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
        return file;
}

static inline void fuzz_file_done(const FuzzFile *file)
{
        (void)close(file->fd);
}

/* After each input: what inputs leave open adds up. A few more are the sanitizers' own. */
static inline void fuzz_check_descriptors(void)
{
        static int first = -1;
        int fd = dup(0);

        first = first < 0 ? fd : first;
        if (fd > first + 8)
                abort();
        (void)close(fd);
}
