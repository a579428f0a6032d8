/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Marks as a packet of XMP (ISO 16684-1), by libexempi. The library is started for each packet and ended, so that nothing of
 * it stays: 0.3 ms. One thread at a time. */

#include "marks/marks.h"

/* Larger ones are not read. */
#define XMP_SIZE_MAX (1U << 18)

/* *ret is malloc'ed and ends with 0, *ret_size is without. Where it would be larger than `most` bytes, it is without the
 * prompt and the alternative text. The same marks give the same bytes. -ENOMEM, or -EIO if the library fails. */
int xmp_write(const Marks *marks, size_t most, char **ret, size_t *ret_size);

/* A packet from outside with these marks in the place of its own, and all else that it says; or as xmp_write(), where there is none
 * or it is broken. -EFBIG: larger than `most`. */
int xmp_change(const char *packet, size_t packet_size, const Marks *marks, size_t most, char **ret, size_t *ret_size);

/* Adds what a packet from outside says to *marks, parameters left as they are. -EBADMSG: none, or larger than XMP_SIZE_MAX; -ENOMEM. */
int xmp_read(const char *packet, size_t size, Marks *marks);
