/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/log.h"
#include "dbus/names.h"
#include "service/all-users.h"
#include "service/errors.h"
#include "service/job.h"

static int list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Service *service = userdata;
        (void)error;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(uussd)");
        for (const Job *job = queue_first(service->queue); job && r >= 0; job = job->next)
                r = sd_bus_message_append(
                                reply, "(uussd)", job->uid, job->id, job_state_to_string(job->state),
                                priority_to_string(job->policy.priority), job->progress);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int manager_list_all_jobs(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        return authority_ask(service->authority, call, uid, IMAGINE_ACTION_LIST_ALL_USERS, list, service, error);
}

static int cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        uint32_t owner, id;

        int r = sd_bus_message_read(call, "uu", &owner, &id);
        if (r < 0)
                return r;
        Job *job = queue_find(service->queue, owner, id);
        if (!job)
                return error_to_bus_code(error, -ESRCH, NULL);
        r = sd_bus_reply_method_return(call, NULL);
        log_info("Job %u of user %u is cancelled at another's request", id, owner);
        runner_cancel(service->runner, job);
        return r < 0 ? r : 1;
}

int manager_cancel_job(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        uint32_t owner, id;
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "uu", &owner, &id);
        if (r < 0)
                return r;
        r = sd_bus_message_rewind(call, true);
        if (r < 0)
                return r;
        if (owner == uid)
                return cancel(call, service, error);
        return authority_ask(service->authority, call, uid, IMAGINE_ACTION_CANCEL_OTHER_USER, cancel, service, error);
}
