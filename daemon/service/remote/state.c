/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base-directory.h"
#include "base/file.h"
#include "service/remote/state.h"

char *state_file(const char *name, bool make)
{
        char *path = base_directory_path(BASE_STATE, name);

        if (path && make)
                (void)file_make_folders(path, 0700); /* what is missing says who opens it */
        return path;
}
