/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "base/util.h"
#include "service/appetite.h"
#include "service/catalogue.h"
#include "service/describe.h"
#include "service/errors.h"
#include "service/job.h"

static json_t *describe_model(const CatalogueEntry *model)
{
        const ModelFiles *files = model->files;
        json_t *object = json_pack(
                        "{s:s, s:s, s:b, s:I, s:s}", "name", model->name, "directory", model->directory, "resident",
                        model->resident, "bytes",
                        (json_int_t)(files ? files->bytes : 0), "digest-state",
                        digest_state_to_string(files ? files->state : DIGEST_UNKNOWN));

        if (files && files->info.digest[0])
                (void)json_object_set_new(object, "digest", json_string(files->info.digest));
        if (files && files->state == DIGEST_MISMATCH)
                (void)json_object_set_new(object, "difference", json_string(files->info.difference));
        return object;
}

static json_t *describe_models(Service *service)
{
        json_t *array = json_array();
        Catalogue catalogue;

        if (catalogue_read(service, &catalogue) < 0)
                return array;
        for (size_t i = 0; i < catalogue.n; i++)
                (void)json_array_append_new(array, describe_model(&catalogue.entries[i]));
        catalogue_clear(&catalogue);
        return array;
}

static json_t *describe_job(const Service *service, const Job *job)
{
        char path[JOB_PATH_MAX];
        Snapshot now;

        snapshot_take(&now, job, service->queue, NULL);
        job_object_path(job, path);
        json_t *object = json_pack(
                        "{s:I, s:s, s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:s, s:b}", "id", (json_int_t)now.id,
                        "object", path, "state", now.state, "stage", now.stage, "progress", now.progress, "step",
                        (json_int_t)now.step, "steps", (json_int_t)now.steps, "count", (json_int_t)now.count,
                        "pictures", (json_int_t)now.pictures, "position", (json_int_t)now.position, "model",
                        now.model, "detached", now.detached);
        if (object && job->state == JOB_FAILED)
                (void)json_object_set_new(
                                object, "error",
                                json_pack("{s:s, s:s}", "name", error_bus_name(job->error.code), "message",
                                          job->error.text));
        return object;
}

static json_t *describe_jobs(const Service *service, uid_t uid)
{
        json_t *array = json_array();

        for (const Job *job = queue_first(service->queue); job; job = job->next)
                if (job->uid == uid)
                        (void)json_array_append_new(array, describe_job(service, job));
        return array;
}

/* The numbers of the configuration's table. */
static json_t *describe_limits(const Config *config)
{
        json_t *object = json_object();

        for (size_t i = 0; i < config_n_keys; i++)
                if (config_keys[i].type == CONFIG_NUMBER)
                        (void)json_object_set_new(
                                        object, config_keys[i].name,
                                        json_integer((json_int_t) * (const uint64_t *)((const uint8_t *)config +
                                                                                       config_keys[i].offset)));
        return object;
}

/* What pictures take, as far as it was learned: seconds. */
static json_t *describe_speed(const Pace *pace)
{
        json_t *array = json_array();

        for (size_t i = 0; i < pace->n; i++) {
                const PaceItem *item = &pace->items[i];
                (void)json_array_append_new(
                                array, json_pack(
                                                       "{s:s, s:I, s:f, s:f, s:f}", "model", item->model, "pixels",
                                                       (json_int_t)item->pixels, "step", item->step / 1e6, "guided-step",
                                                       item->guided / 1e6, "rest", item->rest / 1e6));
        }
        return array;
}

/* The latest first. */
static json_t *describe_errors(const Service *service)
{
        const size_t room = ELEMENTSOF(service->last_errors);
        json_t *array = json_array();

        for (uint64_t i = service->n_errors; i > 0 && service->n_errors - i < room; i--) {
                const LastError *last = &service->last_errors[(i - 1) % room];
                (void)json_array_append_new(
                                array, json_pack(
                                                       "{s:I, s:s, s:s}", "when", (json_int_t)last->when, "name",
                                                       error_bus_name(last->error.code), "message", last->error.text));
        }
        return array;
}

int describe_service(Service *service, uid_t uid, char **ret)
{
        pid_t worker = residency_pid(service->residency);

        json_t *root = json_pack(
                        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I}}", "version", VERSION, "engine",
                        catalogue_engine(service), "state", catalogue_state(service), "resident-model",
                        catalogue_resident(service), "models", describe_models(service), "jobs",
                        describe_jobs(service, uid), "limits", describe_limits(service->config), "speed",
                        describe_speed(runner_pace(service->runner)), "errors", describe_errors(service), "memory",
                        "service", (json_int_t)process_resident(getpid()), "worker",
                        (json_int_t)(worker > 0 ? process_resident(worker) : 0));
        if (!root)
                return -ENOMEM;
        char *text = json_dumps(root, JSON_ENSURE_ASCII);
        json_decref(root);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}
