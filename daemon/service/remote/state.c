/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "service/remote/state.h"

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
                (void)file_make_folders(path, 0700); /* what is missing says who opens it */
        return path;
}
