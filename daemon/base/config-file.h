/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text of a configuration file, before libconfig reads it, and how faults in it are told. */

#include "base/error.h"

/* A regular file of reasonable size, without bytes of 0; *ret is the caller's. */
int config_file_read(const char *path, char **ret);

/* libconfig takes a number of more than 32 bits modulo 2^32 unless an L stands behind it: such numbers are faults. */
int config_file_check_numbers(const char *text, const char *path, Error *first);

/* Logs a fault; the first one is kept in *first. */
void config_complain(Error *first, const char *path, unsigned line, const char *name, const char *why);
