/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The service: what it is made of, and what its parts tell each other.
 *
 *     service_new(&service, event, bus, config, reload, userdata);
 *     service_start(service);            objects are on the bus, the name is owned
 *     sd_event_loop(event);              until service_stop() has ended everything
 *     service_free(service);
 */

#include <systemd/sd-bus.h>

#include "config.h"
#include "queue/queue.h"
#include "service/appetite.h"
#include "service/authority.h"
#include "service/caller.h"
#include "service/digests.h"
#include "service/enhance/enhancers.h"
#include "service/forward/forward.h"
#include "service/handouts.h"
#include "service/intake.h"
#include "service/load-calls.h"
#include "service/notify.h"
#include "service/power.h"
#include "service/pressure.h"
#include "service/recorder.h"
#include "service/remote/checks.h"
#include "service/remote/ledger.h"
#include "service/remote/painters.h"
#include "service/residency.h"
#include "service/runner.h"
#include "service/sleep.h"
#include "service/watchers.h"

/* Gives a new configuration, or the error that keeps the old one in force. */
typedef int (*read_config_t)(Config **ret, void *userdata, Error *error);

/* What went wrong with models and workers lately; nothing of what callers asked for. */
typedef struct LastError {
        uint64_t when; /* CLOCK_REALTIME, µs */
        Error error;
} LastError;

typedef struct Service {
        sd_event *event;
        sd_bus *bus;
        Config *config;
        read_config_t read_config;
        void *read_config_userdata;

        Callers *callers;
        Authority *authority;
        Watchers *watchers;
        Queue *queue;
        Digests *digests;
        Packs *packs;
        Residency *residency;
        Forward *forward; /* to the machine's instance; NULL: this is it */
        Runner *runner;
        Recorder *recorder;
        Enhancers *enhancers;
        Painters *painters;
        Ledger *ledger; /* of what they cost */
        Checks *checks;
        LoadCalls *load_calls;
        Handouts *handouts;
        Intake *intake;
        Notify *notify;
        Pressure *pressure;
        SystemBus *system_bus;
        Power *power;
        Sleep *sleep;
        Appetite appetite; /* of the resident model */

        sd_bus_slot *slots[3]; /* manager, jobs, their enumeration */
        sd_event_source *expiry;
        bool is_open; /* owns its name */
        bool stopping;
        LastError last_errors[4]; /* a ring */
        uint64_t n_errors; /* all that there ever were */
        char told_state[16], told_model[MODEL_NAME_MAX + 1]; /* by the last PropertiesChanged */
} Service;

/* Takes the configuration. digest_cache: a file, beside which packed weights are kept too; NULL: none. */
int service_new(
                Service **ret, sd_event *event, sd_bus *bus, Config *config, const char *digest_cache,
                read_config_t read_config, void *userdata);
Service *service_free(Service *service);
DEFINE_CLEANUP(Service *, service_free)

/* A user's instance takes its name only when it knows whether there is a machine's. */
int service_start(Service *service);
void service_reload(Service *service);
void service_stop(Service *service); /* leaves the event loop with 0 when the worker has gone */

/* A job has ended: tells everyone and starts its expiry. */
void service_finish_job(Service *service, Job *job, JobState state, const Error *error);

/* Forgets a job; one that has not ended is cancelled first. */
void service_remove_job(Service *service, Job *job);

/* Queue positions of that user's jobs may be other ones now. */
void service_touch_user(Service *service, uid_t uid);

/* Something that `systemctl status` shows may have changed, and with it whether there is time for digests and for sleep. */
void service_update_status(Service *service);
