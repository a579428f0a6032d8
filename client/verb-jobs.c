/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/jobs.h"
#include "client/table.h"

static void add_row(Table *t, const JobInfo *job)
{
        table_add(t, "%u", job->id);
        table_add(t, "%s", job->state);
        table_add(t, "%d %%", (int)(job->progress * 100));
        table_add(t, "%u/%u", job->pictures, job->count);
        table_add(t, "%s", job->model);
        if (job->width && job->height)
                table_add(t, "%ux%u", job->width, job->height);
        else
                table_add(t, "%s", "");
        table_add(t, "%" PRIu64, job->seed);
        table_add(t, "%s", job->detached ? "yes" : "no");
}

static void print_table(const JobInfo *jobs, size_t count)
{
        static const char *const heads[] = { "ID",    "STATE", "DONE", "PICTURES",
                                             "MODEL", "SIZE",  "SEED", "DETACHED" };
        _cleanup_(table_done) Table table = { .columns = 8 };

        for (size_t i = 0; i < table.columns; i++)
                table_add(&table, "%s", heads[i]);
        for (size_t i = 0; i < count; i++)
                add_row(&table, jobs + i);
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

        ExitCode code = jobs_list(c, &jobs, &count);
        if (code != CODE_OK)
                return code;
        if (c->options.json)
                c->result = to_json(jobs, count);
        else if (c->options.quiet)
                for (size_t i = 0; i < count; i++)
                        (void)printf("%u\n", jobs[i].id);
        else if (count == 0)
                client_say(c, "You have no jobs");
        else
                print_table(jobs, count);
        return CODE_OK;
}
