/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/place.h"
#include "client/i18n.h"

#define FILE_SIZE_MAX (1 << 20)

static const struct {
        const char *variable, *otherwise;
} dirs_of_all[BASE_MAX] = {
        [BASE_DATA] = { "XDG_DATA_DIRS", "/usr/local/share:/usr/share" },
        [BASE_CONFIG] = { "XDG_CONFIG_DIRS", "/etc/xdg" },
        [BASE_STATE] = { "", "" },
        [BASE_CACHE] = { "", "" },
};

static const char *home(void)
{
        const char *directory = getenv("HOME");

        if (directory && directory[0] == '/')
                return directory;
        const struct passwd *user = getpwuid(getuid());
        return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : "/";
}

char *place_of_user(Base base, const char *path)
{
        return base_directory_path_at(base, home(), path);
}

char *place_of_all(Base base, const char *path)
{
        const char *dirs = getenv(dirs_of_all[base].variable);

        for (const char *at = dirs && dirs[0] ? dirs : dirs_of_all[base].otherwise; *at;) {
                const size_t length = strcspn(at, ":");
                char *found;
                if (at[0] == '/' && asprintf(&found, "%.*s/%s", (int)length, at, path) >= 0) {
                        if (access(found, R_OK) >= 0)
                                return found;
                        free(found);
                }
                at += length + (at[length] == ':');
        }
        return NULL;
}

int place_of_ours(const char *path, char **ret, Error *error)
{
        _cleanup_(freep) char *below = NULL, *found = NULL, *built = NULL;

        if (asprintf(&below, "imagined/desktop/%s", path) < 0 || asprintf(&built, DATADIR "/%s", below) < 0)
                return -ENOMEM;
        found = place_of_all(BASE_DATA, below);
        if (!found && access(built, R_OK) >= 0)
                found = TAKE_PTR(built);
        if (!found)
                found = place_of_user(BASE_DATA, below);
        if (!found)
                return -ENOMEM;
        if (access(found, R_OK) < 0)
                return error_set(error, -ENOENT, _("%s is not installed; 'make install' puts it there"), below);
        *ret = TAKE_PTR(found);
        return 0;
}

int place_read(const char *path, char **ret)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX)
                return -EFBIG;
        const size_t size = (size_t)st.st_size;
        _cleanup_(freep) char *text = calloc(1, size + 1);
        if (!text)
                return -ENOMEM;
        for (size_t n = 0; n < size;) {
                ssize_t k = read(fd, text + n, size - n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -EIO; /* it became shorter */
                n += (size_t)k;
        }
        if (strlen(text) != size)
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}
