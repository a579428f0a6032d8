/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/memfd.h"
#include "base/util.h"
#include "service/catalogue.h"
#include "service/enhance/enhance.h"
#include "service/enhance/engines.h"
#include "service/enhance/options.h"
#include "net/protocol.h"
#include "service/errors.h"
#include "service/job.h"
#include "service/journal.h"

/* Below 2^32, so that it is easily typed. */
static int draw_seed(json_t *request)
{
        uint32_t seed;

        if (json_object_get(request, "seed"))
                return 0;
        if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
                return -EIO;
        return json_object_set_new(request, "seed", json_integer(seed)) < 0 ? -ENOMEM : 0;
}

/* Prompts can be made without a model, but not for one that is not there. */
static int resolve_model(Service *service, char model[static MODEL_NAME_MAX + 1], Error *error)
{
        char wanted[MODEL_NAME_MAX + 1];

        (void)snprintf(wanted, sizeof(wanted), "%s", model);
        int r = catalogue_resolve_request(service, wanted, model, *wanted ? error : NULL);
        if (r >= 0 || *wanted)
                return MIN(r, 0);
        model[0] = '\0';
        return 0;
}

static int check_engine(const Service *service, const json_t *request, Error *error)
{
        const char *name = json_string_value(json_object_get(request, "engine"));
        const PromptEngine *engine = prompt_engine_find(name);

        if (!engine || engine->check)
                return engine ? engine->check(service, request, error) : -EINVAL;
        if (json_object_get(request, "server") || json_object_get(request, "dry-run") || json_object_get(request, "picture"))
                return error_set(error, -EINVAL, "server, dry-run, picture: they go with the engine chat");
        return 0;
}

static int read_call(Service *service, sd_bus_message *call, json_t *request, JobPolicy *policy, int *picture, Error *error)
{
        const char *idea;

        int r = sd_bus_message_read(call, "s", &idea);
        if (r < 0)
                return error_of_reading(r, error);
        if (strlen(idea) > ENHANCE_TEXT_MAX)
                return error_set(error, -EINVAL, "idea: longer than %d bytes", ENHANCE_TEXT_MAX);
        if (json_object_set_new(request, "idea", json_string(idea)) < 0 ||
            json_object_set_new(request, "engine", json_string("builtin")) < 0)
                return -ENOMEM;
        r = error_of_reading(enhance_options_read(call, request, policy, picture, error), error);
        if (r >= 0)
                r = check_engine(service, request, error);
        if (r >= 0)
                r = draw_seed(request);
        return r < 0 ? r : resolve_model(service, policy->model, error);
}

static int add_job(Service *service, sd_bus_message *call, uid_t uid, const json_t *request, const JobPolicy *policy, int *picture, Job **ret, Error *error)
{
        const json_t *count = json_object_get(request, "count");
        Request plain;
        Job *job;

        if (service->stopping)
                return error_set(error, -ESHUTDOWN, "The service is being stopped");
        request_init(&plain);
        plain.count = count ? (uint32_t)json_integer_value(count) : 1;
        plain.seed = (uint64_t)json_integer_value(json_object_get(request, "seed"));
        int r = queue_add(service->queue, &plain, policy, uid, callers_app(service->callers, call), &job, error);
        if (r < 0)
                return r;
        size_t size = 0;
        if (*picture >= 0)
                r = memfd_check_sealed(*picture, NET_PICTURE_MAX, &size);
        if (r >= 0 && *picture >= 0)
                r = queue_add_input(service->queue, job, INPUT_IMAGE, *picture, size, error);
        if (r < 0) {
                queue_remove(service->queue, job);
                return r;
        }
        *picture = -1;
        job->ask = json_dumps(request, JSON_COMPACT);
        r = job->ask ? job_object_new(service, job, sd_bus_message_get_sender(call)) : -ENOMEM;
        if (r < 0) {
                queue_remove(service->queue, job);
                return r;
        }
        journal_job(JOURNAL_JOB_QUEUED, job);
        *ret = job;
        return 0;
}

int manager_enhance(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        JobPolicy policy = { .priority = PRIORITY_NORMAL, .writes = true };
        _cleanup_(closep) int picture = -1;
        char path[JOB_PATH_MAX];
        Error error = {};
        Job *job = NULL;
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        json_t *request = json_object();
        r = request ? read_call(service, call, request, &policy, &picture, &error) : -ENOMEM;
        if (r >= 0)
                r = add_job(service, call, uid, request, &policy, &picture, &job, &error);
        json_decref(request);
        if (r < 0)
                return error_to_bus_or_code(bus_error, &error, r);

        job_object_path(job, path);
        r = sd_bus_reply_method_return(call, "uo", job->id, path);
        if (r < 0) {
                service_remove_job(service, job);
                return r;
        }
        job_object_update(job_object(job));
        service_update_status(service);
        enhancers_schedule(service->enhancers);
        return 1;
}
