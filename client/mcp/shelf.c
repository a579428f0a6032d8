/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/util.h"
#include "client/mcp/shelf.h"
#include "client/output.h"
#include "client/spawn.h"

static char *uri_of(const char *path)
{
        _cleanup_(freep) char *uri = spawn_file_uri(path);
        char *with_slash;

        return uri && asprintf(&with_slash, "%s%s", uri, streq(path, "/") ? "" : "/") >= 0 ? with_slash : NULL;
}

int shelf_open(const char *path, Shelf *ret, Error *error)
{
        Shelf shelf = { .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };

        if (shelf.fd < 0)
                return error_set(error, -errno, "cannot open the folder %s: %s", path, strerror(errno));
        shelf.path = realpath(path, NULL);
        shelf.uri = shelf.path ? uri_of(shelf.path) : NULL;
        if (!shelf.uri) {
                shelf_done(&shelf);
                return error_set(error, -ENOMEM, "out of memory");
        }
        *ret = shelf;
        return 0;
}

void shelf_done(Shelf *shelf)
{
        closep(&shelf->fd);
        free(shelf->path);
        free(shelf->uri);
        *shelf = (Shelf) { .fd = -1 };
}

int shelf_put(const Shelf *shelf, const char *words, uint64_t seed, const Picture *picture, char **ret_name, Error *error)
{
        _cleanup_(output_done) Output output = { 0 };
        _cleanup_(freep) char *path = NULL;
        char folder[64];

        /* Through the descriptor, since names can be given to other folders. */
        (void)snprintf(folder, sizeof(folder), "/proc/self/fd/%d/", shelf->fd);
        int r = output_prepare(&output, folder, false, words, 1, error);
        if (r >= 0)
                r = output_write(&output, 0, seed, picture, &path, error);
        if (r < 0)
                return error_set(error, r, "cannot write to %s: %s", shelf->path, strerror(-r));
        *ret_name = strdup(strrchr(path, '/') + 1);
        return *ret_name ? 0 : error_set(error, -ENOMEM, "out of memory");
}

static int open_beneath(int folder, const char *name)
{
        const struct open_how how = {
                .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        long fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));
        if (fd >= 0)
                return (int)fd;
        if (errno != ENOSYS && errno != EPERM)
                return -errno;
        /* A kernel, or a sandbox, without the call: names in the folder itself can be told apart without it. */
        if (strchr(name, '/') || streq(name, "..") || streq(name, "."))
                return -EXDEV;
        fd = openat(folder, name, (int)how.flags | O_NOFOLLOW);
        return fd < 0 ? -errno : (int)fd;
}

/* What a name, path or URI is called within the folder. */
static const char *within(const Shelf *shelf, const char *name)
{
        const size_t path = strlen(shelf->path), uri = strlen(shelf->uri);

        if (strncmp(name, shelf->uri, uri) == 0)
                return name + uri;
        if (path > 1 && strncmp(name, shelf->path, path) == 0 && name[path] == '/')
                return name + path + 1;
        return name;
}

int shelf_get(const Shelf *shelf, const char *name, int *ret_fd, Error *error)
{
        _cleanup_(closep) int fd = open_beneath(shelf->fd, within(shelf, name));
        struct stat st;

        if (fd == -EXDEV || fd == -ELOOP)
                return error_set(error, fd, "only pictures in %s can be had", shelf->path);
        if (fd < 0)
                return error_set(error, fd, "there is no such picture in %s: %s", shelf->path, strerror(-fd));
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return error_set(error, -EINVAL, "that is no file");
        *ret_fd = TAKE_FD(fd);
        return 0;
}

char *shelf_uri(const Shelf *shelf, const char *name)
{
        char *uri;

        /* Names of ours have letters, digits and dashes. */
        return asprintf(&uri, "%s%s", shelf->uri, name) < 0 ? NULL : uri;
}
