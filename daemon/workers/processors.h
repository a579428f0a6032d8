/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Lets every thread that a process has, and those that they will start, run on one processor only, or again on all that
 * this process may use. Threads change no picture. */
int processors_limit(pid_t pid, bool one);
