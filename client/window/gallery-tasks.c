/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/window/gallery-private.h"

/* Each thread has a connection of its own: what one waits for holds up no other. */
static int open_records(Records **ret, Error *error)
{
        _cleanup_(freep) char *path = NULL;

        int r = records_path(&path);
        return r < 0 ? error_set(error, r, "%s", strerror(-r)) : records_open(ret, path, RECORDS_EXIST, error);
}

static void fail(GTask *task, int r, const Error *error)
{
        g_task_return_new_error(task, G_IO_ERROR, (int)g_io_error_from_errno(-r), "%s", error->text[0] ? error->text : strerror(-r));
}

/* --- which records fit --- */

typedef struct Wanted {
        char *words;
        const char *state;
} Wanted;

static void wanted_free(gpointer data)
{
        Wanted *wanted = data;

        g_free(wanted->words);
        g_free(wanted);
}

void gallery_times_free(gpointer data)
{
        GalleryTimes *times = data;

        free(times->times);
        g_free(times);
}

static void list(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
        _cleanup_(records_closep) Records *records = NULL;
        const Wanted *wanted = data;
        const RecordsQuery query = { .words = wanted->words, .state = wanted->state };
        GalleryTimes found = { 0 };
        Error error = { 0 };

        (void)source, (void)cancellable;
        int r = open_records(&records, &error);
        if (r >= 0)
                r = records_list(records, &query, &found.times, &found.n, &error);
        if (r < 0)
                fail(task, r, &error);
        else
                g_task_return_pointer(task, g_memdup2(&found, sizeof(found)), gallery_times_free);
}

void gallery_list_records(const char *words, const char *state, GCancellable *cancellable, GAsyncReadyCallback done, gpointer userdata)
{
        g_autoptr(GTask) task = g_task_new(NULL, cancellable, done, userdata);
        Wanted *wanted = g_new0(Wanted, 1);

        *wanted = (Wanted) { g_strdup(words), state };
        g_task_set_task_data(task, wanted, wanted_free);
        g_task_run_in_thread(task, list);
}

GalleryTimes *gallery_list_records_finish(GAsyncResult *result, GError **error)
{
        return g_task_propagate_pointer(G_TASK(result), error);
}

/* --- what was removed --- */

static void scrub(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
        _cleanup_(records_closep) Records *records = NULL;
        Error error = { 0 };

        (void)source, (void)data, (void)cancellable;
        int r = open_records(&records, &error);
        if (r >= 0)
                r = records_scrub(records, &error);
        if (r < 0)
                fail(task, r, &error);
        else
                g_task_return_boolean(task, TRUE);
}

void gallery_scrub_records(GAsyncReadyCallback done, gpointer userdata)
{
        g_autoptr(GTask) task = g_task_new(NULL, NULL, done, userdata);

        g_task_run_in_thread(task, scrub);
}

bool gallery_scrub_records_finish(GAsyncResult *result, GError **error)
{
        return g_task_propagate_boolean(G_TASK(result), error);
}
