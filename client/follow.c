/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/util.h"
#include "client/follow.h"
#include "client/i18n.h"
#include "client/notify.h"
#include "client/progress.h"
#include "client/terminal/preview.h"
#include "dbus/names.h"

#define TICK_USEC UINT64_C(500000) /* how often the time left is drawn anew */
#define PREVIEW_USEC UINT64_C(1000000) /* how often a notification or the terminal shows the picture anew */

typedef struct Follow {
        Client *client;
        const FollowHooks *hooks;
        JobInfo *job;
        sd_event *event;
        Track *track;
        Progress progress;
        unsigned interrupts;
} Follow;

static int finish(Follow *f, ExitCode code)
{
        progress_clear(&f->progress);
        return sd_event_exit(f->event, (int)code);
}

static void on_update(const JobInfo *job, void *userdata)
{
        Follow *f = userdata;

        progress_update(&f->progress, job);
        notifier_progress(f->client->notifier, job);
}

static void on_preview(const Picture *preview, void *userdata)
{
        Follow *f = userdata;

        notifier_preview(f->client->notifier, preview);
        if (!preview_takes_drafts(f->client->preview))
                return;
        progress_clear(&f->progress);
        preview_draft(f->client->preview, preview, f->job->width, f->job->height);
        progress_update(&f->progress, f->job);
}

static ExitCode on_picture(
        Client *c, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture, void *userdata)
{
        Follow *f = userdata;

        progress_clear(&f->progress);
        return f->hooks->on_picture(c, job, index, seed, picture, f->hooks->userdata);
}

static ExitCode on_prompt(Client *c, const JobInfo *job, uint32_t index, json_t *prompt, void *userdata)
{
        Follow *f = userdata;

        return f->hooks->on_prompt(c, job, index, prompt, f->hooks->userdata);
}

static void on_end(ExitCode code, void *userdata)
{
        (void)finish(userdata, code);
}

static void on_cancel(void *userdata)
{
        Follow *f = userdata;

        track_cancel(f->track);
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        Follow *f = userdata;
        const char *then = f->hooks->owns_job ? _("left; the job is cancelled") : _("left; the job goes on");

        (void)source;
        f->interrupts++;
        progress_clear(&f->progress);
        if (f->hooks->owns_job && f->interrupts == 1 && si->ssi_signo == SIGINT) {
                client_say(f->client, _("Cancelling; Ctrl-C again leaves at once"));
                track_cancel(f->track);
                return 0;
        }
        return finish(f, client_fail_named(f->client, CODE_CANCELLED, IMAGINE_ERROR_CANCELLED, NULL, "%s",
                                           then));
}

static int on_resize(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        Follow *f = userdata;

        (void)source;
        (void)si;
        progress_update(&f->progress, f->job);
        return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        Follow *f = userdata;

        progress_update(&f->progress, f->job);
        int r = sd_event_source_set_time(source, usec + TICK_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_signals(Follow *f)
{
        static const struct {
                int number;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGINT, on_interrupt },
                { SIGTERM, on_interrupt },
                { SIGHUP, on_interrupt },
                { SIGWINCH, on_resize },
        };
        sigset_t set;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(&set, signals[i].number);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int r = sd_event_add_signal(f->event, NULL, signals[i].number, signals[i].handler, f);
                if (r < 0)
                        return r;
        }
        if (!f->progress.is_terminal || f->progress.is_quiet)
                return 0;
        return sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, f);
}

static int prepare(Follow *f, sd_bus_message *call)
{
        const bool is_shown = f->client->notifier || (f->hooks->on_picture && preview_takes_drafts(f->client->preview));
        const TrackHooks hooks = {
                .on_picture = f->hooks->on_picture ? on_picture : NULL,
                .on_prompt = f->hooks->on_prompt ? on_prompt : NULL,
                .on_preview = is_shown ? on_preview : NULL,
                .preview_usec = PREVIEW_USEC,
                .on_update = on_update,
                .on_end = on_end,
                .userdata = f,
                .owns_job = f->hooks->owns_job,
                .leaves = f->hooks->leaves,
        };

        int r = sd_event_new(&f->event);
        if (r >= 0)
                r = add_signals(f);
        if (r >= 0)
                r = sd_bus_attach_event(f->client->bus, f->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = track_new(f->client, call, &hooks, f->job, &f->track);
        if (r < 0)
                return r;
        notifier_attach(f->client->notifier, f->event, on_cancel, f);
        notifier_progress(f->client->notifier, f->job); /* until the service answers, it may have to start */
        return 0;
}

static ExitCode run(Follow *f, sd_bus_message *call)
{
        progress_init(&f->progress, f->client->options.quiet);
        f->client->progress = &f->progress;
        int r = prepare(f, call);
        ExitCode code = r < 0 ? bus_fail(f->client, NULL, r) : CODE_OK;
        if (r >= 0) {
                r = sd_event_loop(f->event);
                code = r < 0 ? client_fail(f->client, CODE_FAILED, _("the event loop failed: %s"), strerror(-r))
                             : (ExitCode)r;
        }
        f->track = track_free(f->track);
        (void)sd_bus_flush(f->client->bus);
        (void)sd_bus_detach_event(f->client->bus);
        notifier_detach(f->client->notifier);
        f->event = sd_event_unref(f->event);
        f->client->progress = NULL;
        return code;
}

ExitCode follow_generate(Client *c, sd_bus_message *call, const FollowHooks *hooks, JobInfo *job)
{
        Follow f = { .client = c, .hooks = hooks, .job = job };

        *job = (JobInfo) { .guidance = -1 };
        return run(&f, call);
}

ExitCode follow_job(Client *c, const FollowHooks *hooks, JobInfo *job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Follow f = { .client = c, .hooks = hooks, .job = job };

        int r = bus_new_call(c, "Watch", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "o", job->path);
        if (r < 0)
                return bus_fail(c, NULL, r);
        return run(&f, call);
}
