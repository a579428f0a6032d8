/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The models that digests.c knows, and what their files looked like last. What the cache knows of them is told at once;
 * the others are DIGEST_COMPUTING until somebody sets what they are. */

#include "service/digest-cache.h"
#include "service/digests.h"

typedef struct DigestEntry {
        ModelFiles files; /* first */
        char *directory;
        char *identity; /* of its files, when they were looked at last; NULL: they cannot be */
        uint64_t looked; /* CLOCK_MONOTONIC */
        uint64_t changed; /* the latest ctime, µs */
        char *loading; /* the identity when the worker that loads it began */
        bool is_there; /* while the list is gone through */
} DigestEntry;

typedef struct DigestList {
        DigestEntry *first;
        const DigestCache *cache;
        bool news; /* a state or digest is another one, models came or went; the caller clears it */
} DigestList;

void digest_list_done(DigestList *list);

static inline DigestEntry *digest_entry_next(const DigestEntry *entry)
{
        return (DigestEntry *)entry->files.next;
}

DigestEntry *digest_list_find(const DigestList *list, const char *name); /* NULL: none */

/* The entry of a model, a new one if need be; NULL: out of memory. One that is at another place now has not been looked
 * at. */
DigestEntry *digest_list_meet(DigestList *list, const char *name, const char *directory);

/* Looks at its files; if they are others than before, so is what is known of them. */
void digest_list_look(DigestList *list, DigestEntry *entry);

void digest_list_set(DigestList *list, DigestEntry *entry, const DigestInfo *info, json_t *digests);
void digest_list_set_state(DigestList *list, DigestEntry *entry, DigestState state);

/* Drops the entries that are not is_there, and sets it back on the others. *current: NULL, if it is among them. */
void digest_list_forget_missing(DigestList *list, DigestEntry **current);
