/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* Writes all of it, however many pieces that takes. 0, or a negative errno: some of it may be written then. */
int write_all(int fd, const void *data, size_t size);
