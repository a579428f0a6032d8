/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <systemd/sd-path.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/util.h"
#include "client/folder.h"
#include "client/i18n.h"

int folder_path(char **ret)
{
        return sd_path_lookup(SD_PATH_USER_PICTURES, "Imagine", ret);
}

int folder_prepare(char **ret)
{
        int r = folder_path(ret);
        if (r >= 0)
                r = file_make_folders(*ret, 0777);
        return r >= 0 && mkdir(*ret, 0777) < 0 && errno != EEXIST ? -errno : r;
}

ExitCode folder_make(Client *c, char **ret)
{
        _cleanup_(freep) char *path = NULL;

        int r = folder_prepare(&path);
        if (r < 0)
                return client_fail(c, CODE_FAILED, _("cannot make the folder of your pictures, %s: %s"),
                                   path ? path : "Imagine", strerror(-r));
        *ret = TAKE_PTR(path);
        return CODE_OK;
}

static bool is_picture(const char *name)
{
        const char *dot = strrchr(name, '.');

        return name[0] != '.' && dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                                         strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".webp") == 0);
}

static bool is_newer(const struct stat *a, const struct stat *b)
{
        return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
                                                      : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

ExitCode folder_find_last(Client *c, char **ret)
{
        _cleanup_(freep) char *path = NULL, *name = NULL;
        struct stat newest = { 0 }, st;

        int r = folder_path(&path);
        if (r < 0)
                return client_fail(c, CODE_FAILED, _("cannot tell where your pictures are: %s"), strerror(-r));
        _cleanup_(closedirp) DIR *directory = opendir(path);
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
                if (!is_picture(entry->d_name) || fstatat(dirfd(directory), entry->d_name, &st, 0) < 0 ||
                    !S_ISREG(st.st_mode) || (name && !is_newer(&st, &newest)))
                        continue;
                newest = st;
                free(name);
                name = strdup(entry->d_name);
                if (!name)
                        break;
        }
        if (!name)
                return client_fail(c, CODE_NOT_FOUND, _("there is no picture in %s yet"), path);
        if (asprintf(ret, "%s/%s", path, name) < 0)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        return CODE_OK;
}
