/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/tree.h"
#include "base/util.h"
#include "service/digest-cache.h"
#include "service/digests.h"
#include "workers/worker.h"

#define LOOK_VALID (2 * USEC_PER_SEC) /* for which sizes and times are not asked for again */
#define IDLE (USEC_PER_SEC / 2) /* without work, before computing begins */
/* A model that is being copied is left alone until it has been quiet for so long. That also keeps apart what was written
 * before and after a look within one tick of the file system's clock. */
#define QUIET USEC_PER_SEC

typedef struct Entry {
        ModelFiles files; /* first */
        char *directory;
        char *identity; /* of its files, when they were looked at last; NULL: they cannot be */
        uint64_t looked; /* CLOCK_MONOTONIC */
        uint64_t changed; /* the latest ctime, µs */
        char *loading; /* the identity when the worker that loads it began */
        bool is_there; /* while the list is gone through */
} Entry;

struct Digests {
        sd_event *event;
        const Config *config;
        DigestCache *cache;
        void (*changed)(void *userdata);
        void *userdata;

        Entry *first;
        Worker *worker; /* NULL: none */
        Entry *current; /* what it is at; NULL: nothing that still counts */
        char *computing; /* identity of the current one when it began */
        sd_event_source *timer; /* until the next one begins */
        bool busy, stopped;
        bool news; /* not yet told */
};

static const char *const state_names[] = {
        [DIGEST_UNKNOWN] = "unknown",   [DIGEST_COMPUTING] = "computing", [DIGEST_UNLISTED] = "unlisted",
        [DIGEST_VERIFIED] = "verified", [DIGEST_MISMATCH] = "mismatch",
};

const char *digest_state_to_string(DigestState state)
{
        return state_names[state];
}

static Entry *next_of(const Entry *entry)
{
        return (Entry *)entry->files.next;
}

static Entry *entry_free(Entry *entry)
{
        free(entry->directory);
        free(entry->identity);
        free(entry->loading);
        free(entry);
        return NULL;
}

static void tell(Digests *digests)
{
        if (!digests->news)
                return;
        digests->news = false;
        digests->changed(digests->userdata);
}

/* --- looking --- */

static void set_info(Digests *digests, Entry *entry, const DigestInfo *info)
{
        static const DigestState states[MODEL_CHECK_MAX] = {
                [MODEL_UNLISTED] = DIGEST_UNLISTED,
                [MODEL_VERIFIED] = DIGEST_VERIFIED,
                [MODEL_MISMATCH] = DIGEST_MISMATCH,
        };

        entry->files.info = *info;
        entry->files.state = states[info->check];
        digests->news = true;
        if (info->check == MODEL_MISMATCH)
                log_warning("The model %s is not what was published: %s", entry->files.name, info->difference);
}

static void set_state(Digests *digests, Entry *entry, DigestState state)
{
        digests->news = digests->news || entry->files.state != state;
        entry->files.state = state;
        entry->files.info = (DigestInfo) {};
}

/* The files are others than before. Takes the identity. */
static void begin_anew(Digests *digests, Entry *entry, char *identity)
{
        const DigestInfo *known = identity ? digest_cache_find(digests->cache, identity) : NULL;

        free(entry->identity);
        entry->identity = identity;
        if (known)
                set_info(digests, entry, known);
        else
                set_state(digests, entry, identity ? DIGEST_COMPUTING : DIGEST_UNKNOWN);
}

static void look(Digests *digests, Entry *entry)
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
                begin_anew(digests, entry, TAKE_PTR(identity));
}

static Entry *find(const Digests *digests, const char *name)
{
        for (Entry *entry = digests->first; entry; entry = next_of(entry))
                if (streq(entry->files.name, name))
                        return entry;
        return NULL;
}

/* The entry of a model, which has moved if it is at another place; NULL: out of memory. */
static Entry *meet(Digests *digests, const char *name, const char *directory)
{
        Entry *entry = find(digests, name);
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
                entry->files.next = (ModelFiles *)digests->first;
                digests->first = entry;
                digests->news = true;
        }
        return entry;
}

static void forget_missing(Digests *digests)
{
        for (Entry **p = &digests->first; *p;) {
                Entry *entry = *p;
                if (entry->is_there) {
                        entry->is_there = false;
                        p = (Entry **)&entry->files.next;
                        continue;
                }
                if (entry == digests->current)
                        digests->current = NULL;
                *p = next_of(entry);
                (void)entry_free(entry);
                digests->news = true;
        }
}

/* --- computing --- */

static void schedule(Digests *digests, uint64_t usec);

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Digests *digests = userdata;
        Entry *entry = digests->current;

        if (fd >= 0)
                (void)close(fd);
        if (message->type != MESSAGE_DIGEST && (message->type != MESSAGE_FAILED || message->job != 0)) {
                worker_kill(worker, WORKER_DISTRUSTED);
                return;
        }
        if (message->type == MESSAGE_DIGEST)
                digest_cache_add(digests->cache, digests->computing, &message->digest);
        /* Other files by now: they will have their turn. */
        if (entry && entry->identity && streq(entry->identity, digests->computing)) {
                if (message->type == MESSAGE_DIGEST) {
                        set_info(digests, entry, &message->digest);
                } else {
                        log_warning("The digest of %s cannot be computed: %s", entry->files.name, message->failed.text);
                        set_state(digests, entry, DIGEST_UNKNOWN);
                }
        }
        digests->current = NULL;
        worker_stop(worker);
        tell(digests);
}

static void on_ended(Worker *worker, WorkerEnd end, const Error *error, void *userdata)
{
        Digests *digests = userdata;
        Entry *entry = digests->current;
        (void)end, (void)error;

        /* Without a word. It is not tried again with the same files. */
        if (entry && entry->identity && streq(entry->identity, digests->computing))
                set_state(digests, entry, DIGEST_UNKNOWN);
        digests->current = NULL;
        digests->worker = worker_free(worker);
        tell(digests);
        schedule(digests, 0);
}

static void compute(Digests *digests, Entry *entry)
{
        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        const WorkerSpec spec = {
                .program = digests->config->worker,
                .model_directory = entry->directory,
                .task = WORKER_DIGESTS,
                .ping_seconds = digests->config->worker_ping_seconds,
        };
        Error error = {};

        free(digests->computing);
        digests->computing = strdup(entry->identity);
        int r = digests->computing ? worker_new(&digests->worker, digests->event, &spec, &handlers, digests, &error)
                                   : -ENOMEM;
        if (r >= 0) {
                digests->current = entry;
                return;
        }
        log_debug("The digest of %s cannot be computed: %s", entry->files.name, error.text);
        set_state(digests, entry, DIGEST_UNKNOWN);
}

/* µs until the files have been quiet for long enough; times in the future count as long ago. */
static uint64_t unrest(const Entry *entry)
{
        uint64_t now = clock_usec(CLOCK_REALTIME);
        return entry->changed <= now && now - entry->changed < QUIET ? QUIET - (now - entry->changed) : 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        Digests *digests = userdata;
        uint64_t wait = UINT64_MAX;
        (void)source, (void)usec;

        for (Entry *entry = digests->first; entry && !digests->worker; entry = next_of(entry)) {
                if (entry->files.state != DIGEST_COMPUTING)
                        continue;
                look(digests, entry);
                if (entry->files.state != DIGEST_COMPUTING)
                        continue;
                if (unrest(entry) > 0)
                        wait = MIN(wait, unrest(entry));
                else
                        compute(digests, entry);
        }
        if (!digests->worker && wait != UINT64_MAX)
                schedule(digests, wait);
        tell(digests);
        return 0;
}

/* When that much time has passed, the next one begins, if there is any and nothing else is to be done. */
static void schedule(Digests *digests, uint64_t usec)
{
        digests->timer = sd_event_source_disable_unref(digests->timer);
        if (digests->busy || digests->stopped || digests->worker)
                return;
        for (const Entry *entry = digests->first; entry; entry = next_of(entry))
                if (entry->files.state == DIGEST_COMPUTING) {
                        int r = sd_event_add_time_relative(
                                        digests->event, &digests->timer, CLOCK_MONOTONIC, usec, 0, on_time, digests);
                        if (r < 0)
                                log_warning_errno(r, "Digests will not be computed");
                        return;
                }
}

/* --- the whole --- */

int digests_new(
                Digests **ret, sd_event *event, const Config *config, const char *cache, void (*changed)(void *userdata),
                void *userdata)
{
        _cleanup_(digests_freep) Digests *digests = calloc(1, sizeof(*digests));
        if (!digests)
                return -ENOMEM;
        digests->event = sd_event_ref(event);
        digests->config = config;
        digests->changed = changed;
        digests->userdata = userdata;
        int r = digest_cache_new(&digests->cache, cache);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(digests);
        return 0;
}

Digests *digests_free(Digests *digests)
{
        if (!digests)
                return NULL;
        digests_stop(digests);
        while (digests->first) {
                Entry *entry = digests->first;
                digests->first = next_of(entry);
                (void)entry_free(entry);
        }
        digest_cache_free(digests->cache);
        free(digests->computing);
        sd_event_unref(digests->event);
        free(digests);
        return NULL;
}

void digests_set_config(Digests *digests, const Config *config)
{
        digests->config = config;
}

void digests_look(Digests *digests, const Models *models)
{
        uint64_t now = clock_usec(CLOCK_MONOTONIC);

        for (size_t i = models->n; i-- > 0;) {
                Entry *entry = meet(digests, models->items[i].name, models->items[i].directory);
                if (!entry)
                        continue;
                entry->is_there = true;
                if (entry->looked == 0 || now - entry->looked >= LOOK_VALID)
                        look(digests, entry);
        }
        forget_missing(digests);
        if (!digests->timer)
                schedule(digests, IDLE);
        tell(digests);
}

const ModelFiles *digests_first(const Digests *digests)
{
        return digests->first ? &digests->first->files : NULL;
}

const ModelFiles *digests_find(const Digests *digests, const char *name)
{
        const Entry *entry = find(digests, name);
        return entry ? &entry->files : NULL;
}

void digests_set_busy(Digests *digests, bool busy)
{
        if (digests->busy == busy)
                return;
        digests->busy = busy;
        if (digests->worker)
                worker_pause(digests->worker, busy);
        schedule(digests, IDLE);
}

void digests_stop(Digests *digests)
{
        digests->stopped = true;
        digests->timer = sd_event_source_disable_unref(digests->timer);
        digests->current = NULL;
        digests->worker = worker_free(digests->worker);
}

bool digests_must_verify(Digests *digests, const char *name, const char *directory)
{
        Entry *entry = meet(digests, name, directory);
        if (!entry)
                return true;
        look(digests, entry);
        free(entry->loading);
        entry->loading = entry->identity ? strdup(entry->identity) : NULL;
        tell(digests);
        return entry->files.state != DIGEST_VERIFIED && entry->files.state != DIGEST_UNLISTED;
}

void digests_take(Digests *digests, const char *name, const DigestInfo *info)
{
        Entry *entry = find(digests, name);

        if (!entry || !entry->loading)
                return;
        digest_cache_add(digests->cache, entry->loading, info);
        if (!entry->identity || !streq(entry->identity, entry->loading))
                return;
        set_info(digests, entry, info);
        if (entry == digests->current) {
                digests->current = NULL;
                worker_kill(digests->worker, WORKER_STOPPED);
        }
        tell(digests);
}
