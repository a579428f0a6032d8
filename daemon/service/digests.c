/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/digest-cache.h"
#include "service/digest-list.h"
#include "service/digests.h"
#include "service/file-digests.h"
#include "workers/worker.h"

#define LOOK_VALID (2 * USEC_PER_SEC) /* for which sizes and times are not asked for again */
#define IDLE (USEC_PER_SEC / 2) /* without work, before computing begins */
/* A model that is being copied is left alone until it has been quiet for so long. That also keeps apart what was written
 * before and after a look within one tick of the file system's clock. */
#define QUIET USEC_PER_SEC

struct Digests {
        sd_event *event;
        const Config *config;
        DigestCache *cache;
        DigestList list;
        void (*changed)(void *userdata);
        void *userdata;

        Worker *worker; /* NULL: none */
        DigestEntry *current; /* what it is at; NULL: nothing that still counts */
        char *computing; /* identity of the current one when it began */
        sd_event_source *timer; /* until the next one begins */
        bool busy, stopped;
};

static void tell(Digests *digests)
{
        if (!digests->list.news)
                return;
        digests->list.news = false;
        digests->changed(digests->userdata);
}

static void schedule(Digests *digests, uint64_t usec);

/* Whether its files are still those that the worker began with: others will have their turn. */
static bool is_current(const Digests *digests)
{
        const DigestEntry *entry = digests->current;
        return entry && entry->identity && streq(entry->identity, digests->computing);
}

static void take_digest(Digests *digests, const DigestInfo *info, int fd)
{
        json_t *files = file_digests_read(fd);

        digest_cache_add(digests->cache, digests->computing, info, files);
        if (is_current(digests))
                digest_list_set(&digests->list, digests->current, info, files);
        json_decref(files);
}

/* It is not tried again with the same files. */
static void give_up(Digests *digests, const char *why)
{
        if (!is_current(digests))
                return;
        log_warning("The digest of %s cannot be computed: %s", digests->current->files.name, why);
        digest_list_set_state(&digests->list, digests->current, DIGEST_UNKNOWN);
}

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Digests *digests = userdata;
        const bool is_trusted = message->type == MESSAGE_DIGEST || (message->type == MESSAGE_FAILED && message->job == 0);

        if (message->type == MESSAGE_DIGEST)
                take_digest(digests, &message->digest, fd);
        else if (is_trusted)
                give_up(digests, message->failed.text);
        if (fd >= 0)
                (void)close(fd);
        if (!is_trusted) {
                worker_kill(worker, WORKER_DISTRUSTED);
                return;
        }
        digests->current = NULL;
        worker_stop(worker);
        tell(digests);
}

/* Without a word, if it still is the current one's. */
static void on_ended(Worker *worker, WorkerEnd end, const Error *error, void *userdata)
{
        Digests *digests = userdata;
        (void)end;

        give_up(digests, error->text);
        digests->current = NULL;
        digests->worker = worker_free(worker);
        tell(digests);
        schedule(digests, 0);
}

static void compute(Digests *digests, DigestEntry *entry)
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
                worker_set_busy(digests->worker, true);
                digests->current = entry;
                return;
        }
        log_debug("The digest of %s cannot be computed: %s", entry->files.name, error.text);
        digest_list_set_state(&digests->list, entry, DIGEST_UNKNOWN);
}

/* µs until the files have been quiet for long enough; times in the future count as long ago. */
static uint64_t unrest(const DigestEntry *entry)
{
        uint64_t now = clock_usec(CLOCK_REALTIME);
        return entry->changed <= now && now - entry->changed < QUIET ? QUIET - (now - entry->changed) : 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        Digests *digests = userdata;
        uint64_t wait = UINT64_MAX;
        (void)source, (void)usec;

        for (DigestEntry *entry = digests->list.first; entry && !digests->worker; entry = digest_entry_next(entry)) {
                if (entry->files.state != DIGEST_COMPUTING)
                        continue;
                digest_list_look(&digests->list, entry);
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
        for (const DigestEntry *entry = digests->list.first; entry; entry = digest_entry_next(entry))
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
        digests->list.cache = digests->cache;
        *ret = TAKE_PTR(digests);
        return 0;
}

Digests *digests_free(Digests *digests)
{
        if (!digests)
                return NULL;
        digests_stop(digests);
        digest_list_done(&digests->list);
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
                DigestEntry *entry = digest_list_meet(&digests->list, models->items[i].name, models->items[i].directory);
                if (!entry)
                        continue;
                entry->is_there = true;
                if (entry->looked == 0 || now - entry->looked >= LOOK_VALID)
                        digest_list_look(&digests->list, entry);
        }
        digest_list_forget_missing(&digests->list, &digests->current);
        if (!digests->timer)
                schedule(digests, IDLE);
        tell(digests);
}

const ModelFiles *digests_find(const Digests *digests, const char *name)
{
        const DigestEntry *entry = digest_list_find(&digests->list, name);
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
        DigestEntry *entry = digest_list_meet(&digests->list, name, directory);
        if (!entry)
                return true;
        digest_list_look(&digests->list, entry);
        free(entry->loading);
        entry->loading = entry->identity ? strdup(entry->identity) : NULL;
        tell(digests);
        return entry->files.state != DIGEST_VERIFIED && entry->files.state != DIGEST_UNLISTED;
}

/* Whether its files are still those that were to be loaded. */
static bool remember(Digests *digests, DigestEntry *entry, const DigestInfo *info, int fd)
{
        const bool is_same = entry->identity && streq(entry->identity, entry->loading);
        json_t *files = file_digests_read(fd);

        digest_cache_add(digests->cache, entry->loading, info, files);
        if (is_same)
                digest_list_set(&digests->list, entry, info, files);
        json_decref(files);
        return is_same;
}

void digests_take(Digests *digests, const char *name, const DigestInfo *info, int fd)
{
        DigestEntry *entry = digest_list_find(&digests->list, name);

        if (!entry || !entry->loading || !remember(digests, entry, info, fd))
                return;
        if (entry == digests->current) {
                digests->current = NULL;
                worker_kill(digests->worker, WORKER_STOPPED);
        }
        tell(digests);
}
