/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job as the bus sees it: /org/imagined/Imagine1/job/UID_NUMBER, for connections of its user only. It hangs on
 * Job.userdata and goes with the job. */

#include "service/service.h"
#include "service/snapshot.h"

#define PREVIEW_CALLS_MAX 4 /* that may wait for one job */
#define JOB_PATH_MAX 96

typedef struct JobObject {
        Service *service;
        Job *job;
        char *caller; /* unique name; NULL: has left */

        bool is_swept; /* dropped pictures are out of the store (store.c) */

        /* what was told last (signals.c) */
        Snapshot told;
        uint64_t told_at; /* CLOCK_MONOTONIC, µs */
        sd_event_source *timer;

        /* previews.c */
        sd_bus_message *preview_calls[PREVIEW_CALLS_MAX];
        size_t n_preview_calls;
        int preview_fd; /* the latest, for jobs with preview-every; -1: none */
        PreviewInfo preview;
} JobObject;

/* Attaches an object to a job. */
int job_object_new(Service *service, Job *job, const char *caller);
JobObject *job_object_free(JobObject *object);

static inline JobObject *job_object(const Job *job)
{
        return job->userdata;
}

void job_object_path(const Job *job, char ret[static JOB_PATH_MAX]);

/* The job behind a path, for a user; NULL: none, or not this user's. */
Job *job_object_find(const Service *service, const char *path, uid_t uid);

/* Puts all jobs on the bus. */
int job_objects_publish(Service *service);

/* A GetResult that had to wait (handouts.h). */
void job_objects_retry_get_result(sd_bus_message *call, void *userdata);

/* signals.c: Updated, as far and as often as it is due; Updated and Finished; PreviewReady. */
void job_object_update(JobObject *object);
void job_object_tell_end(JobObject *object);
void job_object_tell_preview(JobObject *object, uint32_t step);

/* previews.c: a GetPreview call; a preview that has come (takes fd); the end of the job; the end of a caller. */
int job_object_get_preview(JobObject *object, sd_bus_message *call, sd_bus_error *error);
void job_object_take_preview(JobObject *object, const PreviewInfo *info, int fd);
void job_object_end_previews(JobObject *object);
void job_object_drop_preview_calls(JobObject *object, const char *caller);
