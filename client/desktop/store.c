/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/place.h"
#include "client/desktop/store.h"
#include "client/files.h"

#define DCONF "dconf/user"
#define KEY_FILE "glib-2.0/settings/keyfile"
#define DCONF_EMPTY_MAX 32 /* bytes: GVDB's header, and a hash table without buckets and items */

int stores_find(Stores *ret, Record *record)
{
        _cleanup_(stores_done) Stores stores = { .paths = { place_of_user(BASE_CONFIG, DCONF),
                                                            place_of_user(BASE_CONFIG, KEY_FILE) } };

        for (size_t i = 0; i < STORES; i++) {
                if (!stores.paths[i])
                        return -ENOMEM;
                stores.are_new[i] = access(stores.paths[i], F_OK) < 0;
                int r = record_note_folders(record, stores.paths[i]);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < STORES; i++) {
                ret->paths[i] = TAKE_PTR(stores.paths[i]);
                ret->are_new[i] = stores.are_new[i];
        }
        return 0;
}

void stores_done(Stores *stores)
{
        for (size_t i = 0; i < STORES; i++)
                free(stores->paths[i]);
        *stores = (Stores) { 0 };
}

int stores_note(const Stores *stores, Record *record, const char *piece)
{
        int r = 0;

        for (size_t i = 0; i < STORES && r >= 0; i++)
                if (stores->are_new[i] && access(stores->paths[i], F_OK) >= 0)
                        r = record_add(record, piece, stores->paths[i]);
        record_remove_folders(record); /* those that did not come */
        return r;
}

/* Takes "[name]" out with the empty line before it, if another group or the end follows. */
static void drop_group(char *text, const char *name)
{
        _cleanup_(freep) char *head = NULL;

        if (asprintf(&head, "[%s]\n", name) < 0)
                return;
        char *begin = strstr(text, head);
        if (!begin || (begin > text && begin[-1] != '\n'))
                return;
        char *end = begin + strlen(head);
        if (*end && *end != '\n' && *end != '[')
                return;
        if (begin - text >= 2 && begin[-2] == '\n')
                begin--;
        else if (*end == '\n')
                end++;
        memmove(begin, end, strlen(end) + 1);
}

static int clean_key_file(const char *const *groups)
{
        _cleanup_(freep) char *path = place_of_user(BASE_CONFIG, KEY_FILE), *text = NULL;
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (stat(path, &st) < 0 || place_read(path, &text) < 0)
                return 0; /* there is none, or nothing that we could have been written to */
        const size_t size = strlen(text);
        for (; *groups; groups++)
                drop_group(text, *groups);
        if (strlen(text) == size)
                return 0;
        int r = file_replace(path, text, strlen(text));
        return r >= 0 && chmod(path, st.st_mode & 07777) < 0 ? -errno : r;
}

static bool is_empty(const char *path)
{
        const char *name = strrchr(path, '/');
        struct stat st;

        return stat(path, &st) < 0 || st.st_size == 0 || (streq(name, "/user") && st.st_size <= DCONF_EMPTY_MAX);
}

int stores_clean(Record *record, const char *piece, const char *const *groups)
{
        int r = clean_key_file(groups);
        bool are_empty = true;

        for (size_t i = 0; r >= 0 && i < record_count(record, piece); i++) {
                _cleanup_(freep) char *path = record_file(record, piece, i);
                are_empty = are_empty && path && is_empty(path);
        }
        if (!are_empty)
                record_forget(record, piece);
        return r;
}
