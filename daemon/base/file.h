/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that a program keeps for itself.
 *
 *     r = file_make_folders("/home/user/.local/state/imagined/consent.json", 0700);
 *     if (r >= 0)
 *             r = file_put("/home/user/.local/state/imagined/consent.json", text, true); */

#include <stdbool.h>
#include <sys/types.h>

/* All folders on the way to that path, where they are missing. 0, or a negative errno. */
int file_make_folders(const char *path, mode_t mode);

/* Another file, for its owner alone to read, takes the place of the old one in one step. lasts: it is on the disk by then, its name,
 * too, so that neither is lost with the power. 0, or a negative errno: the old one is there, or, where only the folder could not be
 * written, the new one for now. */
int file_put(const char *path, const char *text, bool lasts);
