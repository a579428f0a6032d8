/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/options.h"
#include "service/remote/commission.h"
#include "service/remote/import.h"
#include "service/remote/remote.h"

#define PARALLEL 4

typedef struct Import {
        Options options;
        int fd; /* the message's own */
        size_t size;
} Import;

static int read_call(sd_bus_message *call, Import *import, Error *error)
{
        const char *prompt;

        int r = sd_bus_message_read(call, "hs", &import->fd, &prompt);
        if (r >= 0)
                r = options_read(call, &import->options, error);
        if (r < 0)
                return r;
        if (strlen(prompt) > REQUEST_PROMPT_MAX)
                return error_set(error, -EINVAL, "prompt: longer than %d bytes", REQUEST_PROMPT_MAX);
        memcpy(import->options.request.prompt, prompt, strlen(prompt) + 1);
        if (import->options.request.inputs || import->options.request.count != 1)
                return error_set(error, -EINVAL, "init-image, mask, count: one picture is imported, and it is the one");
        if (!import->options.remote.provider[0] || streq(import->options.remote.provider, PROVIDER_LOCAL))
                return error_set(error, -EINVAL, "provider: who has drawn the picture must be said");
        r = memfd_check_sealed(import->fd, INPUT_BYTES_MAX, &import->size);
        if (r < 0)
                return error_set(error, -EINVAL, "picture: must be a sealed memfd of at most %u MiB", INPUT_BYTES_MAX >> 20);
        return request_check(&import->options.request, error);
}

/* A server of the configuration, or a service of the tables; of others the name alone is known. */
static int describe(const Service *service, Job *job, const Options *options)
{
        const Server *server = config_find_server(service->config->servers, options->remote.provider);

        job->commission = calloc(1, sizeof(Commission));
        job->provenance = calloc(1, sizeof(Provenance));
        if (!job->commission || !job->provenance)
                return -ENOMEM;
        Commission *c = job->commission;
        c->is_import = true;
        c->has_seed = options->has_seed;
        if (server)
                c->server = *server;
        else
                (void)snprintf(c->server.name, sizeof(c->server.name), "%s", options->remote.provider);
        if (!server)
                (void)snprintf(c->server.service, sizeof(c->server.service), "%s", options->remote.provider);
        c->server.price = MONEY_UNKNOWN;
        c->server.parallel = PARALLEL;
        (void)snprintf(c->ask.model, sizeof(c->ask.model), "%s", options->policy.model);
        c->ask.flags = options->has_seed ? NET_ASK_SEED : 0;
        commission_describe(service, job);
        return 0;
}

static int add_job(Service *service, sd_bus_message *call, uid_t uid, Import *import, Job **ret, Error *error)
{
        JobPolicy policy = import->options.policy;
        Job *job;

        if (service->stopping)
                return error_set(error, -ESHUTDOWN, "The service is being stopped");
        if (!service->forward)
                return error_set(error, REMOTE_NOT_CONFIGURED, "Only a user's instance takes in pictures of others, not the machine's");
        policy.remote = true;
        policy.model[0] = '\0';
        if (!import->options.has_created)
                import->options.request.created = clock_usec(CLOCK_REALTIME) / USEC_PER_SEC;
        int r = queue_add(service->queue, &import->options.request, &policy, uid, callers_app(service->callers, call), &job, error);
        if (r < 0)
                return r;
        int fd = fcntl(import->fd, F_DUPFD_CLOEXEC, 3);
        r = fd < 0 ? -errno : queue_add_input(service->queue, job, INPUT_IMAGE, fd, import->size, error);
        if (r < 0)
                closep(&fd);
        if (r >= 0)
                r = describe(service, job, &import->options);
        if (r >= 0)
                r = job_object_new(service, job, sd_bus_message_get_sender(call));
        if (r < 0) {
                queue_remove(service->queue, job);
                return r;
        }
        journal_job(JOURNAL_JOB_QUEUED, job);
        *ret = job;
        return 0;
}

int manager_import(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        _cleanup_(freep) Import *import = calloc(1, sizeof(Import));
        Service *service = userdata;
        char path[JOB_PATH_MAX];
        Error error = {};
        Job *job = NULL;
        uid_t uid;

        int r = import ? callers_uid(service->callers, call, &uid) : -ENOMEM;
        if (r < 0)
                return r;
        r = read_call(call, import, &error);
        if (r >= 0)
                r = add_job(service, call, uid, import, &job, &error);
        if (r < 0)
                return error_to_bus_or_code(bus_error, &error, r);
        job_object_path(job, path);
        r = sd_bus_reply_method_return(call, "uo", job->id, path);
        if (r < 0) {
                service_remove_job(service, job);
                return r;
        }
        job_object_update(job_object(job));
        painters_schedule(service->painters);
        return 1;
}
