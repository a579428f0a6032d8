/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256 in hexadecimal, by OpenSSL's libcrypto: it knows the processors' own instructions, and systemd brings it to
 * most machines anyway. Its configuration file is not read: nothing but files of models is opened here. */

#include <stddef.h>

#include "base/error.h"
#include "engine/model/digest.h"

/* -ENOMEM, or -EIO and the like where the file cannot be read; *error says so. */
int sha256_file(const char *path, char ret[static DIGEST_SIZE], digest_tick_t tick, void *userdata, Error *error);
int sha256_bytes(const void *data, size_t size, char ret[static DIGEST_SIZE], Error *error);
