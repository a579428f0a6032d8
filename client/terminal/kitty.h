/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A PNG in kitty's graphics protocol (https://sw.kovidgoyal.net/kitty/graphics-protocol/), which ghostty, WezTerm and Konsole
 * know, too: the file itself in base64, so many bytes at a time. */

#include "client/picture.h"

#define KITTY_CHUNK 4096 /* bytes of base64 at a time, at most */

typedef struct KittyPlace {
        uint32_t id; /* not 0; a picture with it that stands somewhere goes when another comes */
        unsigned columns, rows; /* the cells that it fills from the cursor on, which stays where it is */
} KittyPlace;

/* *ret, to be freed, is the whole sequence of *ret_size bytes. The terminal answers nothing. 0 or -ENOMEM. */
int kitty_encode(const Picture *png, const KittyPlace *place, char **ret, size_t *ret_size);
