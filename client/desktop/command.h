/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Runs a program of the desktop, found in the PATH, without a shell, and waits for it. *ret is what it printed, without the
 * last line break, to be freed. 0; -ENOENT: there is no such program; -EIO: it failed. */
int command_run(char *const argv[], char **ret);
