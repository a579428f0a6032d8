/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sealed memfds carry pixels between processes: whoever gets one can map it and trust that it never changes. */

#include <stddef.h>

/* A new sealed memfd that holds a copy of the bytes. Returns the descriptor, or a negative errno. */
int memfd_new_sealed(const char *name, const void *data, size_t size);

/* Checks a descriptor from another process: a memfd under all of SEAL, SHRINK, GROW and WRITE, 1 to max_size bytes.
 * -EBADF: no memfd or not fully sealed; -EFBIG: too large; -ENODATA: empty. */
int memfd_check_sealed(int fd, size_t max_size, size_t *ret_size);

/* A second open file description for the same memfd, read-only and with an offset of its own (a duplicated
 * descriptor shares its offset with the original). Returns the descriptor, or a negative errno. */
int memfd_reopen(int fd);
