/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where GSettings keeps what differs from the defaults: dconf's database, or GLib's file of keys where there is no dconf. What
 * is reset leaves an empty store or an empty group behind; with these nothing is left. */

#include "client/desktop/record.h"

#define STORES 2

typedef struct Stores { /* stores_done() */
        char *paths[STORES];
        bool are_new[STORES]; /* not there yet */
} Stores;

/* Before anything is set: looks which are there, and notes the folders that are not. 0 or -ENOMEM. */
int stores_find(Stores *ret, Record *record);
void stores_done(Stores *stores);

/* Afterwards: notes those that have come as files of the piece. 0 or -ENOMEM. */
int stores_note(const Stores *stores, Record *record, const char *piece);

/* After a reset: takes groups of these names (up to NULL) out of GLib's file, if nothing is in them. Then, if each store that
 * was noted for the piece is empty, they go with the piece; else they stay, and the piece is forgotten. 0 or a negative errno. */
int stores_clean(Record *record, const char *piece, const char *const *groups);
