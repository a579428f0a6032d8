/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a job gets to the machine's instance, and what it means when it does not. */

#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/forward/errand-private.h"
#include "service/options.h"

/* Where there is no room in the queue there, it is asked again after a while; so it is while it may be about to be started
 * again. */
#define RETRY_AFTER (USEC_PER_SEC / 2)
#define RESTARTED_WITHIN (10 * USEC_PER_SEC)
#define RESTARTED_AT_LAST (30 * USEC_PER_SEC) /* where nobody else can do the job */

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
        errand_lose(errand, loss, &error);
}

void errand_lose_broken(Errand *errand, int r)
{
        Error error;

        (void)error_set(&error, r, "The machine's instance of the service cannot be understood: %s", strerror(-r));
        errand_lose(errand, FORWARD_UNREACHABLE, &error);
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

/* Whether what went wrong may be well in a while. */
static bool is_passing(const Errand *errand, sd_bus_message *reply)
{
        if (sd_bus_message_is_method_error(reply, IMAGINE_ERROR_LIMITS_EXCEEDED))
                return true;
        return loss_of(sd_bus_message_get_error(reply)) == FORWARD_UNREACHABLE &&
               forward_may_return(errand->forward, errand->can_stay ? RESTARTED_WITHIN : RESTARTED_AT_LAST);
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
                errand_lose_broken(errand, r);
                return 1;
        }
        if (errand->shall_cancel)
                errand_tell(errand, "Cancel");
        errand_ask(errand);
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
                errand_lose_broken(errand, r);
}
