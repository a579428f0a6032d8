/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "queue/job.h"

static const char *const priority_names[PRIORITY_MAX] = {
        [PRIORITY_INTERACTIVE] = "interactive",
        [PRIORITY_NORMAL] = "normal",
        [PRIORITY_BATCH] = "batch",
};

int priority_from_string(const char *name)
{
        for (int i = 0; i < PRIORITY_MAX; i++)
                if (streq(name, priority_names[i]))
                        return i;
        return -EINVAL;
}

const char *priority_to_string(Priority priority)
{
        return priority < PRIORITY_MAX ? priority_names[priority] : "";
}

int job_new(Job **ret, const Request *request, const JobPolicy *policy)
{
        _cleanup_(job_freep) Job *job = calloc(1, sizeof(Job));
        if (!job)
                return -ENOMEM;
        job->standing.fd = -1;
        for (size_t i = 0; i < INPUT_MAX; i++)
                job->inputs[i].fd = -1;

        job->request = malloc(sizeof(Request));
        job->pictures = calloc(request->count, sizeof(Picture));
        if (!job->request || !job->pictures)
                return -ENOMEM;

        *job->request = *request;
        job->policy = *policy;
        job->count = request->count;
        job->preview_every = request->preview_every;
        job->seed = request->seed;
        job->format = (PictureFormat)request->format;
        job->varies = request->variation_strength > 0;
        /* What was asked for is known already; zeros and a negative guidance are left to the model. */
        job->resolved = (Resolved) {
                .width = request->width,
                .height = request->height,
                .steps = request->steps,
                .made_steps = request_steps_made(request->steps, request->strength),
                .sampler = request->sampler,
                .schedule = request->schedule,
                .guidance = request->guidance,
        };

        *ret = TAKE_PTR(job);
        return 0;
}

Job *job_free(Job *job)
{
        if (!job)
                return NULL;
        (void)job_drop_pictures(job);
        closep(&job->standing.fd);
        for (size_t i = 0; i < INPUT_MAX; i++)
                closep(&job->inputs[i].fd);
        free(job->pictures);
        free(job->request);
        free(job->ask);
        free(job->commission);
        free(job->provenance);
        free(job);
        return NULL;
}

uint64_t job_drop_pictures(Job *job)
{
        uint64_t freed = 0;

        for (uint32_t i = 0; i < job->n_pictures; i++) {
                if (job->pictures[i].fd < 0)
                        continue;
                (void)close(job->pictures[i].fd);
                job->pictures[i].fd = -1;
                freed += job->pictures[i].size;
        }
        return freed;
}

void job_set_resolved(Job *job, const Resolved *resolved)
{
        job->resolved = *resolved;
}

void job_presume(Job *job, const Resolved *defaults)
{
        Resolved *r = &job->resolved;

        r->width = r->width ? r->width : defaults->width;
        r->height = r->height ? r->height : defaults->height;
        r->steps = r->steps ? r->steps : defaults->steps;
        r->made_steps = request_steps_made(r->steps, job->request->strength);
        r->sampler = r->sampler ? r->sampler : defaults->sampler;
        r->guidance = r->guidance >= 0 ? r->guidance : defaults->guidance;
}

void job_set_progress(Job *job, Stage stage, uint32_t step, double fraction)
{
        job->stage = stage;
        if (stage == STAGE_ENCODE)
                job->step = 0; /* of the next picture */
        else if (stage == STAGE_DENOISE)
                job->step = step;
        job->progress = MAX(job->progress, MIN(fraction, 1.0));
}

void job_set_standing(Job *job, int fd, uint32_t picture, uint32_t step)
{
        closep(&job->standing.fd);
        job->standing = (Standing) { fd, picture, step };
}

bool job_is_parked(const Job *job)
{
        return job->state == JOB_QUEUED && job->spent > 0;
}
