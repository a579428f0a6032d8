/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "client/files.h"

static int fill(int fd, const void *data, size_t size)
{
        int r = write_all(fd, data, size);
        if (r < 0)
                return r;
        /* The name must not be there before the bytes are. Some file systems cannot do it, and the picture
         * is good then, too; others say only now that the disk is full. */
        r = fdatasync(fd) < 0 ? -errno : 0;
        return r == -EIO || r == -ENOSPC || r == -EDQUOT ? r : 0;
}

/* The part before the last slash, "." without one. */
static char *directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup(".");
        return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* -EOPNOTSUPP where the file system knows no files without a name, or they cannot get one. */
static int write_nameless(const char *directory, const char *path, const void *data, size_t size)
{
        _cleanup_(closep) int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
        char self[64];

        if (fd < 0)
                return errno == EISDIR || errno == ENOENT || errno == EINVAL ? -EOPNOTSUPP : -errno;
        int r = fill(fd, data, size);
        if (r < 0)
                return r;
        (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
                return errno == EEXIST ? -EEXIST : -EOPNOTSUPP;
        return 0;
}

static int write_temporary(const char *directory, const void *data, size_t size, char **ret)
{
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s/.imagine-XXXXXX", directory) < 0)
                return -ENOMEM;
        _cleanup_(closep) int fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return -errno;

        mode_t mask = umask(0);
        (void)umask(mask);
        int r = fchmod(fd, 0666 & ~mask) < 0 && errno != EPERM ? -errno : fill(fd, data, size);
        if (r < 0) {
                (void)unlink(path);
                return r;
        }
        *ret = TAKE_PTR(path);
        return 0;
}

static int rename_new(const char *from, const char *to)
{
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) >= 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;

        /* A file system that cannot: the name is taken first, by an empty file that is ours to replace. */
        _cleanup_(closep) int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 || rename(from, to) < 0)
                return -errno;
        return 0;
}

static int write_named(
        const char *directory, const char *path, const void *data, size_t size,
        int (*put)(const char *from, const char *to))
{
        _cleanup_(freep) char *temporary = NULL;

        int r = write_temporary(directory, data, size, &temporary);
        if (!temporary)
                return r;
        r = put(temporary, path);
        if (r < 0)
                (void)unlink(temporary);
        return r;
}

int file_write_new(const char *path, const void *data, size_t size)
{
        _cleanup_(freep) char *directory = directory_of(path);

        if (!directory)
                return -ENOMEM;
        int r = write_nameless(directory, path, data, size);
        return r == -EOPNOTSUPP ? write_named(directory, path, data, size, rename_new) : r;
}

static int rename_over(const char *from, const char *to)
{
        return rename(from, to) < 0 ? -errno : 0;
}

int file_replace(const char *path, const void *data, size_t size)
{
        _cleanup_(freep) char *target = realpath(path, NULL);

        /* Not there, or a link that leads nowhere, which file_write_new() refuses. */
        if (!target)
                return errno == ENOENT ? file_write_new(path, data, size) : -errno;

        _cleanup_(freep) char *directory = directory_of(target);
        return directory ? write_named(directory, target, data, size, rename_over) : -ENOMEM;
}
