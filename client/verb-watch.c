/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/follow.h"
#include "client/i18n.h"
#include "client/save.h"

static ExitCode on_picture(
        Client *c, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture, void *userdata)
{
        (void)job, (void)index, (void)seed, (void)userdata;
        saver_show(c, picture);
        return CODE_OK;
}

ExitCode verb_watch(Client *c)
{
        const FollowHooks hooks = { .on_picture = c->preview ? on_picture : NULL };
        char settings[256];
        JobInfo job;

        ExitCode code = job_find(c, c->options.words[0], &job);
        if (code != CODE_OK)
                return code;
        code = follow_job(c, &hooks, &job);

        job_describe(&job, settings, sizeof(settings));
        client_say(c, "%s", settings);
        if (code == CODE_OK)
                client_say(c, ngettext("Done: 'imagine get %u' writes the picture", "Done: 'imagine get %u' writes the pictures",
                                       job.count),
                           job.id);
        c->result = job_to_json(&job);
        return code;
}
