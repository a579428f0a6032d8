/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a program does with what it was started with, before anything else. */

#include "base/cleanup.h"

/* Where stdin, stdout or stderr is closed, the next descriptor would take its place, and our lines would go
 * there. */
void arguments_fill_descriptors(void);

/* Everybody may read a process's command line, and a bus that starts a service for us writes the beginning of it
 * into its log: no place for a prompt. So the arguments are copied, and what the kernel shows is blanked. NULL if memory is short. */
char **arguments_take(int argc, char *argv[]);

/* Returns NULL. */
char **arguments_free(char **arguments);

DEFINE_CLEANUP(char **, arguments_free)
