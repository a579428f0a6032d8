/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/all-users.h"
#include "client/i18n.h"
#include "client/job.h"
#include "dbus/names.h"

ExitCode verb_cancel(Client *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        JobInfo job;

        if (c->options.of)
                return all_users_cancel(c);
        ExitCode code = job_find(c, c->options.words[0], &job);
        if (code != CODE_OK)
                return code;
        if (job_has_ended(&job)) {
                client_say(c, _("Job %u is %s already"), job.id, job_state_text(job.state));
                c->result = job_to_json(&job);
                return CODE_OK;
        }

        int r = sd_bus_call_method(
                c->bus, IMAGINE_BUS_NAME, job.path, IMAGINE_JOB_INTERFACE, "Cancel", &error, NULL, NULL);
        if (r < 0)
                return bus_fail(c, &error, r);
        client_say(c, _("Job %u is cancelled"), job.id);
        (void)job_refresh(c, &job, NULL);
        c->result = job_to_json(&job);
        return CODE_OK;
}
