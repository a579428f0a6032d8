/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/describe.h"
#include "service/errors.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/models.h"
#include "service/options.h"

/* The model for a request that names none: the resident one, else the configured one. */
static const char *default_model(const Service *service)
{
        const char *resident = residency_model(service->residency);
        return *resident ? resident : service->config->default_model;
}

static int resolve_model(const Service *service, const char *wanted, char ret[static MODEL_NAME_MAX + 1], Error *error)
{
        _cleanup_(freep) char *directory = NULL;

        int r = models_resolve(service->config->models, wanted, &directory, ret);
        if (r == -ENOPKG && *wanted)
                return error_set(error, r, "No model %.64s is installed", wanted);
        if (r == -ENOPKG)
                return error_set(error, r, "No model is installed");
        return r;
}

/* What can be said before the model is asked. */
static int check_size(const Service *service, const Options *options, Error *error)
{
        const ModelReady *info = residency_info(service->residency, options->policy.model);
        const uint32_t sizes[] = { options->request.width, options->request.height };

        for (size_t i = 0; info && i < ELEMENTSOF(sizes); i++)
                if (sizes[i] % info->size_multiple != 0)
                        return error_set(
                                        error, -EINVAL, "%s: must be a multiple of %u for the model %s",
                                        i == 0 ? "width" : "height", info->size_multiple, options->policy.model);
        return 0;
}

static int read_request(Service *service, sd_bus_message *call, Options *options, Error *error)
{
        const char *prompt;

        int r = sd_bus_message_read(call, "s", &prompt);
        if (r < 0)
                return r;
        r = options_read(call, options, error);
        if (r < 0)
                return r;

        size_t size = strlen(prompt);
        if (size > REQUEST_PROMPT_MAX)
                return error_set(error, -EINVAL, "prompt: longer than %d bytes", REQUEST_PROMPT_MAX);
        memcpy(options->request.prompt, prompt, size + 1);
        r = request_check(&options->request, error);
        if (r < 0)
                return r;

        const char *model = *options->policy.model ? options->policy.model : default_model(service);
        r = resolve_model(service, model, options->policy.model, error);
        if (r < 0)
                return r;
        return check_size(service, options, error);
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

static int add_job(Service *service, sd_bus_message *call, uid_t uid, Options *options, Job **ret, Error *error)
{
        Job *job;

        if (service->stopping)
                return error_set(error, -ESHUTDOWN, "The service is being stopped");
        int r = options->has_seed ? 0 : draw_seed(&options->request.seed);
        if (r < 0)
                return r;
        r = queue_add(service->queue, &options->request, &options->policy, uid, &job, error);
        if (r < 0)
                return r;
        r = job_object_new(service, job, sd_bus_message_get_sender(call));
        if (r < 0) {
                queue_remove(service->queue, job);
                return r;
        }
        *ret = job;
        return 0;
}

static int fail(sd_bus_error *bus_error, int r, Error *error)
{
        if (error->code == 0)
                return error_to_bus_code(bus_error, r, NULL);
        return error_to_bus(bus_error, error);
}

static int on_generate(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        char path[JOB_PATH_MAX];
        Options options = {};
        Error error = {};
        uid_t uid;
        Job *job = NULL;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        r = read_request(service, call, &options, &error);
        if (r >= 0)
                r = add_job(service, call, uid, &options, &job, &error);
        if (r < 0)
                return fail(bus_error, r, &error);

        job_object_path(job, path);
        r = sd_bus_reply_method_return(call, "uo", job->id, path);
        if (r < 0) {
                service_remove_job(service, job);
                return r;
        }
        job_object_update(job_object(job));
        service_touch_user(service, uid);
        service_update_status(service);
        runner_schedule(service->runner);
        return 1;
}

/* The argument of Watch and Unwatch: a job's serial number, or WATCH_ALL. */
static int read_watch(Service *service, sd_bus_message *call, uid_t *ret_uid, uint64_t *ret_serial)
{
        const char *path;

        int r = callers_uid(service->callers, call, ret_uid);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "o", &path);
        if (r < 0)
                return r;
        if (streq(path, "/")) {
                *ret_serial = WATCH_ALL;
                return 0;
        }
        const Job *job = job_object_find(service, path, *ret_uid);
        if (!job)
                return -ESRCH;
        *ret_serial = job->serial;
        return 0;
}

static int on_watch(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        uint64_t serial;
        uid_t uid;

        int r = read_watch(service, call, &uid, &serial);
        if (r >= 0)
                r = watchers_add(
                                service->watchers, sd_bus_message_get_sender(call), uid, serial,
                                service->config->watchers_per_user);
        if (r == -EDQUOT)
                return error_to_bus_code(bus_error, r, "Too many Watch calls are in force (watchers_per_user)");
        if (r < 0)
                return error_to_bus_code(bus_error, r, NULL);
        return sd_bus_reply_method_return(call, NULL);
}

static int on_unwatch(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        uint64_t serial;
        uid_t uid;

        int r = read_watch(service, call, &uid, &serial);
        if (r < 0 && r != -ESRCH)
                return error_to_bus_code(bus_error, r, NULL);
        if (r >= 0)
                watchers_remove(service->watchers, sd_bus_message_get_sender(call), serial);
        return sd_bus_reply_method_return(call, NULL);
}

static int on_list_jobs(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Service *service = userdata;
        uid_t uid;
        (void)error;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(uosd)");
        for (const Job *job = queue_first(service->queue); job && r >= 0; job = job->next) {
                char path[JOB_PATH_MAX];
                if (job->uid != uid)
                        continue;
                job_object_path(job, path);
                r = sd_bus_message_append(
                                reply, "(uosd)", job->id, path, job_state_to_string(job->state), job->progress);
        }
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int append_model(sd_bus_message *reply, const Service *service, const Model *model, const char *by_default)
{
        const ModelReady *info = residency_info(service->residency, model->name);

        int r = sd_bus_message_open_container(reply, 'r', "sa{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", model->name);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}", "resident", "b",
                        residency_is_ready(service->residency, model->name), "default", "b",
                        streq(model->name, by_default), "bytes", "t", model_size(model->directory), "directory",
                        "s", model->directory);
        if (r >= 0 && info)
                r = sd_bus_message_append(
                                reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "version", "s", info->version,
                                "license", "s", info->license, "width", "u", info->width, "height", "u",
                                info->height, "size-multiple", "u", info->size_multiple, "steps", "u",
                                info->steps, "guidance", "d", info->guidance,
                                "sampler", "s", sampler_to_string(info->sampler), "parameters", "t",
                                info->parameters);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_models(sd_bus_message *call, const Service *service, const Models *models)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char by_default[MODEL_NAME_MAX + 1] = "";

        (void)resolve_model(service, service->config->default_model, by_default, NULL);
        int r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (size_t i = 0; i < models->n && r >= 0; i++)
                r = append_model(reply, service, &models->items[i], by_default);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_models(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        Models models;
        (void)error;

        int r = models_find(&models, service->config->models);
        if (r < 0)
                return r;
        r = reply_models(call, service, &models);
        models_clear(&models);
        return r;
}

static int on_load_model(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        char model[MODEL_NAME_MAX + 1];
        Error error = {};
        const char *wanted;
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        r = sd_bus_message_read(call, "s", &wanted);
        if (r < 0)
                return r;
        if (service->stopping)
                return error_to_bus_code(bus_error, -ESHUTDOWN, "The service is being stopped");
        r = resolve_model(service, *wanted ? wanted : service->config->default_model, model, &error);
        if (r >= 0)
                r = load_calls_add(service->load_calls, call, uid, model);
        if (r == -EDQUOT)
                return error_to_bus_code(bus_error, r, "Too many LoadModel calls wait for an answer");
        if (r < 0)
                return fail(bus_error, r, &error);
        runner_schedule(service->runner);
        return 1;
}

static int on_unload_model(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        Error unloaded;

        if (runner_is_busy(service->runner) || queue_next(service->queue))
                return error_to_bus_code(bus_error, -EBUSY, "The model is at work and cannot be unloaded now");

        (void)error_set(&unloaded, -ECANCELED, "The model was unloaded before it was ready");
        load_calls_answer(service->load_calls, NULL, &unloaded);
        residency_unload(service->residency);
        if (residency_is_empty(service->residency))
                return sd_bus_reply_method_return(call, NULL);
        if (load_calls_add_unload(service->load_calls, call) < 0)
                return error_to_bus_code(bus_error, -EDQUOT, "Too many UnloadModel calls wait for an answer");
        return 1;
}

static int on_describe(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Service *service = userdata;
        _cleanup_(freep) char *json = NULL;
        uid_t uid;
        (void)error;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        r = describe_service(service, uid, &json);
        return r < 0 ? r : sd_bus_reply_method_return(call, "s", json);
}

static int get_version(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        (void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
        return sd_bus_message_append(reply, "s", VERSION);
}

static int get_state(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        const Service *service = userdata;
        (void)bus, (void)path, (void)interface, (void)property, (void)error;
        return sd_bus_message_append(
                        reply, "s", residency_state_to_string(residency_state(service->residency)));
}

static int get_resident_model(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        const Service *service = userdata;
        (void)bus, (void)path, (void)interface, (void)property, (void)error;
        return sd_bus_message_append(reply, "s", residency_model(service->residency));
}

static int get_supported_options(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        (void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
        return options_append_supported(reply);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                        "Generate", SD_BUS_ARGS("s", prompt, "a{sv}", options), SD_BUS_RESULT("u", id, "o", job),
                        on_generate, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                        "Watch", SD_BUS_ARGS("o", job), SD_BUS_NO_RESULT, on_watch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Unwatch", SD_BUS_ARGS("o", job), SD_BUS_NO_RESULT, on_unwatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(uosd)", jobs), on_list_jobs,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListModels", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sa{sv})", models), on_list_models,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "LoadModel", SD_BUS_ARGS("s", model), SD_BUS_NO_RESULT, on_load_model,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "UnloadModel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_unload_model, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ResidentModel", "s", get_resident_model, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("SupportedOptions", "a{ss}", get_supported_options, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int manager_publish(Service *service)
{
        return sd_bus_add_object_vtable(
                        service->bus, &service->slots[0], IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, manager_vtable,
                        service);
}

void manager_update(Service *service)
{
        const char *state = residency_state_to_string(residency_state(service->residency));
        const char *model = residency_model(service->residency);
        char *names[3] = {};
        size_t n = 0;

        if (!streq(service->told_state, state))
                names[n++] = (char *)"State";
        if (!streq(service->told_model, model))
                names[n++] = (char *)"ResidentModel";
        if (n == 0)
                return;

        (void)snprintf(service->told_state, sizeof(service->told_state), "%s", state);
        (void)snprintf(service->told_model, sizeof(service->told_model), "%s", model);
        int r = sd_bus_emit_properties_changed_strv(service->bus, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, names);
        if (r < 0)
                log_debug("PropertiesChanged is lost: %s", strerror(-r));
}
