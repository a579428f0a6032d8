/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/log.h"
#include "base/tree.h"
#include "base/util.h"
#include "service/digest-list.h"

static const char *const state_names[] = {
        [DIGEST_UNKNOWN] = "unknown",   [DIGEST_COMPUTING] = "computing", [DIGEST_UNLISTED] = "unlisted",
        [DIGEST_VERIFIED] = "verified", [DIGEST_MISMATCH] = "mismatch",
};

const char *digest_state_to_string(DigestState state)
{
        return state_names[state];
}

static DigestEntry *entry_free(DigestEntry *entry)
{
        free(entry->directory);
        free(entry->identity);
        free(entry->loading);
        json_decref(entry->files.digests);
        free(entry);
        return NULL;
}

static void set_digests(DigestEntry *entry, json_t *digests)
{
        json_t *before = entry->files.digests;

        entry->files.digests = json_incref(digests);
        json_decref(before);
}

void digest_list_set(DigestList *list, DigestEntry *entry, const DigestInfo *info, json_t *digests)
{
        static const DigestState states[MODEL_CHECK_MAX] = {
                [MODEL_UNLISTED] = DIGEST_UNLISTED,
                [MODEL_VERIFIED] = DIGEST_VERIFIED,
                [MODEL_MISMATCH] = DIGEST_MISMATCH,
        };

        set_digests(entry, digests);
        entry->files.info = *info;
        entry->files.state = states[info->check];
        list->news = true;
        if (info->check == MODEL_MISMATCH)
                log_warning("The model %s is not what was published: %s", entry->files.name, info->difference);
}

void digest_list_set_state(DigestList *list, DigestEntry *entry, DigestState state)
{
        list->news = list->news || entry->files.state != state;
        entry->files.state = state;
        entry->files.info = (DigestInfo) {};
        set_digests(entry, NULL);
}

/* The files are others than before. Takes the identity. */
static void begin_anew(DigestList *list, DigestEntry *entry, char *identity)
{
        json_t *digests = NULL;
        const DigestInfo *known = identity ? digest_cache_find(list->cache, identity, &digests) : NULL;

        free(entry->identity);
        entry->identity = identity;
        if (known)
                digest_list_set(list, entry, known, digests);
        else
                digest_list_set_state(list, entry, identity ? DIGEST_COMPUTING : DIGEST_UNKNOWN);
}

void digest_list_look(DigestList *list, DigestEntry *entry)
{
        _cleanup_(tree_done) Tree tree = {};
        _cleanup_(freep) char *identity = NULL;

        int r = tree_read(&tree, entry->directory);
        if (r >= 0)
                r = tree_identity(&tree, &identity);
        entry->looked = clock_usec(CLOCK_MONOTONIC);
        entry->files.bytes = tree.size;
        entry->changed = (uint64_t)MAX(tree.changed, 0) / 1000;
        if (r < 0)
                log_debug("The files of the model %s cannot be listed: %s", entry->files.name, strerror(-r));
        if (!entry->identity || !identity || !streq(entry->identity, identity))
                begin_anew(list, entry, TAKE_PTR(identity));
}

DigestEntry *digest_list_find(const DigestList *list, const char *name)
{
        for (DigestEntry *entry = list->first; entry; entry = digest_entry_next(entry))
                if (streq(entry->files.name, name))
                        return entry;
        return NULL;
}

DigestEntry *digest_list_meet(DigestList *list, const char *name, const char *directory)
{
        DigestEntry *entry = digest_list_find(list, name);
        bool is_new = !entry;

        if (entry && streq(entry->directory, directory))
                return entry;
        char *copy = strdup(directory);
        if (is_new)
                entry = calloc(1, sizeof(*entry));
        if (!copy || !entry) {
                free(copy);
                return NULL;
        }
        free(entry->directory);
        entry->directory = copy;
        entry->looked = 0;
        if (is_new) {
                (void)snprintf(entry->files.name, sizeof(entry->files.name), "%s", name);
                entry->files.next = (ModelFiles *)list->first;
                list->first = entry;
                list->news = true;
        }
        return entry;
}

void digest_list_forget_missing(DigestList *list, DigestEntry **current)
{
        for (DigestEntry **p = &list->first; *p;) {
                DigestEntry *entry = *p;
                if (entry->is_there) {
                        entry->is_there = false;
                        p = (DigestEntry **)&entry->files.next;
                        continue;
                }
                if (entry == *current)
                        *current = NULL;
                *p = digest_entry_next(entry);
                (void)entry_free(entry);
                list->news = true;
        }
}

void digest_list_done(DigestList *list)
{
        while (list->first) {
                DigestEntry *entry = list->first;
                list->first = digest_entry_next(entry);
                (void)entry_free(entry);
        }
}
