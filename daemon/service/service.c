/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/catalogue.h"
#include "service/generate.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/manager.h"
#include "service/models.h"
#include "service/service-private.h"
#include "service/store.h"

static QueueLimits limits_of(const Config *config)
{
        return (QueueLimits) {
                .jobs_per_user = config->jobs_per_user,
                .jobs_total = config->jobs_total,
                .interactive_per_app = config->interactive_per_app,
                .finished_per_user = config->finished_per_user,
                .pictures_per_user = config->pictures_per_user,
                .pictures_total = config->pictures_total,
                .result_bytes_per_user = config->result_bytes_per_user,
                .result_bytes_total = config->result_bytes_total,
                .input_bytes_per_user = config->input_bytes_per_user,
                .input_bytes_total = config->input_bytes_total,
                .result_seconds = config->result_seconds,
        };
}

static void on_digests_changed(void *userdata)
{
        Service *service = userdata;

        manager_tell_digests(service);
        if (service->recorder)
                recorder_follow_digests(service->recorder);
}

static int look_for_machine(Service *service)
{
        const char *scope;

        if (sd_bus_get_scope(service->bus, &scope) < 0 || !streq(scope, "user"))
                return 0;
        return forward_new(&service->forward, service->event, &service_forward_handlers, service);
}

static void look_at_models(Service *service)
{
        Models models;

        if (models_find(&models, service->config->models) < 0)
                return;
        digests_look(service->digests, &models);
        models_clear(&models);
}

/* Caches go first; the model next, if nobody needs it now. A job at work is finished. */
static void on_pressure(void *userdata)
{
        Service *service = userdata;

        (void)malloc_trim(0);
        if (service->stopping || runner_is_busy(service->runner) || queue_next(service->queue) ||
            load_calls_first(service->load_calls) || residency_state(service->residency) != RESIDENCY_READY)
                return;
        journal_say(
                        JOURNAL_MEMORY_SHORT, LOG_NOTICE, residency_model(service->residency),
                        "Memory is short: the model goes");
        residency_unload(service->residency);
}

/* Who calls, what was asked for, and the models that it is asked of. */
static int make_queue(Service *service, const char *digest_cache)
{
        const QueueLimits limits = limits_of(service->config);

        int r = callers_new(&service->callers, service->bus, service_forget_caller, service);
        if (r >= 0)
                r = authority_new(&service->authority, service->bus);
        if (r >= 0)
                r = watchers_new(&service->watchers);
        if (r >= 0)
                r = queue_new(&service->queue, &limits, service_forget_job, service);
        if (r >= 0)
                r = digests_new(&service->digests, service->event, service->config, digest_cache, on_digests_changed, service);
        return r < 0 ? r : packs_new(&service->packs, digest_cache);
}

/* Who does it, and how it is handed over. */
static int make_workers(Service *service)
{
        int r = residency_new(&service->residency, service->event, service->config, &service_residency_handlers, service);
        if (r >= 0)
                r = look_for_machine(service);
        if (r >= 0)
                r = runner_new(&service->runner, service);
        if (r >= 0)
                r = recorder_new(&service->recorder, service);
        if (r >= 0)
                r = enhancers_new(&service->enhancers, service);
        if (r >= 0)
                r = ledger_new(&service->ledger);
        if (r >= 0)
                r = painters_new(&service->painters, service);
        if (r >= 0)
                r = checks_new(&service->checks, service);
        if (r >= 0)
                r = load_calls_new(&service->load_calls, service->event);
        if (r >= 0)
                r = handouts_new(&service->handouts, service->bus, job_objects_retry_get_result, service);
        if (r >= 0)
                handouts_set_limits(service->handouts, service->config->descriptors_per_user, service->config->descriptors_total);
        return r < 0 ? r : intake_new(&service->intake, service->event, manager_generate_ready, service);
}

/* The machine around it. */
static int make_watch(Service *service)
{
        int r = notify_new(&service->notify, service->event);
        if (r >= 0)
                r = pressure_new(&service->pressure, service->event, on_pressure, service);
        if (r >= 0)
                r = system_bus_new(&service->system_bus, service->event, service->bus);
        if (r >= 0)
                r = power_new(&service->power, service->system_bus, service_follow_power, service);
        return r < 0 ? r : sleep_new(&service->sleep, service->event, service->system_bus, service_follow_sleep, service);
}

int service_new(
                Service **ret, sd_event *event, sd_bus *bus, Config *config, const char *digest_cache,
                read_config_t read_config, void *userdata)
{
        _cleanup_(service_freep) Service *service = calloc(1, sizeof(Service));
        if (!service) {
                config_free(config);
                return -ENOMEM;
        }
        service->event = sd_event_ref(event);
        service->bus = sd_bus_ref(bus);
        service->config = config;
        service->read_config = read_config;
        service->read_config_userdata = userdata;
        (void)snprintf(
                        service->told_state, sizeof(service->told_state), "%s",
                        residency_state_to_string(RESIDENCY_UNLOADED));
        int r = make_queue(service, digest_cache);
        if (r >= 0)
                r = make_workers(service);
        if (r >= 0)
                r = make_watch(service);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(service);
        return 0;
}

Service *service_free(Service *service)
{
        if (!service)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(service->slots); i++)
                sd_bus_slot_unref(service->slots[i]);
        sd_event_source_disable_unref(service->expiry);
        callers_free(service->callers);
        authority_free(service->authority);
        queue_free(service->queue);
        watchers_free(service->watchers);
        load_calls_free(service->load_calls);
        handouts_free(service->handouts);
        intake_free(service->intake);
        runner_free(service->runner);
        recorder_free(service->recorder);
        enhancers_free(service->enhancers);
        painters_free(service->painters);
        ledger_free(service->ledger);
        checks_free(service->checks);
        forward_free(service->forward);
        residency_free(service->residency);
        digests_free(service->digests);
        packs_free(service->packs);
        notify_free(service->notify);
        pressure_free(service->pressure);
        power_free(service->power);
        sleep_free(service->sleep);
        system_bus_free(service->system_bus);
        config_free(service->config);
        sd_bus_flush_close_unref(service->bus);
        sd_event_unref(service->event);
        free(service);
        return NULL;
}

static void preload(Service *service)
{
        char model[MODEL_NAME_MAX + 1];

        int r = catalogue_resolve(service, "", model, NULL);
        if (r >= 0 && catalogue_forwards(service, model))
                return; /* the machine's instance is the one to say */
        if (r >= 0)
                r = load_calls_add(service->load_calls, NULL, 0, model);
        if (r < 0)
                log_warning("The default model cannot be preloaded: none of that name is installed");
}

int service_start(Service *service)
{
        int r = manager_publish(service);
        if (r < 0)
                return log_error_errno(r, "The manager's object cannot be published");
        r = job_objects_publish(service);
        if (r < 0)
                return log_error_errno(r, "The jobs' objects cannot be published");
        power_set_config(service->power, service->config);
        sleep_set_config(service->sleep, service->config);
        /* Whoever calls us first shall find what the machine's instance has. */
        if (service->forward && !streq(service->config->engine, "own") && forward_start(service->forward) >= 0)
                return 0;
        return service_open(service);
}

int service_open(Service *service)
{
        service->is_open = true;
        store_restore(service);
        service_schedule_expiry(service);
        int r = sd_bus_request_name(service->bus, IMAGINE_BUS_NAME, 0);
        if (r < 0)
                return log_error_errno(r, "The name " IMAGINE_BUS_NAME " cannot be owned");

        look_at_models(service);
        if (service->config->preload)
                preload(service);
        runner_schedule(service->runner);
        service_update_status(service);
        notify_ready();
        return 0;
}

void service_reload(Service *service)
{
        Config *config;
        Error error = {};

        notify_reloading();
        int r = service->read_config(&config, service->read_config_userdata, &error);
        if (r < 0) {
                log_error("The old configuration stays in force: %s", error.text);
        } else {
                QueueLimits limits = limits_of(config);
                queue_set_limits(service->queue, &limits);
                handouts_set_limits(service->handouts, config->descriptors_per_user, config->descriptors_total);
                residency_set_config(service->residency, config);
                digests_set_config(service->digests, config);
                config_free(service->config);
                service->config = config;
                log_set_max_level(config_log_level(config));
                queue_expire(service->queue, clock_usec(CLOCK_MONOTONIC));
                service_schedule_expiry(service);
                look_at_models(service);
                power_set_config(service->power, config);
                sleep_set_config(service->sleep, config);
                service_follow_power(service);
                if (service->forward && !streq(config->engine, "own"))
                        forward_look_again(service->forward);
                runner_schedule(service->runner);
                log_info("The configuration was read again");
        }
        notify_ready();
}

/* A job that has not ended; NULL: none. */
static Job *find_active(const Service *service)
{
        for (Job *job = queue_first(service->queue); job; job = job->next)
                if (!job_state_is_final(job->state))
                        return job;
        return NULL;
}

void service_stop(Service *service)
{
        Error error;
        Job *job;

        if (service->stopping)
                return;
        service->stopping = true;
        notify_stopping();
        service_update_status(service);

        (void)error_set(&error, -ESHUTDOWN, "The service was stopped; ask again");
        runner_stop(service->runner);
        enhancers_stop(service->enhancers, &error);
        painters_stop(service->painters, &error);
        digests_stop(service->digests);
        /* What the service manager keeps goes on with the next process. */
        while (!store_exists() && (job = find_active(service)))
                service_finish_job(service, job, JOB_FAILED, &error);
        load_calls_answer(service->load_calls, NULL, &error);
        residency_unload(service->residency); /* on_residency_changed leaves the loop */
}
