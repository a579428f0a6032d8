/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/util.h"
#include "service/catalogue.h"
#include "service/errors.h"
#include "service/generate.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/options.h"
#include "service/remote/commission.h"
#include "service/store.h"

static int read_request(Service *service, sd_bus_message *call, Options *options, Error *error)
{
        const char *prompt;

        int r = sd_bus_message_read(call, "s", &prompt);
        if (r >= 0)
                r = options_read(call, options, error);
        if (r < 0)
                return error_of_reading(r, error);

        size_t size = strlen(prompt);
        if (size > REQUEST_PROMPT_MAX)
                return error_set(error, -EINVAL, "prompt: longer than %d bytes", REQUEST_PROMPT_MAX);
        memcpy(options->request.prompt, prompt, size + 1);
        r = request_check(&options->request, error);
        if (r < 0)
                return r;

        if (commission_is_wanted(service, &options->remote))
                return 0; /* who draws is found when there is a job (choose) */
        return catalogue_admit(service, &options->request, options->policy.model, options->policy.model, error);
}

/* Below 2^32, so that it is easily typed. */
static int draw_seed(uint64_t *ret)
{
        uint32_t seed;

        if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
                return -EIO;
        *ret = seed;
        return 0;
}

/* For the pictures' files; builds and tests that are to give the same bytes on every day name a day of their own. */
static uint64_t date_of_now(void)
{
        const char *fixed = getenv("SOURCE_DATE_EPOCH");
        uint64_t seconds;
        char end;

        return fixed && sscanf(fixed, "%" SCNu64 "%c", &seconds, &end) == 1 ? seconds : (uint64_t)time(NULL);
}

/* What the model will make of what was left open is known where it was loaded before. */
static void presume(const Service *service, Job *job)
{
        const ModelReady *info = catalogue_ready(service, job->policy.model);

        if (info)
                job_presume(job, &(Resolved) {
                                         .width = info->width,
                                         .height = info->height,
                                         .steps = info->steps,
                                         .sampler = info->sampler,
                                         .guidance = info->guidance,
                                 });
}

/* Takes the descriptors that fit. */
static int add_inputs(Service *service, Job *job, JobInput inputs[INPUT_MAX], Error *error)
{
        for (size_t i = 0; i < INPUT_MAX; i++) {
                if (inputs[i].fd < 0)
                        continue;
                int r = queue_add_input(service->queue, job, (Input)i, inputs[i].fd, inputs[i].size, error);
                if (r < 0)
                        return r;
                inputs[i].fd = -1;
        }
        return 0;
}

/* Who is to draw it. */
static int choose(Service *service, Job *job, const Options *options, Error *error)
{
        _cleanup_(freep) Commission *draft = calloc(1, sizeof(Commission));

        if (!commission_is_wanted(service, &options->remote))
                return 0;
        if (!draft)
                return -ENOMEM;
        draft->wish = options->remote;
        draft->has_seed = options->has_seed;
        draft->has_strength = options->has_strength;
        memcpy(draft->model, options->policy.model, sizeof(draft->model));
        return commission_begin(service, job, draft, error);
}

static int add_job(
                Service *service, sd_bus_message *call, uid_t uid, Options *options, JobInput inputs[INPUT_MAX], Job **ret,
                Error *error)
{
        Job *job;

        if (service->stopping)
                return error_set(error, -ESHUTDOWN, "The service is being stopped");
        int r = options->has_seed ? 0 : draw_seed(&options->request.seed);
        if (r >= 0 && !options->has_variation_seed)
                r = draw_seed(&options->request.variation_seed);
        if (r < 0)
                return r;
        if (!options->has_created)
                options->request.created = date_of_now();
        r = queue_add(
                        service->queue, &options->request, &options->policy, uid,
                        callers_app(service->callers, call), &job, error);
        if (r < 0)
                return r;
        r = add_inputs(service, job, inputs, error);
        if (r >= 0)
                r = choose(service, job, options, error);
        if (r >= 0)
                r = job_object_new(service, job, sd_bus_message_get_sender(call));
        if (r < 0) {
                commission_settle(service, job, 0, "not begun");
                queue_remove(service->queue, job);
                return r;
        }
        presume(service, job);
        store_inputs(job);
        store_job(job);
        journal_job(JOURNAL_JOB_QUEUED, job);
        *ret = job;
        return 0;
}

/* With all that the call brought. */
static int generate(
                Service *service, sd_bus_message *call, uid_t uid, Options *options, JobInput inputs[INPUT_MAX],
                sd_bus_error *bus_error)
{
        char path[JOB_PATH_MAX];
        Error error = {};
        Job *job = NULL;

        int r = add_job(service, call, uid, options, inputs, &job, &error);
        if (r < 0)
                return error_to_bus_or_code(bus_error, &error, r);

        job_object_path(job, path);
        r = sd_bus_reply_method_return(call, "uo", job->id, path);
        if (r < 0) {
                service_remove_job(service, job);
                return r;
        }
        job_object_update(job_object(job));
        service_touch_user(service, uid);
        service_update_status(service);
        if (job->policy.remote)
                painters_schedule(service->painters);
        else
                runner_schedule(service->runner);
        return 1;
}

int manager_generate(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        JobInput inputs[INPUT_MAX] = { { .fd = -1 }, { .fd = -1 } };
        Options options = {};
        Error error = {};
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        r = read_request(service, call, &options, &error);
        if (r >= 0)
                r = options.request.inputs ? intake_take(service->intake, call, uid, options.fds, inputs, &error) : 1;
        if (r < 0)
                return error_to_bus_or_code(bus_error, &error, r);
        if (r == 0) /* manager_generate_ready */
                return 1;
        r = generate(service, call, uid, &options, inputs, bus_error);
        inputs_close(inputs);
        return r;
}

void manager_generate_ready(sd_bus_message *call, JobInput inputs[INPUT_MAX], const Error *failure, void *userdata)
{
        Service *service = userdata;
        sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        Options options = {};
        Error error = failure ? *failure : (Error) {};
        uid_t uid = (uid_t)-1;

        int r = failure ? failure->code : callers_uid(service->callers, call, &uid);
        if (r >= 0)
                r = sd_bus_message_rewind(call, true);
        if (r >= 0)
                r = read_request(service, call, &options, &error);
        if (r < 0)
                r = error_to_bus_or_code(&bus_error, &error, r);
        else
                r = generate(service, call, uid, &options, inputs, &bus_error);
        if (r < 0 || sd_bus_error_is_set(&bus_error))
                (void)sd_bus_reply_method_errno(call, r, &bus_error);
        sd_bus_error_free(&bus_error);
}
