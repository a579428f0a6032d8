/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine/model/file.h"

int regular_file_open(const char *path, struct stat *ret, Error *error)
{
        /* O_NONBLOCK: opening a FIFO would wait for its writer. */
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set(error, -errno, "%s: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return error_set(error, -EBADMSG, "%s: not a regular file", path);
        *ret = st;
        return TAKE_FD(fd);
}

int mapped_file_open(MappedFile *ret, const char *path, uint64_t max_size, Error *error)
{
        struct stat st;
        _cleanup_(closep) int fd = regular_file_open(path, &st, error);
        if (fd < 0)
                return fd;
        if ((uintmax_t)st.st_size > max_size)
                return error_set(error, -EBADMSG, "%s: %jd bytes, the limit is %ju", path,
                                 (intmax_t)st.st_size, (uintmax_t)max_size);

        static const uint8_t nothing[1] = {};
        const void *data = nothing;
        if (st.st_size > 0) {
                data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
                if (data == MAP_FAILED)
                        return error_set(error, -errno, "%s: %s", path, strerror(errno));
        }
        *ret = (MappedFile) { .data = data, .size = (size_t)st.st_size };
        return 0;
}

void mapped_file_done(MappedFile *file)
{
        if (file->size > 0)
                (void)munmap((void *)file->data, file->size);
        *file = (MappedFile) {};
}

int path_join(char **ret, const char *dir, const char *name, Error *error)
{
        char *path;

        if (asprintf(&path, "%s/%s", dir, name) < 0)
                return error_set(error, -ENOMEM, "%s: out of memory", name);
        *ret = path;
        return 0;
}
