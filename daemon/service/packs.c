/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/tree.h"
#include "base/util.h"
#include "service/packs.h"

#define SUFFIX ".pack"
#define ROOM_LEFT ((uint64_t)1 << 30) /* bytes that the disk keeps */

struct Packs {
        char *directory; /* NULL: nothing is kept */
};

int packs_new(Packs **ret, const char *beside)
{
        _cleanup_(packs_freep) Packs *packs = calloc(1, sizeof(*packs));
        const char *slash = beside ? strrchr(beside, '/') : NULL;
        if (!packs)
                return -ENOMEM;

        if (slash && asprintf(&packs->directory, "%.*s/packs", (int)(slash - beside), beside) < 0) {
                packs->directory = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(packs);
        return 0;
}

Packs *packs_free(Packs *packs)
{
        if (!packs)
                return NULL;
        free(packs->directory);
        free(packs);
        return NULL;
}

void pack_pair_close(PackPair *pair)
{
        if (pair->old_fd >= 0)
                (void)close(pair->old_fd);
        if (pair->new_fd >= 0)
                (void)close(pair->new_fd);
        *pair = (PackPair) { -1, -1 };
}

/* -1: there is none, and none can be made. */
static int open_directory(const Packs *packs)
{
        if (!packs->directory)
                return -1;
        if (mkdir(packs->directory, 0700) < 0 && errno != EEXIST)
                return -1;
        return open(packs->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool has_room(int directory, uint64_t bytes)
{
        struct statvfs fs;

        return fstatvfs(directory, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize / 2 > bytes + ROOM_LEFT / 2;
}

void packs_open(const Packs *packs, const char *model, const char *directory, uint64_t bytes_min, PackPair *ret)
{
        _cleanup_(tree_done) Tree tree = {};
        char name[MODEL_NAME_MAX + sizeof(SUFFIX)];

        *ret = (PackPair) { -1, -1 };
        if (!packs->directory || bytes_min == 0 || tree_read(&tree, directory) < 0 || tree.size < bytes_min)
                return;
        _cleanup_(closep) int fd = open_directory(packs);
        if (fd < 0)
                return;
        (void)snprintf(name, sizeof(name), "%s" SUFFIX, model);
        ret->old_fd = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (has_room(fd, tree.size))
                ret->new_fd = openat(fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

void packs_keep(const Packs *packs, const char *model, int new_fd)
{
        char from[64], name[MODEL_NAME_MAX + sizeof(SUFFIX)], temporary[sizeof(name) + 8];
        _cleanup_(closep) int fd = open_directory(packs);

        (void)snprintf(from, sizeof(from), "/proc/self/fd/%d", new_fd);
        (void)snprintf(name, sizeof(name), "%s" SUFFIX, model);
        (void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
        (void)unlinkat(fd, temporary, 0); /* of one that died between the two */
        if (fd < 0 || linkat(AT_FDCWD, from, fd, temporary, AT_SYMLINK_FOLLOW) < 0 ||
            renameat(fd, temporary, fd, name) < 0)
                log_info("The packed weights of %s are not kept: %s", model, strerror(errno));
}

static bool is_of(const char *file, const Models *models)
{
        for (size_t i = 0; i < models->n; i++) {
                const size_t n = strlen(models->items[i].name);
                if (strncmp(file, models->items[i].name, n) == 0 && streq(file + n, SUFFIX))
                        return true;
        }
        return false;
}

void packs_forget_others(const Packs *packs, const Models *models)
{
        _cleanup_(closedirp) DIR *dir = packs->directory ? opendir(packs->directory) : NULL;

        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, "..") && !is_of(entry->d_name, models))
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
}
