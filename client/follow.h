/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job from its beginning, or from where it is, to its end (track.h), in a terminal: the progress shown, there
 * and in the notification if there is one, pictures handed on as they get ready, Ctrl-C.
 *
 *     const FollowHooks hooks = { .on_picture = save, .userdata = &output, .owns_job = true };
 *     code = follow_generate(client, generate_call, &hooks, &job);
 */

#include "client/track.h"

typedef struct FollowHooks {
        /* Takes a picture; what is not CODE_OK, and was reported, ends it all. NULL: pictures are not
         * fetched. */
        ExitCode (*on_picture)(
                Client *client, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture,
                void *userdata);
        /* Takes what an Enhance call has made (track.h), in place of on_picture. */
        ExitCode (*on_prompt)(Client *client, const JobInfo *job, uint32_t index, json_t *prompt, void *userdata);
        void *userdata;
        bool owns_job; /* the first Ctrl-C cancels the job; else it leaves the job alone */
        bool leaves; /* return when the job has begun to exist, do not wait for its end */
} FollowHooks;

/* Sends a Generate or Enhance call and follows its job. CODE_OK when it is done and all pictures were taken,
 * CODE_CANCELLED when it was cancelled or the user left, otherwise what was reported. *job is filled in as
 * far as it is known. */
ExitCode follow_generate(Client *client, sd_bus_message *call, const FollowHooks *hooks, JobInfo *job);

/* Follows a job that job_find() has found. */
ExitCode follow_job(Client *client, const FollowHooks *hooks, JobInfo *job);
