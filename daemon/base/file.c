/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/io.h"

int file_make_folders(const char *path, mode_t mode)
{
        _cleanup_(freep) char *copy = strdup(path);
        if (!copy)
                return -ENOMEM;

        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}

/* The name of a file is on the disk once its folder is. */
static int sync_folder(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
        if (!folder)
                return -ENOMEM;

        _cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 && errno != EINVAL ? -errno : 0; /* which says that it has no such thing */
}

int file_put(const char *path, const char *text, bool lasts)
{
        _cleanup_(freep) char *temporary = NULL;

        if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        _cleanup_(closep) int fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = write_all(fd, text, strlen(text));
        if (r >= 0 && ((lasts && fsync(fd) < 0) || rename(temporary, path) < 0))
                r = -errno;
        if (r < 0)
                (void)unlink(temporary);
        return r >= 0 && lasts ? sync_folder(path) : r;
}
