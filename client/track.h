/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job tracked from the call that makes it, or from where it is, to its end: signals of the service in,
 * callbacks out, within an event loop that somebody else runs. follow.h does so in a terminal, window/ in a window.
 *
 *     const TrackHooks hooks = { .on_picture = save, .on_update = draw, .on_end = leave, .userdata = … };
 *     r = track_new(client, generate_call, &hooks, &job, &track);
 *
 * Matches are installed before the call, and the job's properties are read after its answer: whatever happens in
 * between is seen by one or the other. Signals count only if they come from the connection that answered. */

#include "client/job.h"
#include "client/picture.h"

typedef struct TrackHooks {
        /* Takes a picture; what is not CODE_OK, and was reported, ends it all. NULL: pictures are not fetched. */
        ExitCode (*on_picture)(
                Client *client, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture,
                void *userdata);
        /* Takes what an Enhance call has made, as GetResult gives it; likewise. In place of on_picture. */
        ExitCode (*on_prompt)(Client *client, const JobInfo *job, uint32_t index, json_t *prompt, void *userdata);
        /* How the picture looks at present, a small PNG, at most once in preview_usec; NULL: nobody wants to see. */
        void (*on_preview)(const Picture *preview, void *userdata);
        uint64_t preview_usec;
        void (*on_update)(const JobInfo *job, void *userdata); /* something of it is new; may be NULL */
        /* Once, and nothing after it: what follow_generate() returns. The track may not be freed in it. */
        void (*on_end)(ExitCode code, void *userdata);
        void *userdata;
        bool owns_job; /* the job ends with us: what is said when the service is lost */
        bool leaves; /* the end is when the job has begun to exist */
} TrackHooks;

typedef struct Track Track;

/* Sends a Generate or Enhance call, or, for a job that job_find() has found, its Watch. *hooks is copied, *job has to live as
 * long. The client's bus has to be attached to an event loop. 0 or a negative errno. */
int track_new(Client *client, sd_bus_message *call, const TrackHooks *hooks, JobInfo *job, Track **ret);

/* Asks the service to cancel, now or as soon as it has answered. The end comes as with any other job. */
void track_cancel(Track *track);

/* No callback comes any more; a job that is still at work goes on. Returns NULL. */
Track *track_free(Track *track);

DEFINE_CLEANUP(Track *, track_free)
