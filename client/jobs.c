/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "client/jobs.h"

#define JOBS_MAX 10000 /* more than any service keeps for a user */

/* One entry of the list; the number and the path only. 1, 0 at the end, or a negative errno. */
static int read_entry(sd_bus_message *m, JobInfo *job)
{
        const char *path, *state;

        *job = (JobInfo) { .guidance = -1 };
        int r = sd_bus_message_read(m, "(uosd)", &job->id, &path, &state, &job->progress);
        if (r <= 0)
                return r;
        (void)snprintf(job->path, sizeof(job->path), "%s", path);
        (void)snprintf(job->state, sizeof(job->state), "%s", state);
        client_clean_text(job->state);
        return 1;
}

static int read_list(sd_bus_message *m, JobInfo **ret, size_t *ret_count)
{
        _cleanup_(freep) JobInfo *jobs = NULL;
        size_t count = 0;

        int r = sd_bus_message_enter_container(m, 'a', "(uosd)");
        while (r >= 0 && count < JOBS_MAX) {
                JobInfo *more = reallocarray(jobs, count + 1, sizeof(*jobs));
                if (!more)
                        return -ENOMEM;
                jobs = more;
                r = read_entry(m, jobs + count);
                if (r == 0)
                        break;
                count++;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(jobs);
        *ret_count = count;
        return 0;
}

ExitCode jobs_list(Client *c, JobInfo **ret, size_t *ret_count)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = bus_call_manager(c, "ListJobs", &error, &reply, "");
        if (r >= 0)
                r = read_list(reply, ret, ret_count);
        if (r < 0)
                return bus_fail(c, &error, r);

        /* A job that ends meanwhile stays as the list had it. */
        for (size_t i = 0; i < *ret_count; i++)
                (void)job_refresh(c, *ret + i, NULL);
        return CODE_OK;
}
