/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/util.h"
#include "client/follow.h"
#include "client/progress.h"
#include "dbus/names.h"

#define MATCHES 4
#define TICK_USEC UINT64_C(500000) /* how often the time left is drawn anew */

typedef struct Follow {
        Client *client;
        const FollowHooks *hooks;
        JobInfo *job;
        sd_event *event;
        Progress progress;
        char service[256]; /* the connection that has the job, "" until it has answered */
        bool is_known; /* the properties have been read */
        bool is_over; /* Finished came, or the properties said so; an Updated says it without the reason */
        bool is_fetching; /* a GetResult is under way */
        uint32_t fetched;
        unsigned interrupts;
        sd_bus_slot *matches[MATCHES]; /* they end with this job, the connection may have another one to follow */
} Follow;

static int finish(Follow *f, ExitCode code)
{
        progress_clear(&f->progress);
        return sd_event_exit(f->event, (int)code);
}

static int fail_bus(Follow *f, const sd_bus_error *error, int r)
{
        progress_clear(&f->progress);
        return finish(f, bus_fail(f->client, error, r));
}

static void show(Follow *f)
{
        progress_update(&f->progress, f->job);
}

/* A call of the job, on the connection that has it; the answer goes to the callback. */
#define call(f, interface, member, callback, ...) \
        bus_call_async((f)->client, (f)->service, (f)->job->path, interface, member, callback, f, __VA_ARGS__)

/* The job's end as the user hears of it. */
static int conclude(Follow *f)
{
        const JobInfo *job = f->job;

        switch (job_state(job)) {
        case JOB_DONE:
                return finish(f, CODE_OK);
        case JOB_CANCELLED:
                progress_clear(&f->progress);
                return finish(f, client_fail_named(f->client, CODE_CANCELLED, IMAGINE_ERROR_CANCELLED, NULL,
                                                   "job %u was cancelled", job->id));
        default: {
                sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(
                        job->error_name[0] ? job->error_name : IMAGINE_ERROR_FAILED,
                        job->error_message[0] ? job->error_message : "the job failed");
                return fail_bus(f, &error, -EIO);
        }
        }
}

static int advance(Follow *f);

static int take_picture(Follow *f, sd_bus_message *m)
{
        _cleanup_(picture_unmap) Picture picture = { 0 };
        uint64_t seed = f->job->seed + f->fetched;
        Error error = { 0 };
        int fd;

        int r = sd_bus_message_read_basic(m, 'h', &fd);
        if (r >= 0)
                r = picture_map(fd, &picture, &error);
        progress_clear(&f->progress);
        if (r < 0)
                return finish(f, client_fail_error(f->client, CODE_FAILED, &error, r));

        ExitCode code = f->hooks->on_picture(f->client, f->job, f->fetched, seed, &picture,
                                             f->hooks->userdata);
        if (code != CODE_OK)
                return finish(f, code);
        f->fetched++;
        return advance(f);
}

static int on_result(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;

        (void)ret_error;
        f->is_fetching = false;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(f, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        return take_picture(f, m);
}

/* What is next, now that something has changed: a picture to fetch, the end, or just another view. */
static int advance(Follow *f)
{
        uint32_t wanted = f->hooks->on_picture ? f->job->pictures : 0;

        if (!f->is_known || f->is_fetching)
                return 0;
        if (f->fetched < wanted) {
                int r = call(f, IMAGINE_JOB_INTERFACE, "GetResult", on_result, "u", f->fetched);
                if (r < 0)
                        return fail_bus(f, NULL, r);
                f->is_fetching = true;
                return 0;
        }
        if (f->is_over)
                return conclude(f);
        if (f->hooks->leaves)
                return finish(f, CODE_OK);
        show(f);
        return 0;
}

static bool is_of_job(const Follow *f, sd_bus_message *m)
{
        const char *path = sd_bus_message_get_path(m), *sender = sd_bus_message_get_sender(m);

        return f->service[0] && f->job->path[0] && path && sender && streq(path, f->job->path) &&
               streq(sender, f->service);
}

static int on_updated(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;

        (void)ret_error;
        if (!is_of_job(f, m))
                return 0;
        int r = job_read(f->job, m);
        return r < 0 ? fail_bus(f, NULL, r) : advance(f);
}

static int on_finished(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;

        (void)ret_error;
        if (!is_of_job(f, m))
                return 0;
        int r = job_read_finished(f->job, m);
        if (r < 0)
                return fail_bus(f, NULL, r);
        f->is_over = true;
        return advance(f);
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(f, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        int r = job_read(f->job, m);
        if (r < 0)
                return fail_bus(f, NULL, r);
        f->is_known = true;
        f->is_over = f->is_over || job_has_ended(f->job);
        return advance(f);
}

static int read_properties(Follow *f)
{
        int r = call(f, "org.freedesktop.DBus.Properties", "GetAll", on_properties, "s", IMAGINE_JOB_INTERFACE);
        return r < 0 ? fail_bus(f, NULL, r) : 0;
}

static int on_cancel_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(userdata, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        return 0;
}

static int cancel(Follow *f)
{
        int r = call(f, IMAGINE_JOB_INTERFACE, "Cancel", on_cancel_answer, "");
        return r < 0 ? fail_bus(f, NULL, r) : 0;
}

/* The answers to Generate and Watch have this in common: from now on it is known whose signals count. */
static int begin(Follow *f, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m);

        (void)snprintf(f->service, sizeof(f->service), "%s", sender ? sender : "");
        if (f->interrupts > 0 && f->hooks->owns_job)
                (void)cancel(f);
        return read_properties(f);
}

static int on_generated(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;
        const char *path;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(f, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        int r = sd_bus_message_read(m, "uo", &f->job->id, &path);
        if (r < 0)
                return fail_bus(f, NULL, r);
        (void)snprintf(f->job->path, sizeof(f->job->path), "%s", path);
        return begin(f, m);
}

static int on_watched(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(f, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        return begin(f, m);
}

static int lost(Follow *f, const char *what)
{
        const char *hint = f->hooks->owns_job ? "The same command may work again." : NULL;

        progress_clear(&f->progress);
        return finish(f, client_fail_named(f->client, CODE_UNREACHABLE, SD_BUS_ERROR_DISCONNECTED, hint,
                                           "%s before the job was done, and the job with it", what));
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *f = userdata;
        const char *old_owner;

        (void)ret_error;
        int r = sd_bus_message_read(m, "sss", NULL, &old_owner, NULL);
        if (r < 0 || !f->service[0] || !streq(old_owner, f->service))
                return 0;
        return lost(f, "the service ended");
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        (void)m;
        (void)ret_error;
        return lost(userdata, "the connection to the bus was lost");
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        Follow *f = userdata;
        const char *then = f->hooks->owns_job ? "left; the job is cancelled" : "left; the job goes on";

        (void)source;
        f->interrupts++;
        progress_clear(&f->progress);
        if (f->hooks->owns_job && f->interrupts == 1 && si->ssi_signo == SIGINT) {
                client_say(f->client, "Cancelling; Ctrl-C again leaves at once");
                return f->job->path[0] ? cancel(f) : 0;
        }
        return finish(f, client_fail_named(f->client, CODE_CANCELLED, IMAGINE_ERROR_CANCELLED, NULL, "%s",
                                           then));
}

static int on_resize(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        (void)source;
        (void)si;
        show(userdata);
        return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        show(userdata);
        int r = sd_event_source_set_time(source, usec + TICK_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_signals(Follow *f)
{
        static const struct {
                int number;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGINT, on_interrupt },
                { SIGTERM, on_interrupt },
                { SIGHUP, on_interrupt },
                { SIGWINCH, on_resize },
        };
        sigset_t set;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(&set, signals[i].number);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int r = sd_event_add_signal(f->event, NULL, signals[i].number, signals[i].handler, f);
                if (r < 0)
                        return r;
        }
        if (!f->progress.is_terminal || f->progress.is_quiet)
                return 0;
        return sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, f);
}

static int add_matches(Follow *f)
{
        static const char owner_changed[] = "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                                            "member='NameOwnerChanged',arg0='" IMAGINE_BUS_NAME "'";
        sd_bus *bus = f->client->bus;

        int r = sd_bus_match_signal(bus, &f->matches[0], IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE, "Updated",
                                    on_updated, f);
        if (r >= 0)
                r = sd_bus_match_signal(bus, &f->matches[1], IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE, "Finished",
                                        on_finished, f);
        if (r >= 0)
                r = sd_bus_add_match(bus, &f->matches[2], owner_changed, on_owner_changed, f);
        if (r >= 0)
                r = sd_bus_match_signal(bus, &f->matches[3], NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, f);
        return r;
}

static void remove_matches(Follow *f)
{
        for (size_t i = 0; i < MATCHES; i++)
                (void)sd_bus_slot_unref(f->matches[i]);
}

static int prepare(Follow *f)
{
        int r = sd_event_new(&f->event);
        if (r >= 0)
                r = add_signals(f);
        if (r >= 0)
                r = add_matches(f);
        if (r >= 0)
                r = sd_bus_attach_event(f->client->bus, f->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static ExitCode run(Follow *f, sd_bus_message *call, sd_bus_message_handler_t callback)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;

        progress_init(&f->progress, f->client->options.quiet);
        int r = prepare(f);
        event = f->event;
        if (r >= 0)
                r = sd_bus_call_async(f->client->bus, NULL, call, callback, f, 0);
        if (r < 0) {
                remove_matches(f);
                return bus_fail(f->client, NULL, r);
        }
        r = sd_event_loop(event);
        remove_matches(f);
        (void)sd_bus_flush(f->client->bus);
        (void)sd_bus_detach_event(f->client->bus);
        if (r < 0)
                return client_fail(f->client, CODE_FAILED, "the event loop failed: %s", strerror(-r));
        return (ExitCode)r;
}

ExitCode follow_generate(Client *c, sd_bus_message *call, const FollowHooks *hooks, JobInfo *job)
{
        Follow f = { .client = c, .hooks = hooks, .job = job };

        *job = (JobInfo) { .guidance = -1 };
        return run(&f, call, on_generated);
}

ExitCode follow_job(Client *c, const FollowHooks *hooks, JobInfo *job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Follow f = { .client = c, .hooks = hooks, .job = job };

        int r = bus_new_call(c, "Watch", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "o", job->path);
        if (r < 0)
                return bus_fail(c, NULL, r);
        return run(&f, call, on_watched);
}
