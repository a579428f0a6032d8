/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A glance at what a worker hands over, without decoding anything. */

#include <stddef.h>
#include <stdint.h>

#include "base/request.h"

/* Whether a descriptor is a sealed memfd that begins like a picture of that format and, for PNG, of that size: signature and
 * IHDR. 0 or -EBADMSG, or what picture_size() says. */
int picture_check(int fd, PictureFormat format, uint32_t width, uint32_t height);

/* Bytes. -EBADF: no sealed memfd; -ENODATA, -EFBIG. */
int picture_size(int fd, size_t *ret);
