/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "base/util.h"
#include "queue/pace.h"

#define FORGETTING 0.3 /* the weight of the newest sample */
/* A wait that may be a mistake in what the job takes. */
#define SLIGHT 0.1
/* Below this the job's own speed says little: the first step is slower than the others. */
#define MEASURABLE_PROGRESS 0.1
#define LATEST (365.0 * 24 * 3600 * 1e6) /* later than a year from now is no knowledge */
/* Steps of a quarter octave: rounding is by 9 % at most. */
#define ROUNDING 4.0

static uint64_t pixels_of(const Resolved *resolved)
{
        return (uint64_t)resolved->width * resolved->height;
}

/* The same model and size, or the size that is nearest; NULL: nothing is known of the model. */
static const PaceItem *find(const Pace *pace, const char *model, uint64_t pixels)
{
        const PaceItem *best = NULL;
        double least = INFINITY;

        for (size_t i = 0; i < pace->n; i++) {
                const PaceItem *item = &pace->items[i];
                double distance = fabs(log((double)item->pixels / (double)pixels));
                if (streq(item->model, model) && distance < least) {
                        least = distance;
                        best = item;
                }
        }
        return best;
}

/* The item for that size, in the place of the one that was used longest ago if there is no room. */
static PaceItem *acquire(Pace *pace, const char *model, uint64_t pixels)
{
        PaceItem *item = (PaceItem *)find(pace, model, pixels);

        if (!item || item->pixels != pixels) {
                if (pace->n < PACES_MAX) {
                        item = &pace->items[pace->n++];
                } else {
                        item = pace->items;
                        for (size_t i = 1; i < pace->n; i++)
                                if (pace->items[i].used < item->used)
                                        item = &pace->items[i];
                }
                *item = (PaceItem) { .pixels = pixels };
                (void)snprintf(item->model, sizeof(item->model), "%s", model);
        }
        item->used = ++pace->uses;
        return item;
}

static void mix(double *value, double sample)
{
        *value = *value > 0 ? *value + FORGETTING * (sample - *value) : sample;
}

void pace_watch_start(PaceWatch *watch, uint32_t step, uint64_t now)
{
        *watch = (PaceWatch) { .since = now, .step = step };
}

static void add_time(PaceWatch *watch, uint64_t now)
{
        *(watch->denoising ? &watch->sample.denoise : &watch->sample.rest) +=
                        now > watch->since ? (double)(now - watch->since) : 0;
        watch->since = now;
}

static void count_steps(PaceWatch *watch, uint32_t step)
{
        if (watch->denoising && step > watch->step) {
                watch->sample.steps += step - watch->step;
                watch->step = step;
        }
}

void pace_watch_progress(PaceWatch *watch, Stage stage, uint32_t step, uint32_t steps, uint64_t now)
{
        add_time(watch, now);
        /* Not every step is reported: when the stage is over, all are done. */
        count_steps(watch, stage == STAGE_DENOISE ? step : watch->steps);
        watch->denoising = stage == STAGE_DENOISE;
        if (watch->denoising)
                watch->steps = steps;
}

void pace_watch_picture(PaceWatch *watch, uint64_t now)
{
        add_time(watch, now);
        watch->denoising = false;
        watch->step = watch->steps = 0;
        watch->sample.pictures++;
}

/* What the steps of a picture cost, in steps of the size drawn in the end: those of a first pass are cheaper, as its
 * picture is smaller. */
static double weighed_steps(const Resolved *resolved)
{
        const double drawn = (double)resolved->drawn_width * resolved->drawn_height,
                     first = (double)resolved->first_width * resolved->first_height, all = resolved_steps_made(resolved);

        if (resolved->second_steps == 0 || drawn <= 0)
                return all;
        return (all - resolved->second_steps) * first / drawn + resolved->second_steps;
}

void pace_learn(Pace *pace, const char *model, const Resolved *resolved, const PaceSample *sample)
{
        uint64_t pixels = pixels_of(resolved);
        if (pixels == 0 || resolved->steps == 0) /* only touched: that says nothing of what is drawn */
                return;

        PaceItem *item = acquire(pace, model, pixels);
        const double all = resolved_steps_made(resolved);
        if (sample->steps > 0 && sample->denoise > 0 && all > 0)
                mix(resolved->guidance > 1 ? &item->guided : &item->step,
                    sample->denoise / (sample->steps * weighed_steps(resolved) / all));
        if (sample->pictures > 0 && sample->rest > 0)
                mix(&item->rest, sample->rest / sample->pictures);
}

const PaceItem *pace_latest(const Pace *pace, const char *model)
{
        const PaceItem *latest = NULL;

        for (size_t i = 0; i < pace->n; i++)
                if (streq(pace->items[i].model, model) && (!latest || pace->items[i].used > latest->used))
                        latest = &pace->items[i];
        return latest;
}

double pace_duration(const Pace *pace, const Job *job)
{
        const Resolved *resolved = &job->resolved;
        uint64_t pixels = pixels_of(resolved);
        const PaceItem *item = pixels > 0 ? find(pace, job->policy.model, pixels) : NULL;
        if (!item || resolved->steps == 0)
                return 0;

        double step = resolved->guidance > 1 ? item->guided : item->step;
        if (step <= 0)
                step = resolved->guidance > 1 ? 2 * item->step : item->guided / 2;
        if (step <= 0)
                return 0;
        double scale = (double)pixels / (double)item->pixels;
        return job->count * (weighed_steps(resolved) * step + item->rest) * scale;
}

/* Users take turns: how long the others' turn is has nothing to do with the size of this job. */
void pace_learn_wait(Pace *pace, const Job *job, uint64_t usec)
{
        double alone = pace_duration(pace, job), wait = (double)usec - alone;

        if (alone <= 0)
                return;
        if (wait < SLIGHT * alone) /* nobody else is there */
                pace->wait = 0;
        else
                pace->wait = pace->wait > 0 ? (pace->wait + wait) / 2 : wait;
}

/* µs that a job which has begun still takes; 0: unknown. */
static double remaining(const Pace *pace, const Job *job, uint64_t now)
{
        double all = pace_duration(pace, job), spent = (double)job->spent;

        if (job->foretold > 0)
                return job->foretold > now ? (double)(job->foretold - now) : 1;
        if (job->state == JOB_RUNNING && now > job->begun)
                spent += (double)(now - job->begun);
        /* Its own speed knows what else the machine is doing now. */
        if (job->progress >= MEASURABLE_PROGRESS && spent > 0) {
                double own = spent / job->progress;
                all = all > 0 ? job->progress * own + (1 - job->progress) * all : own;
        }
        return all > 0 ? MAX(all - spent, 1) : 0;
}

static double rounded(double usec)
{
        return usec > 1 ? exp2(round(ROUNDING * log2(usec)) / ROUNDING) : usec;
}

/* Those behind a job that is at another instance will wait there as it did. */
static double wait_elsewhere(const Pace *pace, const Queue *queue)
{
        for (const Job *job = queue_first(queue); job; job = job->next)
                if (job->foretold > 0 && !job_state_is_final(job->state))
                        return pace->wait;
        return 0;
}

uint64_t pace_expected_end(const Pace *pace, const Queue *queue, const Job *job, uint64_t now)
{
        double own = 0, others = 0, wait = wait_elsewhere(pace, queue);

        if (job_state_is_final(job->state) || queue_is_held(queue, job))
                return 0;
        uint32_t place = queue_place(queue, job);
        for (const Job *other = queue_first(queue); other; other = other->next) {
                if (job_state_is_final(other->state) ||
                    (other != job && !queue_runs_before(queue, other, place, job)))
                        continue;
                double takes = remaining(pace, other, now);
                if (takes <= 0)
                        return 0;
                takes += other->foretold > 0 ? 0 : wait;
                *(other->uid == job->uid ? &own : &others) += takes;
        }

        double all = own + rounded(others);
        return all > 0 && all < LATEST ? now + (uint64_t)all : 0;
}
