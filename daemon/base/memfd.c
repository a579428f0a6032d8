/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/memfd.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int memfd_new_sealed(const char *name, const void *data, size_t size)
{
        _cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;

        int r = write_all(fd, data, size);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int memfd_check_sealed(int fd, size_t max_size, size_t *ret_size)
{
        int seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
                return -EBADF;

        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0)
                return -ENODATA;
        if ((uintmax_t)st.st_size > max_size)
                return -EFBIG;

        if (ret_size)
                *ret_size = (size_t)st.st_size;
        return 0;
}

int memfd_reopen(int fd)
{
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

        int copy = open(path, O_RDONLY | O_CLOEXEC);
        return copy < 0 ? -errno : copy;
}
