/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "service/watchers.h"

typedef struct Watcher {
        char *name;
        uid_t uid;
        uint64_t serial;
} Watcher;

struct Watchers {
        Watcher *items;
        size_t n, room;
};

int watchers_new(Watchers **ret)
{
        Watchers *watchers = calloc(1, sizeof(Watchers));
        if (!watchers)
                return -ENOMEM;
        *ret = watchers;
        return 0;
}

Watchers *watchers_free(Watchers *watchers)
{
        if (!watchers)
                return NULL;
        for (size_t i = 0; i < watchers->n; i++)
                free(watchers->items[i].name);
        free(watchers->items);
        free(watchers);
        return NULL;
}

static bool is_watch(const Watcher *watcher, const char *name, uint64_t serial)
{
        return watcher->serial == serial && streq(watcher->name, name);
}

int watchers_add(
                Watchers *watchers, const char *name, uid_t uid, uint64_t serial, uint64_t per_user, uint64_t total)
{
        uint64_t n = 0;

        for (size_t i = 0; i < watchers->n; i++) {
                if (is_watch(&watchers->items[i], name, serial))
                        return 0;
                n += watchers->items[i].uid == uid;
        }
        if (n >= per_user)
                return -EDQUOT;
        if (watchers->n >= total)
                return -ENOSPC;

        if (watchers->n == watchers->room) {
                size_t room = watchers->room > 0 ? 2 * watchers->room : 8;
                Watcher *items = reallocarray(watchers->items, room, sizeof(Watcher));
                if (!items)
                        return -ENOMEM;
                watchers->items = items;
                watchers->room = room;
        }
        char *copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        watchers->items[watchers->n++] = (Watcher) { copy, uid, serial };
        return 0;
}

static void remove_at(Watchers *watchers, size_t i)
{
        free(watchers->items[i].name);
        watchers->items[i] = watchers->items[--watchers->n];
}

void watchers_remove(Watchers *watchers, const char *name, uint64_t serial)
{
        for (size_t i = watchers->n; i-- > 0;)
                if (is_watch(&watchers->items[i], name, serial))
                        remove_at(watchers, i);
}

void watchers_forget_connection(Watchers *watchers, const char *name)
{
        for (size_t i = watchers->n; i-- > 0;)
                if (streq(watchers->items[i].name, name))
                        remove_at(watchers, i);
}

void watchers_forget_job(Watchers *watchers, uint64_t serial)
{
        for (size_t i = watchers->n; i-- > 0;)
                if (watchers->items[i].serial == serial)
                        remove_at(watchers, i);
}

static bool hears(const Watcher *watcher, uid_t uid, uint64_t serial)
{
        return watcher->uid == uid && (watcher->serial == WATCH_ALL || watcher->serial == serial);
}

const char *watchers_next(const Watchers *watchers, size_t *cursor, uid_t uid, uint64_t serial)
{
        while (*cursor < watchers->n) {
                size_t i = (*cursor)++;
                const Watcher *watcher = &watchers->items[i];
                if (!hears(watcher, uid, serial))
                        continue;

                bool told = false;
                for (size_t j = 0; j < i && !told; j++)
                        told = hears(&watchers->items[j], uid, serial) && streq(watchers->items[j].name, watcher->name);
                if (!told)
                        return watcher->name;
        }
        return NULL;
}
