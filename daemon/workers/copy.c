/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "workers/copy.h"

#define TIME_MAX (10 * USEC_PER_SEC)

typedef struct Source {
        int fd;
        size_t max;
} Source;

static int check_kind(const Source *source)
{
        struct stat st;

        if (fstat(source->fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -ENOTSUP;
        return (uintmax_t)st.st_size > source->max ? -EFBIG : 0;
}

static int write_whole(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno != EINTR)
                        return -errno;
                data += n > 0 ? n : 0;
                size -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int copy_bytes(const Source *source, int to)
{
        static uint8_t buffer[65536];
        size_t total = 0;

        int r = check_kind(source);
        while (r >= 0) {
                ssize_t n = pread(source->fd, buffer, sizeof(buffer), (off_t)total);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : total > 0 ? 0 : -ENODATA;
                total += (size_t)n;
                r = total > source->max ? -EFBIG : write_whole(to, buffer, (size_t)n);
        }
        return r;
}

static int run(const void *what, int output)
{
        return -copy_bytes(what, output);
}

int copy_new(Child **ret, sd_event *event, int fd, size_t max, child_done_t done, void *userdata, Error *error)
{
        const Source source = { .fd = fd, .max = max };
        const ChildSpec spec = {
                .name = "copy",
                .run = run,
                .what = &source,
                .bytes_max = max,
                .usec = TIME_MAX,
                .exits_with_errno = true,
        };
        return child_new(ret, event, &spec, done, userdata, error);
}
