/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "service/remote/state.h"

/* Each folder of a file's path that is missing. */
static void make_folders(const char *path)
{
        _cleanup_(freep) char *copy = strdup(path);

        for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                (void)mkdir(copy, 0700);
                *slash = '/';
        }
}

char *state_file(const char *name, bool make)
{
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        char *path = NULL;
        int r = -1;

        if (state && state[0] == '/')
                r = asprintf(&path, "%s/imagined/%s", state, name);
        else if (home && home[0] == '/')
                r = asprintf(&path, "%s/.local/state/imagined/%s", home, name);
        if (r < 0)
                return NULL;
        if (make)
                make_folders(path);
        return path;
}
