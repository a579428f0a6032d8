/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job at the machine's instance. It ends there when this process ends, so that nothing is left behind; what it has made
 * until then is fetched at once, so that no more than the picture at work is lost. */

#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/forward/errand-private.h"
#include "service/options.h"

/* Where there is no room in the queue there, it is asked again after a while; so it is while it may be about to be started
 * again. */
#define RETRY_AFTER (USEC_PER_SEC / 2)
#define RESTARTED_WITHIN (10 * USEC_PER_SEC)
/* Signals may be lost where the bus is slow, and an instance may hang: silence is looked into. */
#define SILENCE (5 * USEC_PER_SEC)

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

/* Calls a method of the job without caring for the answer. */
static void tell(const Errand *errand, const char *member)
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
        tell(errand, "Release");
        errand_free(errand);
}

/* The errand is over; the one at the front says so last of all. */
static void lose(Errand *errand, ForwardLoss loss, const Error *error)
{
        Forward *forward = errand->forward;
        bool at_front = forward->front == errand->serial;
        Error copy = *error;

        forward->front = at_front ? 0 : forward->front;
        if (loss == FORWARD_DIED && errand->path) { /* it may come back, and the job with it */
                errand->is_orphaned = true;
                stop_calls(errand);
        } else {
                tell(errand, "Release");
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
                lose(front, FORWARD_DIED, &error);
}

/* --- sending --- */

/* What the error of a call means for the job. */
static ForwardLoss loss_of(const sd_bus_error *error)
{
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, IMAGINE_ERROR_FAILED))
                return FORWARD_DIED;
        if (sd_bus_error_has_names(error, IMAGINE_ERROR_NO_SUCH_MODEL, IMAGINE_ERROR_INVALID_ARGS))
                return FORWARD_REFUSED;
        return strncmp(error->name, IMAGINE_ERROR(""), strlen(IMAGINE_ERROR(""))) == 0 ? FORWARD_FAILED
                                                                                        : FORWARD_UNREACHABLE;
}

void errand_lose_by(Errand *errand, const sd_bus_error *bus_error)
{
        ForwardLoss loss = loss_of(bus_error);
        Error error;

        if (loss == FORWARD_UNREACHABLE)
                (void)error_set(&error, -EHOSTUNREACH, "The machine's instance of the service cannot be reached: %s",
                                bus_error->message ? bus_error->message : bus_error->name);
        else
                (void)error_set(&error, error_code_of(bus_error->name), "%s",
                                bus_error->message ? bus_error->message : bus_error->name);
        lose(errand, loss, &error);
}

static void lose_broken(Errand *errand, int r)
{
        Error error;

        (void)error_set(&error, r, "The machine's instance of the service cannot be understood: %s", strerror(-r));
        lose(errand, FORWARD_UNREACHABLE, &error);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Errand *errand = userdata;
        (void)source, (void)usec;

        errand->retry = sd_event_source_disable_unref(errand->retry);
        errand_generate(errand);
        return 0;
}

static int retry(Errand *errand)
{
        return sd_event_add_time_relative(
                        errand->forward->event, &errand->retry, CLOCK_MONOTONIC, RETRY_AFTER, 0, on_retry, errand);
}

static void ask_for_properties(Errand *errand);

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
        Errand *errand = userdata;
        (void)source, (void)usec;

        errand->silence = sd_event_source_disable_unref(errand->silence);
        if (errand->path && !errand->is_orphaned && !errand->properties)
                ask_for_properties(errand);
        return 0;
}

static void hear_something(Errand *errand)
{
        errand->silence = sd_event_source_disable_unref(errand->silence);
        (void)sd_event_add_time_relative(
                        errand->forward->event, &errand->silence, CLOCK_MONOTONIC, SILENCE, USEC_PER_SEC, on_silence,
                        errand);
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Errand *errand = userdata;
        Snapshot now = errand->now;
        (void)ret_error;

        errand->properties = sd_bus_slot_unref(errand->properties);
        bool is_gone = sd_bus_message_is_method_error(reply, NULL);
        if (is_gone && !errand->is_orphaned) {
                errand_lose_by(errand, sd_bus_message_get_error(reply));
                return 1;
        }
        int r = is_gone ? 0 : snapshot_read(&now, &errand->error, reply);
        if (r < 0) {
                lose_broken(errand, r);
                return 1;
        }
        /* An instance that was started anew may have given the number to another job. */
        if (is_gone || (errand->is_orphaned && (now.created != errand->created || now.seed != errand->seed))) {
                errand_generate(errand);
                return 1;
        }
        errand->is_orphaned = false;
        errand->now = now;
        errand->created = now.created;
        errand->seed = now.seed;
        hear_something(errand);
        errand_report(errand);
        return 1;
}

static void ask_for_properties(Errand *errand)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = forward_new_call(errand->forward, errand->path, "org.freedesktop.DBus.Properties", "GetAll", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", IMAGINE_JOB_INTERFACE);
        errand->properties = sd_bus_slot_unref(errand->properties);
        if (r >= 0)
                r = sd_bus_call_async(errand->forward->bus, &errand->properties, call, on_properties, errand, 0);
        if (r < 0)
                lose_broken(errand, r);
}

/* Whether what went wrong may be well in a while. */
static bool is_passing(const Errand *errand, sd_bus_message *reply)
{
        if (sd_bus_message_is_method_error(reply, IMAGINE_ERROR_LIMITS_EXCEEDED))
                return true;
        return errand->forward->left_at > 0 && loss_of(sd_bus_message_get_error(reply)) == FORWARD_UNREACHABLE &&
               clock_usec(CLOCK_MONOTONIC) < errand->forward->left_at + RESTARTED_WITHIN;
}

static int on_generated(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Errand *errand = userdata;
        const char *path;
        uint32_t id;
        (void)ret_error;

        errand->generate = sd_bus_slot_unref(errand->generate);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                if (!is_passing(errand, reply) || retry(errand) < 0)
                        errand_lose_by(errand, sd_bus_message_get_error(reply));
                return 1;
        }
        int r = sd_bus_message_read(reply, "uo", &id, &path);
        if (r >= 0 && !(errand->path = strdup(path)))
                r = -ENOMEM;
        if (r < 0) {
                lose_broken(errand, r);
                return 1;
        }
        if (errand->shall_cancel)
                tell(errand, "Cancel");
        ask_for_properties(errand);
        return 1;
}

static int append_job(const Errand *errand, sd_bus_message *call)
{
        Options options = { .request = *errand->request, .policy = errand->policy, .has_seed = true };

        options.has_variation_seed = options.request.variation_strength > 0;
        options.policy.detach = false;
        memcpy(options.fds, errand->inputs, sizeof(options.fds));
        int r = sd_bus_message_append(call, "s", options.request.prompt);
        return r < 0 ? r : options_append(call, &options);
}

/* What was fetched is not asked for again. */
static void pass_over_fetched(Errand *errand)
{
        Request *request = errand->request;

        request->seed = request_picture_seed(request, errand->fetched);
        request->variation_seed = request_variation_seed(request, errand->fetched);
        request->count -= errand->fetched;
        errand->first += errand->fetched;
        errand->fetched = 0;
}

void errand_generate(Errand *errand)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        free(TAKE_PTR(errand->path));
        errand->is_orphaned = errand->has_started = false;
        errand->now = (Snapshot) {};
        errand->error = (Error) {};
        pass_over_fetched(errand);
        if (errand->request->count == 0) {
                errand_end(errand, JOB_DONE);
                return;
        }
        int r = forward_new_call(errand->forward, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Generate", &call);
        if (r >= 0)
                r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = append_job(errand, call);
        if (r >= 0)
                r = sd_bus_call_async(errand->forward->bus, &errand->generate, call, on_generated, errand, 0);
        if (r < 0)
                lose_broken(errand, r);
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

void forward_begin(Forward *forward, const Job *job)
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
        if (!is_known)
                errand_generate(errand);
        else if (errand->is_orphaned)
                ask_for_properties(errand);
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
                tell(errand, "Cancel");
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

/* --- what the bus tells --- */

static int hear_finished(Errand *errand, sd_bus_message *message)
{
        const char *state, *key, *name = NULL, *text = NULL;

        int r = sd_bus_message_read(message, "s", &state);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r >= 0 && streq(key, "pictures"))
                        r = sd_bus_message_read(message, "v", "u", &errand->now.pictures);
                else if (r >= 0 && streq(key, "error"))
                        r = sd_bus_message_read(message, "v", "s", &name);
                else if (r >= 0 && streq(key, "message"))
                        r = sd_bus_message_read(message, "v", "s", &text);
                else if (r >= 0)
                        r = sd_bus_message_skip(message, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r < 0)
                return r;
        int final = job_state_from_string(state);
        if (final < 0 || !job_state_is_final((JobState)final))
                return -EBADMSG;
        errand->now.state = job_state_to_string((JobState)final);
        if (name)
                (void)error_set(&errand->error, error_code_of(name), "%s", text ? text : name);
        return 0;
}

int errands_hear(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Forward *forward = userdata;
        const char *path = sd_bus_message_get_path(message), *member = sd_bus_message_get_member(message);
        Errand *errand = forward->errands;
        int r = 0;
        (void)error;

        while (errand && !(errand->path && streq(errand->path, path)))
                errand = errand->next;
        if (!errand || errand->is_orphaned || !forward_is_sender(forward, message))
                return 0;
        hear_something(errand);
        if (streq(member, "Updated"))
                r = snapshot_read(&errand->now, NULL, message);
        else if (streq(member, "Finished"))
                r = hear_finished(errand, message);
        else if (streq(member, "PreviewReady"))
                errand->wants_preview = true;
        if (r < 0)
                lose_broken(errand, r);
        else if (!errand->properties) /* what is asked for tells more */
                errand_report(errand);
        return 0;
}
