/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/all-users.h"
#include "service/catalogue.h"
#include "service/describe.h"
#include "service/enhance/enhance.h"
#include "service/errors.h"
#include "service/generate.h"
#include "service/job.h"
#include "service/list-models.h"
#include "service/manager.h"
#include "service/options.h"
#include "service/remote/import.h"
#include "service/remote/manager-budget.h"
#include "service/remote/manager-providers.h"
#include "service/remote/manager-servers.h"

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
                                service->config->watchers_per_user, service->config->watchers_total);
        if (r == -EDQUOT)
                return error_to_bus_code(bus_error, r, "Too many Watch calls are in force (watchers_per_user)");
        if (r == -ENOSPC)
                return error_to_bus_code(
                                bus_error, -EDQUOT, "Too many Watch calls are in force (watchers_total); try again later");
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

static int if_authorized(Service *service, sd_bus_message *call, authorized_t go_on, sd_bus_error *error)
{
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return r;
        return authority_ask(service->authority, call, uid, IMAGINE_ACTION_MANAGE_MODELS, go_on, service, error);
}

static int load_model(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
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
        r = catalogue_resolve(service, wanted, model, &error);
        if (r >= 0 && catalogue_forwards(service, model))
                return forward_relay(service->forward, call, model, bus_error);
        if (r >= 0 && residency_is_ready(service->residency, model))
                return sd_bus_reply_method_return(call, NULL);
        if (r >= 0)
                r = load_calls_add(service->load_calls, call, uid, model);
        if (r == -EDQUOT)
                return error_to_bus_code(bus_error, r, "Too many LoadModel calls wait for an answer");
        if (r < 0)
                return error_to_bus_or_code(bus_error, &error, r);
        runner_schedule(service->runner);
        return 1;
}

static int on_load_model(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return if_authorized(userdata, call, load_model, error);
}

static int unload_model(sd_bus_message *call, void *userdata, sd_bus_error *bus_error)
{
        Service *service = userdata;
        Error unloaded;

        if (residency_is_empty(service->residency) && catalogue_engine(service)[0] == 's')
                return forward_relay(service->forward, call, NULL, bus_error);
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

static int on_unload_model(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return if_authorized(userdata, call, unload_model, error);
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
        return sd_bus_message_append(reply, "s", catalogue_state(service));
}

static int get_resident_model(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        const Service *service = userdata;
        (void)bus, (void)path, (void)interface, (void)property, (void)error;
        return sd_bus_message_append(reply, "s", catalogue_resident(service));
}

static int get_model_digests(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        Catalogue catalogue;
        (void)bus, (void)path, (void)interface, (void)property, (void)error;

        int r = catalogue_read(userdata, &catalogue);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(sss)");
        for (size_t i = 0; i < catalogue.n && r >= 0; i++) {
                const ModelFiles *files = catalogue.entries[i].files;
                if (files)
                        r = sd_bus_message_append(
                                        reply, "(sss)", files->name, digest_state_to_string(files->state),
                                        files->info.digest);
        }
        catalogue_clear(&catalogue);
        return r < 0 ? r : sd_bus_message_close_container(reply);
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
                        manager_generate, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                        "Enhance", SD_BUS_ARGS("s", idea, "a{sv}", options), SD_BUS_RESULT("u", id, "o", job),
                        manager_enhance, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                        "Watch", SD_BUS_ARGS("o", job), SD_BUS_NO_RESULT, on_watch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Unwatch", SD_BUS_ARGS("o", job), SD_BUS_NO_RESULT, on_unwatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(uosd)", jobs), on_list_jobs,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListAllJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(uussd)", jobs), manager_list_all_jobs,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "CancelJob", SD_BUS_ARGS("u", uid, "u", id), SD_BUS_NO_RESULT, manager_cancel_job,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListModels", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sa{sv})", models), manager_list_models,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "LoadModel", SD_BUS_ARGS("s", model), SD_BUS_NO_RESULT, on_load_model,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "UnloadModel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_unload_model, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListServers", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sa{sv})", servers), manager_list_servers,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Import", SD_BUS_ARGS("h", picture, "s", prompt, "a{sv}", options), SD_BUS_RESULT("u", id, "o", job),
                        manager_import, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                        "ListProviders", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sa{sv})", providers), manager_list_providers,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "CheckProvider", SD_BUS_ARGS("s", provider), SD_BUS_RESULT("a{sv}", result), manager_check_provider,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "GetBudget", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", budget), manager_get_budget, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "SetConsent", SD_BUS_ARGS("s", server, "b", consent), SD_BUS_NO_RESULT, manager_set_consent,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ResidentModel", "s", get_resident_model, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ModelDigests", "a(sss)", get_model_digests, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("SupportedOptions", "a{ss}", get_supported_options, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int manager_publish(Service *service)
{
        return sd_bus_add_object_vtable(
                        service->bus, &service->slots[0], IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, manager_vtable,
                        service);
}

static void tell_properties(Service *service, char **names)
{
        int r = sd_bus_emit_properties_changed_strv(service->bus, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, names);
        if (r < 0)
                log_debug("PropertiesChanged is lost: %s", strerror(-r));
}

void manager_tell_digests(Service *service)
{
        tell_properties(service, (char *[]) { (char *)"ModelDigests", NULL });
}

void manager_update(Service *service)
{
        const char *state = catalogue_state(service), *model = catalogue_resident(service);
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
        tell_properties(service, names);
}
