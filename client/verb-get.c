/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/save.h"

/* Writes the pictures of a job, now those that are ready, the rest as they get ready. */
ExitCode verb_get(Client *c)
{
        _cleanup_(saver_done) Saver saver = { 0 };
        const FollowHooks hooks = { .on_picture = saver_take, .userdata = &saver };
        JobInfo job;
        char words[32];

        ExitCode code = job_find(c, c->options.words[0], &job);
        if (code != CODE_OK)
                return code;
        (void)snprintf(words, sizeof(words), "job-%u", job.id);
        code = saver_prepare(c, &saver, words, job.count);
        if (code != CODE_OK)
                return code;

        code = follow_job(c, &hooks, &job);
        saver_report(c, &saver, &job);
        return code;
}
