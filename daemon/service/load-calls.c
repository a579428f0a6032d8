/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/load-calls.h"

#define CALLS_PER_USER 4
#define CALLS_MAX 32
#define UNLOADS_MAX 8
/* Callers give up after 25 seconds. */
#define ANSWER_WITHIN (20 * USEC_PER_SEC)

typedef struct LoadCall {
        sd_bus_message *call; /* NULL: answered, the wish remains */
        sd_event_source *timer;
        uid_t uid;
        char model[MODEL_NAME_MAX + 1];
        struct LoadCall *next;
} LoadCall;

struct LoadCalls {
        sd_event *event;
        LoadCall *first;
        sd_bus_message *unloads[UNLOADS_MAX];
        size_t n_unloads;
};

int load_calls_new(LoadCalls **ret, sd_event *event)
{
        LoadCalls *calls = calloc(1, sizeof(LoadCalls));
        if (!calls)
                return -ENOMEM;
        calls->event = sd_event_ref(event);
        *ret = calls;
        return 0;
}

static LoadCall *call_free(LoadCall *call)
{
        sd_event_source_disable_unref(call->timer);
        sd_bus_message_unref(call->call);
        free(call);
        return NULL;
}

LoadCalls *load_calls_free(LoadCalls *calls)
{
        if (!calls)
                return NULL;
        while (calls->first) {
                LoadCall *call = calls->first;
                calls->first = call->next;
                (void)call_free(call);
        }
        for (size_t i = 0; i < calls->n_unloads; i++)
                sd_bus_message_unref(calls->unloads[i]);
        sd_event_unref(calls->event);
        free(calls);
        return NULL;
}

static void answer(LoadCall *call, const Error *error)
{
        sd_bus_error bus_error = SD_BUS_ERROR_NULL;

        if (!call->call)
                return;
        if (error) {
                (void)error_to_bus(&bus_error, error);
                (void)sd_bus_reply_method_error(call->call, &bus_error);
                sd_bus_error_free(&bus_error);
        } else {
                (void)sd_bus_reply_method_return(call->call, NULL);
        }
        call->call = sd_bus_message_unref(call->call);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        answer(userdata, NULL);
        return 0;
}

int load_calls_add(LoadCalls *calls, sd_bus_message *message, uid_t uid, const char *model)
{
        size_t n_user = 0, n = 0;
        LoadCall **end = &calls->first;

        for (; *end; end = &(*end)->next) {
                n_user += (*end)->uid == uid;
                n++;
        }
        if (n_user >= CALLS_PER_USER || n >= CALLS_MAX)
                return -EDQUOT;

        LoadCall *call = calloc(1, sizeof(LoadCall));
        if (!call)
                return -ENOMEM;
        call->uid = uid;
        (void)snprintf(call->model, sizeof(call->model), "%s", model);
        if (message) {
                int r = sd_event_add_time_relative(
                                calls->event, &call->timer, CLOCK_MONOTONIC, ANSWER_WITHIN, 0, on_time, call);
                if (r < 0) {
                        (void)call_free(call);
                        return r;
                }
                call->call = sd_bus_message_ref(message);
        }
        *end = call;
        return 0;
}

const char *load_calls_first(const LoadCalls *calls)
{
        return calls->first ? calls->first->model : NULL;
}

void load_calls_answer(LoadCalls *calls, const char *model, const Error *error)
{
        /* The name may be that of a call that is answered and freed here. */
        char name[MODEL_NAME_MAX + 1] = "";
        (void)snprintf(name, sizeof(name), "%s", model ? model : "");

        for (LoadCall **p = &calls->first; *p;) {
                LoadCall *call = *p;
                if (name[0] && !streq(call->model, name)) {
                        p = &call->next;
                        continue;
                }
                *p = call->next;
                answer(call, error);
                (void)call_free(call);
        }
}

int load_calls_add_unload(LoadCalls *calls, sd_bus_message *call)
{
        if (calls->n_unloads >= UNLOADS_MAX)
                return -EDQUOT;
        calls->unloads[calls->n_unloads++] = sd_bus_message_ref(call);
        return 0;
}

void load_calls_answer_unloads(LoadCalls *calls)
{
        for (size_t i = 0; i < calls->n_unloads; i++) {
                (void)sd_bus_reply_method_return(calls->unloads[i], NULL);
                calls->unloads[i] = sd_bus_message_unref(calls->unloads[i]);
        }
        calls->n_unloads = 0;
}
