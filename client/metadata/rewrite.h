/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture's file with another packet of XMP, and everything else as it was. */

#include <stddef.h>
#include <stdint.h>

/* *ret is malloc'ed. -EOPNOTSUPP: neither PNG nor JPEG nor extended WebP (of which only that has room for it); -EBADMSG: broken;
 * -EFBIG: a JPEG cannot hold it; -ENOMEM. */
int metadata_rewrite(const void *data, size_t size, const char *xmp, size_t xmp_size, uint8_t **ret, size_t *ret_size);
