/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/base-directory.h"

static const struct {
        const char *variable, *below_home;
} bases[BASE_MAX] = {
        [BASE_DATA] = { "XDG_DATA_HOME", ".local/share" },
        [BASE_CONFIG] = { "XDG_CONFIG_HOME", ".config" },
        [BASE_STATE] = { "XDG_STATE_HOME", ".local/state" },
        [BASE_CACHE] = { "XDG_CACHE_HOME", ".cache" },
};

char *base_directory_path_at(Base base, const char *home, const char *name)
{
        const char *directory = getenv(bases[base].variable);
        char *path;
        int n = -1;

        /* Relative ones are to be ignored. */
        if (directory && directory[0] == '/')
                n = asprintf(&path, "%s/%s", directory, name);
        else if (home && home[0] == '/')
                n = asprintf(&path, "%s/%s/%s", home, bases[base].below_home, name);
        return n < 0 ? NULL : path;
}

char *base_directory_path(Base base, const char *name)
{
        return base_directory_path_at(base, getenv("HOME"), name);
}
