/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/notify-actions.h"
#include "client/notify-message.h"
#include "client/notify.h"
#include "client/notifier.h"
#include "client/progress.h"

#define SHOW_USEC (USEC_PER_SEC / 2) /* how often a progress is sent, at most */
#define SUBJECT_MAX 80 /* bytes of a prompt that are shown */
#define PREVIEW_SIDE_MAX 1024U /* pixels */

static bool is_showable(const Notifier *n)
{
        return n->is_ready && !n->is_broken && !n->is_pending;
}

static void drop_message(Notifier *n)
{
        n->shown = sd_bus_slot_unref(n->shown);
        n->is_pending = false;
}

static int on_shown(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Notifier *n = userdata;

        (void)ret_error;
        n->is_pending = false;
        if (sd_bus_message_is_method_error(m, NULL))
                n->is_broken = true;
        else
                n->is_broken = sd_bus_message_read_basic(m, 'u', &n->id) < 0;
        if (n->is_to_close)
                notifier_close(n);
        else if (n->is_stale)
                notifier_show(n);
        return 0;
}

static void describe_progress(Notifier *n, NotifyContent *content)
{
        content->title = n->title;
        content->body = n->body;
        content->percent = n->is_xfce ? -1 : n->percent;
        content->preview = &n->preview;
        content->is_lasting = true;
        if (n->has_actions) {
                content->actions[0].key = ACTION_CANCEL;
                content->actions[0].label = _("Cancel");
        }
}

static void describe_end(Notifier *n, const char *uri, NotifyContent *content)
{
        static const struct {
                const char *key, *label;
        } offers[NOTIFY_ACTIONS_MAX] = {
                { ACTION_DEFAULT, N_("Open") },
                { ACTION_OPEN, N_("Open") },
                { ACTION_SHOW, N_("Show in Folder") },
                { ACTION_VARY, N_("Vary") },
        };
        const size_t first = n->is_xfce ? 1 : 0, count = verb_find("vary") ? 4 : 3;

        content->title = n->title;
        content->body = n->body;
        content->percent = -1;
        content->image = uri;
        content->is_error = n->n_paths == 0 && !n->is_text;
        content->is_lasting = n->is_text; /* there is something to read */
        if (n->has_actions && n->offers_again) {
                content->actions[0].key = ACTION_AGAIN;
                content->actions[0].label = _("Try Again");
        }
        for (size_t i = first; n->has_actions && n->n_paths > 0 && i < count; i++) {
                content->actions[i - first].key = offers[i].key;
                content->actions[i - first].label = _(offers[i].label);
        }
}

void notifier_show(Notifier *n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *uri = n->is_end && n->n_paths > 0 ? spawn_file_uri(n->paths[0]) : NULL;
        NotifyContent content = { .replaces = n->id, .has_markup = n->has_markup };

        n->is_stale = true;
        if (!is_showable(n))
                return;
        if (n->is_end)
                describe_end(n, uri, &content);
        else
                describe_progress(n, &content);
        drop_message(n);
        int r = notify_message_new(n->bus, &content, &m);
        if (r >= 0)
                r = sd_bus_call_async(n->bus, &n->shown, m, on_shown, n, 0);
        n->is_pending = r >= 0;
        n->is_broken = r < 0;
        n->is_stale = false;
        n->is_to_close = false;
        n->sent = clock_usec(CLOCK_MONOTONIC);
}

/* Cut between characters. */
static void copy_short(char *buffer, const char *text)
{
        (void)snprintf(buffer, SUBJECT_MAX + 1, "%s", text);
        utf8_sanitize(buffer);
        client_clean_text(buffer);
        size_t length = strlen(buffer);
        if (strlen(text) > SUBJECT_MAX && length + 4 <= SUBJECT_BYTES)
                (void)strcpy(buffer + length, "…");
}

void notifier_set_subject(Notifier *n, const char *subject, unsigned number, unsigned total)
{
        if (!n)
                return;
        copy_short(n->subject, subject);
        n->percent = -1;
        pixels_done(&n->preview);
        if (total > 1)
                (void)snprintf(n->title, sizeof(n->title), _("Making picture %u of %u"), number, total);
        else
                (void)snprintf(n->title, sizeof(n->title), "%s", _("Making a picture"));
}

void notifier_progress(Notifier *n, const JobInfo *job)
{
        char label[160], body[sizeof(n->body)];

        if (!n || n->is_dismissed)
                return;
        progress_format_label(job, label, sizeof(label));
        (void)snprintf(body, sizeof(body), "%s%s%s", n->subject, n->subject[0] ? "\n" : "", label);
        bool is_same = job_state(job) == n->state && clock_usec(CLOCK_MONOTONIC) - n->sent < SHOW_USEC;
        if (is_same || streq(body, n->body))
                return;
        n->state = job_state(job);
        n->percent = n->state == JOB_RUNNING ? (int)(job->progress * 100) : -1;
        (void)snprintf(n->body, sizeof(n->body), "%s", body);
        notifier_show(n);
}

void notifier_preview(Notifier *n, const Picture *preview)
{
        Pixels pixels = { 0 };

        if (!n || n->is_dismissed || pixels_from_png(preview, PREVIEW_SIDE_MAX, &pixels) < 0)
                return;
        pixels_done(&n->preview);
        n->preview = pixels;
        notifier_show(n);
}

void notifier_add_path(Notifier *n, const char *path)
{
        if (!n)
                return;
        char **paths = realloc(n->paths, (n->n_paths + 2) * sizeof(*paths));
        if (!paths)
                return;
        n->paths = paths;
        n->paths[n->n_paths] = realpath(path, NULL);
        n->paths[n->n_paths + 1] = NULL;
        if (n->paths[n->n_paths])
                n->n_paths++;
}

void notifier_set_text(Notifier *n, const char *title, const char *text)
{
        if (!n)
                return;
        const size_t before = n->is_text ? strlen(n->body) : 0;
        if (n->is_text) {
                (void)snprintf(n->body + before, sizeof(n->body) - before, "\n\n%s\n%s", title, text);
        } else {
                (void)snprintf(n->title, sizeof(n->title), "%s", title);
                (void)snprintf(n->body, sizeof(n->body), "%s", text);
        }
        utf8_sanitize(n->title);
        utf8_sanitize(n->body);
        n->is_text = true;
}

void notifier_set_failure(Notifier *n, const char *title)
{
        if (n)
                n->failure = title;
}

void notifier_set_command(Notifier *n, char *const command[], const char *input)
{
        if (!n)
                return;
        n->command = command;
        n->input = input;
}

bool notifier_is_cancelled(const Notifier *n)
{
        return n && n->is_cancelled;
}

void notifier_close(Notifier *n)
{
        if (!n)
                return;
        n->is_to_close = n->is_pending;
        n->is_stale = false;
        n->body[0] = '\0';
        if (n->is_pending || n->id == 0)
                return;
        (void)sd_bus_call_method_async(n->bus, NULL, NOTIFY_NAME, NOTIFY_PATH, NOTIFY_NAME, "CloseNotification", NULL,
                                       NULL, "u", n->id);
        n->id = 0;
        n->is_dismissed = false;
}

/* What to say at the end: 0 pictures are a failure. */
static void describe_outcome(Notifier *n, const Client *c)
{
        const char *message = json_string_value(json_object_get(c->error, "message"));
        const char *name = n->n_paths > 0 ? strrchr(n->paths[0], '/') + 1 : "";

        if (n->n_paths == 0) {
                (void)snprintf(n->title, sizeof(n->title), "%s", n->failure ? n->failure : _("No picture"));
                (void)snprintf(n->body, sizeof(n->body), "%s%s%s", message ? message : "", c->hint ? "\n" : "",
                               c->hint ? c->hint : "");
                return;
        }
        (void)snprintf(n->title, sizeof(n->title),
                       ngettext("The picture is ready", "%zu pictures are ready", n->n_paths), n->n_paths);
        (void)snprintf(n->body, sizeof(n->body), "%s%s%s", name, message ? "\n" : "", message ? message : "");
        utf8_sanitize(n->body);
}

void notifier_show_end(Notifier *n, const Client *c, ExitCode code)
{
        if (!n)
                return;
        const char *message = json_string_value(json_object_get(c->error, "message"));
        if (n->is_text) {
                const size_t before = strlen(n->body);
                if (code != CODE_OK && message)
                        (void)snprintf(n->body + before, sizeof(n->body) - before, "\n\n%s", message);
                utf8_sanitize(n->body);
                n->is_end = true;
                notifier_show(n);
                return;
        }
        if (n->n_paths == 0 && (code == CODE_CANCELLED || code == CODE_OK)) {
                notifier_close(n);
                return;
        }
        describe_outcome(n, c);
        n->is_end = true;
        notifier_show(n);
}
