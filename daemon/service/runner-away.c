/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs at the machine's instance (forward/forward.h): the queue of this instance says whose turn it is, that of the machine's
 * when; what the job's callers see is what is told there. */

#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "service/catalogue.h"
#include "service/journal.h"
#include "service/runner-private.h"

bool runner_forwards(const Runner *runner, const Job *job)
{
        return !job->at_home && catalogue_forwards(runner->service, job->policy.model);
}

bool runner_must_give_way(const Runner *runner)
{
        const Queue *queue = runner->service->queue;

        return queue_should_park(queue, runner->job) || (!runner->away && queue_is_held(queue, runner->job));
}

/* Whether the own worker can take over. */
static bool can_stay(const Service *service, const Job *job)
{
        _cleanup_(freep) char *directory = NULL;
        char name[MODEL_NAME_MAX + 1];

        return streq(service->config->engine, "auto") &&
               models_resolve(service->config->models, job->policy.model, &directory, name, NULL) >= 0;
}

void runner_hand_over(Runner *runner)
{
        Service *service = runner->service;
        Job *job = runner->job;

        runner->serial = job->serial;
        runner->count = job->count;
        runner->away = true;
        runner->wait_is_known = false;
        residency_rest(service->residency);
        forward_begin(service->forward, job, can_stay(service, job));
        if (runner->job == job && runner->away && job_object(job)->n_preview_calls > 0)
                forward_tell(service->forward, MESSAGE_PREVIEW);
}

void runner_shelve(Runner *runner)
{
        forward_shelve(runner->service->forward);
        runner->job->foretold = 0;
        runner_requeue(runner);
        runner_let_go(runner);
}

void runner_forget(Runner *runner, const Job *job)
{
        /* The one at the front ends when it is told so. */
        if (runner->service->forward && !(runner->away && runner->serial == job->serial))
                forward_forget(runner->service->forward, job->serial);
}

void runner_away_state(Runner *runner, JobState state, uint32_t step, uint64_t expected_end)
{
        Service *service = runner->service;
        Job *job = runner->job;
        uint64_t now = clock_usec(CLOCK_MONOTONIC);

        if (!job)
                return;
        job->foretold = expected_end;
        if (!runner->wait_is_known && job->spent == 0 && job->n_pictures == 0 && expected_end > now) {
                runner->wait_is_known = true;
                pace_learn_wait(&runner->pace, job, expected_end - now);
        }
        if (state == job->state) {
                job_object_update(job_object(job));
                return;
        }
        if (job->state == JOB_RUNNING || state == JOB_QUEUED) {
                queue_park(service->queue, job, now);
                journal_job(JOURNAL_JOB_PARKED, job);
        }
        if (state != JOB_QUEUED)
                queue_begin(service->queue, job, state, now);
        if (state == JOB_RUNNING) {
                pace_watch_start(&runner->watch, step, now);
                journal_job(JOURNAL_JOB_BEGUN, job);
        }
        job_object_update(job_object(job));
        service_touch_user(service, job->uid);
        service_update_status(service);
}

void runner_away_lost(Runner *runner, ForwardLoss loss, const Error *error)
{
        Job *job = runner->job;

        if (job) {
                bool again = loss == FORWARD_DIED ? ++job->deaths < DEATHS_OF_A_JOB
                                                  : loss != FORWARD_FAILED && can_stay(runner->service, job);
                job->foretold = 0;
                job->at_home = job->at_home || loss == FORWARD_REFUSED;
                if (runner->cancelling)
                        runner_finish(runner, JOB_CANCELLED, NULL);
                else if (again)
                        runner_requeue(runner);
                else
                        runner_finish(runner, JOB_FAILED, error);
        }
        runner_let_go(runner);
}
