/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "base/descriptors.h"

#define RESERVE 32 /* a message of the bus brings 16 at most */

int descriptors_check(Error *error)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        /* It gets the lowest number that is free. */
        _cleanup_(closep) int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        if (fd < 0 ? errno != EMFILE : (rlim_t)fd + RESERVE < limit.rlim_cur)
                return 0;
        return error_set(error, -EMFILE, "The service has no file descriptor left (LimitNOFILE); try again later");
}
