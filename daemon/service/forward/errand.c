/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job at the machine's instance. It ends there when this process ends, so that nothing is left behind; what it has made
 * until then is fetched at once, so that no more than the picture at work is lost. */

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/forward/errand-private.h"

static Errand *find(const Forward *forward, uint64_t serial)
{
        for (Errand *errand = forward->errands; errand && serial != 0; errand = errand->next)
                if (errand->serial == serial)
                        return errand;
        return NULL;
}

static void stop_calls(Errand *errand)
{
        errand->generate = sd_bus_slot_unref(errand->generate);
        errand->properties = sd_bus_slot_unref(errand->properties);
        errand->picture = sd_bus_slot_unref(errand->picture);
        errand->preview = sd_bus_slot_unref(errand->preview);
        errand->retry = sd_event_source_disable_unref(errand->retry);
        errand->silence = sd_event_source_disable_unref(errand->silence);
}

static void errand_free(Errand *errand)
{
        Forward *forward = errand->forward;

        for (Errand **p = &forward->errands; *p; p = &(*p)->next)
                if (*p == errand) {
                        *p = errand->next;
                        break;
                }
        if (forward->front == errand->serial)
                forward->front = 0;
        stop_calls(errand);
        if (errand->request)
                explicit_bzero(errand->request, sizeof(Request));
        for (size_t i = 0; i < INPUT_MAX; i++)
                closep(&errand->inputs[i]);
        free(errand->request);
        free(errand->path);
        free(errand);
}

void errands_free(Forward *forward)
{
        while (forward->errands)
                errand_free(forward->errands);
}

void errand_tell(const Errand *errand, const char *member)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        if (!errand->path || errand->is_orphaned)
                return;
        int r = forward_new_call(errand->forward, errand->path, IMAGINE_JOB_INTERFACE, member, &call);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(call, false);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_send(errand->forward->bus, call, NULL);
        if (r < 0)
                log_debug("%s is lost: %s", member, strerror(-r));
}

void forward_forget(Forward *forward, uint64_t serial)
{
        Errand *errand = find(forward, serial);
        if (!errand)
                return;
        errand_tell(errand, "Release");
        errand_free(errand);
}

void errand_lose(Errand *errand, ForwardLoss loss, const Error *error)
{
        Forward *forward = errand->forward;
        bool at_front = forward->front == errand->serial;
        Error copy = *error;

        forward->front = at_front ? 0 : forward->front;
        if (loss == FORWARD_DIED && errand->path) { /* it may come back, and the job with it */
                errand->is_orphaned = true;
                stop_calls(errand);
        } else {
                errand_tell(errand, "Release");
                errand_free(errand);
        }
        if (loss == FORWARD_UNREACHABLE)
                forward_give_up(forward);
        if (at_front)
                forward->handlers.lost(loss, &copy, forward->userdata);
}

void errands_orphan(Forward *forward)
{
        Error error;

        (void)error_set(&error, -EOWNERDEAD, "The machine's instance of the service ended unexpectedly");
        for (Errand *errand = forward->errands; errand; errand = errand->next)
                if (errand->path && !errand->is_orphaned && errand->serial != forward->front)
                        errand->is_orphaned = true, stop_calls(errand);
        Errand *front = find(forward, forward->front);
        if (front && front->path && !front->is_orphaned)
                errand_lose(front, FORWARD_DIED, &error);
}

/* The request for the pictures that the job has not got yet: the same bytes as if it had asked for all. */
static Request *rest_of(const Job *job)
{
        Request *request = malloc(sizeof(Request));
        if (!request)
                return NULL;
        *request = *job->request;
        request->seed = request_picture_seed(job->request, job->n_pictures);
        request->variation_seed = request_variation_seed(job->request, job->n_pictures);
        request->count = job->count - job->n_pictures;
        return request;
}

static Errand *errand_new(Forward *forward, const Job *job)
{
        Errand *errand = calloc(1, sizeof(Errand));
        if (!errand)
                return NULL;
        errand->forward = forward;
        errand->serial = job->serial;
        errand->policy = job->policy;
        errand->first = job->n_pictures;
        errand->request = rest_of(job);
        for (size_t i = 0; i < INPUT_MAX; i++)
                errand->inputs[i] = job->inputs[i].fd >= 0 ? fcntl(job->inputs[i].fd, F_DUPFD_CLOEXEC, 3) : -1;
        errand->next = forward->errands;
        forward->errands = errand;
        return errand;
}

void forward_begin(Forward *forward, const Job *job, bool can_stay)
{
        Errand *errand = find(forward, job->serial);
        Error error;

        /* One that was lost without a trace begins anew after the pictures that are there. */
        if (errand && errand->first + errand->fetched != job->n_pictures) {
                errand_free(errand);
                errand = NULL;
        }
        bool is_known = errand;
        if (!errand)
                errand = errand_new(forward, job);
        forward->front = job->serial;
        if (!errand || !errand->request || !forward->bus) {
                (void)error_set(&error, forward->bus ? -ENOMEM : -EHOSTUNREACH, "There is no system bus");
                if (errand)
                        errand_free(errand);
                forward->front = 0;
                forward->handlers.lost(FORWARD_UNREACHABLE, &error, forward->userdata);
                return;
        }
        errand->has_started = false;
        errand->can_stay = can_stay;
        if (!is_known)
                errand_generate(errand);
        else if (errand->is_orphaned)
                errand_ask(errand);
        else if (errand->path)
                /* Updated tells what is other than it told before: what is known from there is not to be mixed with more. */
                errand_report(errand);
        else if (!errand->path && !errand->generate && !errand->retry)
                errand_generate(errand);
}

void forward_tell(Forward *forward, MessageType type)
{
        Errand *errand = find(forward, forward->front);

        if (!errand)
                return;
        if (type == MESSAGE_CANCEL) {
                errand->shall_cancel = true;
                errand_tell(errand, "Cancel");
                if (!errand->path && !errand->generate)
                        errand_end(errand, JOB_CANCELLED);
        } else if (type == MESSAGE_PREVIEW) {
                errand->wants_preview = true;
                errand_report(errand);
        }
}

void forward_shelve(Forward *forward)
{
        forward->front = 0;
}
