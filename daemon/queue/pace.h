/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long pictures take, learned from those that were made, and when jobs will have ended. For each model and size it
 * remembers what a step takes, and what all the rest takes: encoding the prompt, decoding, the file.
 *
 *     pace_watch_start(&watch, 0, now);  pace_watch_progress(…) …  pace_watch_picture(…)
 *     pace_learn(&pace, job->policy.model, &job->resolved, &watch.sample);
 *     end = pace_expected_end(&pace, queue, job, now);
 */

#include "queue/queue.h"

#define PACES_MAX 32

typedef struct PaceItem {
        char model[MODEL_NAME_MAX + 1];
        uint64_t pixels;
        double step, rest; /* µs for a step, for the rest of a picture; 0: unknown */
        double guided; /* the same for a step with guidance, which evaluates twice */
        uint64_t used; /* when, counted */
} PaceItem;

typedef struct Pace {
        PaceItem items[PACES_MAX];
        size_t n;
        uint64_t uses;
        double wait; /* µs for which a job at another instance waits for others' there */
} Pace;

/* Of one job or a part of it: time at denoising and how many steps that were, time at the rest and how many pictures. */
typedef struct PaceSample {
        double denoise, rest; /* µs */
        uint32_t steps, pictures;
} PaceSample;

/* Takes the times of a job from what its worker reports; begun with the step at which the first picture goes on. */
typedef struct PaceWatch {
        PaceSample sample;
        uint64_t since; /* CLOCK_MONOTONIC, µs: of the last report */
        uint32_t step, steps;
        bool denoising;
} PaceWatch;

void pace_watch_start(PaceWatch *watch, uint32_t step, uint64_t now);
void pace_watch_progress(PaceWatch *watch, Stage stage, uint32_t step, uint32_t steps, uint64_t now);
void pace_watch_picture(PaceWatch *watch, uint64_t now);

void pace_learn(Pace *pace, const char *model, const Resolved *resolved, const PaceSample *sample);

/* A job that has not begun is told to end so many µs from now at another instance. */
void pace_learn_wait(Pace *pace, const Job *job, uint64_t usec);

/* What was learned of a model last; NULL: nothing. */
const PaceItem *pace_latest(const Pace *pace, const char *model);

/* µs for all of a job's pictures; 0: unknown. */
double pace_duration(const Pace *pace, const Job *job);

/* When a job that has not ended will have, CLOCK_MONOTONIC µs; 0: unknown. What others' waiting jobs add to it is rounded,
 * so that their number cannot be read from it. */
uint64_t pace_expected_end(const Pace *pace, const Queue *queue, const Job *job, uint64_t now);
