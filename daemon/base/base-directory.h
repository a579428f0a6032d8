/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a user's files lie (XDG Base Directory Specification).
 *
 *     _cleanup_(freep) char *path = base_directory_path(BASE_DATA, "imagined/records/records.db"); */

typedef enum Base {
        BASE_DATA, /* $XDG_DATA_HOME, ~/.local/share */
        BASE_CONFIG, /* $XDG_CONFIG_HOME, ~/.config */
        BASE_STATE, /* $XDG_STATE_HOME, ~/.local/state */
        BASE_CACHE, /* $XDG_CACHE_HOME, ~/.cache */
        BASE_MAX,
} Base;

/* The path of that name below one of them, to be freed. NULL: neither the variable nor $HOME is an absolute path, or memory is
 * short. */
char *base_directory_path(Base base, const char *name);

/* The same with a home directory, which may be NULL, in place of $HOME. */
char *base_directory_path_at(Base base, const char *home, const char *name);
