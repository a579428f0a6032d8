/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "client/all-users.h"
#include "client/i18n.h"
#include "client/jobs.h"
#include "client/progress.h"
#include "client/table.h"
#include "dbus/names.h"

#define USEC UINT64_C(1000000)

/* "queued (2 before it)" */
static void format_state(const JobInfo *job, char *buffer, size_t size)
{
        const char *parked = strcmp(job->stage, IMAGINE_STAGE_PARKED) == 0 ? _("parked") : NULL;

        if (job->queue_position > 0)
                (void)snprintf(buffer, size, _("%s (%u before it)"), parked ? parked : job_state_text(job->state), job->queue_position);
        else
                (void)snprintf(buffer, size, "%s", parked ? parked : job_state_text(job->state));
}

static void add_row(Table *t, const JobInfo *job, uint64_t now)
{
        char left[32] = "", state[64];

        format_state(job, state, sizeof(state));
        if (job->expected_end > now && !job_has_ended(job))
                progress_format_duration((job->expected_end - now + USEC - 1) / USEC, left, sizeof(left));
        table_add(t, "%u", job->id);
        table_add(t, "%s", state);
        table_add(t, "%d %%", (int)(job->progress * 100));
        table_add(t, "%s", left);
        table_add(t, "%u/%u", job->pictures, job->count);
        table_add(t, "%s", job->model);
        if (job->width && job->height)
                table_add(t, "%ux%u", job->width, job->height);
        else
                table_add(t, "%s", "");
        table_add(t, "%" PRIu64, job->seed);
        table_add(t, "%s", job->detached ? _("yes") : _("no"));
}

static void print_table(const JobInfo *jobs, size_t count)
{
        static const char *const heads[] = { N_("ID"),   N_("STATE"), N_("DONE"), N_("LEFT"),     N_("PICTURES"),
                                             N_("MODEL"), N_("SIZE"), N_("SEED"), N_("DETACHED"), NULL };
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        _cleanup_(table_done) Table table = { .columns = 9 };

        table_add_heads(&table, heads);
        for (size_t i = 0; i < count; i++)
                add_row(&table, jobs + i, now);
        table_print(&table);
}

static json_t *to_json(const JobInfo *jobs, size_t count)
{
        json_t *array = json_array();

        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(array, job_to_json(jobs + i));
        return json_pack("{s:o}", "jobs", array);
}

ExitCode verb_jobs(Client *c)
{
        _cleanup_(freep) JobInfo *jobs = NULL;
        size_t count = 0;

        if (c->options.everybody)
                return all_users_list(c);
        ExitCode code = jobs_list(c, &jobs, &count);
        if (code != CODE_OK)
                return code;
        if (c->options.json)
                c->result = to_json(jobs, count);
        else if (c->options.quiet)
                for (size_t i = 0; i < count; i++)
                        (void)printf("%u\n", jobs[i].id);
        else if (count == 0)
                client_say(c, _("You have no jobs"));
        else
                print_table(jobs, count);
        return CODE_OK;
}
