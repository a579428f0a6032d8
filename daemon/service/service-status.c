/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What depends on what the service is at. */

#include "base/clock.h"
#include "base/util.h"
#include "service/catalogue.h"
#include "service/errors.h"
#include "service/job.h"
#include "service/service-private.h"

static void status_when_ready(Service *service, const char *model)
{
        const PaceItem *item = pace_latest(runner_pace(service->runner), model);
        double step = item ? MAX(item->step, item->guided) / USEC_PER_SEC : 0;
        char speed[64] = "";

        if (step > 0)
                (void)snprintf(speed, sizeof(speed), ", %.3g steps a second", 1 / step);
        notify_status(
                        service->notify, "Ready with %s%s%s%s", model, speed, service->n_errors > 0 ? "; last error: " : "",
                        service->n_errors > 0 ? error_bus_name(service_last_error(service)->error.code) : "");
}

void service_update_status(Service *service)
{
        const Job *job = runner_job(service->runner);
        const char *model = catalogue_resident(service), *state = catalogue_state(service);
        bool is_loading = streq(state, residency_state_to_string(RESIDENCY_LOADING));

        digests_set_busy(service->digests, job || is_loading);
        sleep_set_busy(service->sleep, !service->stopping && (job || queue_next(service->queue)));
        if (service->stopping)
                notify_status(service->notify, "Stopping");
        else if (job && job->state == JOB_RUNNING)
                notify_status(
                                service->notify, "Drawing with %s, %.0f %%", model, 100 * job->progress);
        else if (is_loading)
                notify_status(service->notify, "Loading %s", model);
        else if (streq(state, residency_state_to_string(RESIDENCY_READY)))
                status_when_ready(service, model);
        else
                notify_status(
                                service->notify, "%s",
                                streq(state, residency_state_to_string(RESIDENCY_FAILED))
                                                ? "The model could not be loaded"
                                                : "No model is loaded");
}
