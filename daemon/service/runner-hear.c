/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "service/news.h"
#include "service/runner-private.h"
#include "service/store.h"

static void hear_progress(Runner *runner, const Progress *progress)
{
        pace_watch_progress(
                        &runner->watch, (Stage)progress->stage, progress->step, progress->steps,
                        clock_usec(CLOCK_MONOTONIC));
        news_progress(runner->job, progress);
        service_update_status(runner->service);
}

static int hear_picture(Runner *runner, const PictureInfo *info, int fd)
{
        Error error = {};

        pace_watch_picture(&runner->watch, clock_usec(CLOCK_MONOTONIC));
        int r = news_picture(runner->service->queue, runner->job, info, fd, &error);
        if (r > 0) {
                recorder_note(runner->service->recorder, runner->job, info->picture);
                store_picture(runner->job, info->picture);
                store_sweep(runner->service->queue);
        }
        if (r >= 0 || error.code == 0)
                return r;
        /* The fault is not the worker's: there is no room. */
        runner_tell_worker_to_cancel(runner);
        runner_finish(runner, JOB_FAILED, &error);
        return 0;
}

/* On the way to its end; a job that has ended before the worker let go of it wants no news. */
static int hear_news(Runner *runner, const Message *message, int fd)
{
        _cleanup_(closep) int owned = fd;
        Job *job = runner->job;
        int r = 0;

        if (!job)
                return 0;
        switch (message->type) {
        case MESSAGE_STARTED:
                return news_started(job, &message->started);
        case MESSAGE_PROGRESS:
                hear_progress(runner, &message->progress);
                return 0;
        case MESSAGE_PREVIEW_IS:
                r = news_preview(job, &message->preview, owned);
                break;
        case MESSAGE_STATE:
                r = news_state(job, &message->state, owned);
                break;
        default:
                r = hear_picture(runner, &message->picture, owned);
        }
        if (r > 0)
                (void)TAKE_FD(owned);
        return r;
}

/* The worker is done with a job, one way or another: it has answered, and is sound. */
static void commend(Runner *runner)
{
        Residency *residency = runner->service->residency;
        const Job *job = runner->job;

        if (!runner->away) {
                residency_commend(residency);
                residency_set_busy(residency, false);
                residency_keep(residency, runner->keep_alive);
        }
        if (!job)
                return;
        if (!runner->away)
                appetite_note_picture(
                                &runner->service->appetite, residency_pid(residency),
                                (uint64_t)job->resolved.width * job->resolved.height);
        pace_learn(&runner->pace, job->policy.model, &job->resolved, &runner->watch.sample);
}

static int hear_parked(Runner *runner)
{
        if (!runner->parking)
                return -EBADMSG;
        commend(runner);
        if (runner->job && runner->cancelling)
                runner_finish(runner, JOB_CANCELLED, NULL);
        else if (runner->job)
                runner_requeue(runner);
        runner_let_go(runner);
        return 0;
}

static int hear_done(Runner *runner)
{
        if (runner->job && runner->job->n_pictures != runner->count)
                return -EBADMSG;

        commend(runner);
        runner_finish(runner, JOB_DONE, NULL);
        runner_let_go(runner);
        return 0;
}

static void hear_failed(Runner *runner, const Message *message)
{
        /* At the machine's instance an administrator may have cancelled it. */
        bool cancelled = (runner->cancelling || runner->away) && message->failed.code == -ECANCELED;
        Error error;

        (void)error_set(&error, message->failed.code, "%s", message->failed.text);
        commend(runner);
        runner_finish(runner, cancelled ? JOB_CANCELLED : JOB_FAILED, cancelled ? NULL : &error);
        runner_let_go(runner);
}

/* It said what makes no sense here. */
static void distrust(Runner *runner)
{
        Error error;

        if (!runner->away) {
                residency_kill(runner->service->residency, WORKER_DISTRUSTED);
                return;
        }
        (void)error_set(&error, -EOWNERDEAD, "The machine's instance of the service said what makes no sense");
        forward_forget(runner->service->forward, runner->serial);
        runner_away_lost(runner, FORWARD_DIED, &error);
}

void runner_hear(Runner *runner, const Message *message, int fd)
{
        _cleanup_(closep) int owned = fd;
        int r = 0;

        if (message->job != runner->serial)
                r = -EBADMSG;
        else if (message->type == MESSAGE_STARTED || message->type == MESSAGE_PROGRESS ||
                 message->type == MESSAGE_PREVIEW_IS || message->type == MESSAGE_STATE ||
                 message->type == MESSAGE_PICTURE)
                r = hear_news(runner, message, TAKE_FD(owned));
        else if (message->type == MESSAGE_PARKED)
                r = hear_parked(runner);
        else if (message->type == MESSAGE_DONE)
                r = hear_done(runner);
        else if (message->type == MESSAGE_FAILED)
                hear_failed(runner, message);
        else
                r = -EBADMSG;
        if (r < 0)
                distrust(runner);
}
