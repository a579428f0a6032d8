/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/enhance-call.h"
#include "client/i18n.h"
#include "client/track.h"
#include "dbus/names.h"

/* What is subscribed to, and the calls that may be under way: at most one of each. */
typedef enum TrackSlot {
        SLOT_UPDATED,
        SLOT_FINISHED,
        SLOT_OWNER,
        SLOT_DISCONNECTED,
        SLOT_BEGIN,
        SLOT_PROPERTIES,
        SLOT_RESULT,
        SLOT_PREVIEW,
        SLOT_CANCEL,
        SLOT_MAX,
} TrackSlot;

struct Track {
        Client *client;
        TrackHooks hooks;
        JobInfo *job;
        sd_bus_slot *slots[SLOT_MAX];
        char service[256]; /* the connection that has the job, "" until it has answered */
        bool is_known; /* the properties have been read */
        bool is_over; /* Finished came, or the properties said so; an Updated says it without the reason */
        bool is_fetching, is_previewing; /* a GetResult or GetPreview is under way */
        bool is_to_be_cancelled; /* before it was known which job that is */
        bool has_ended; /* on_end() was called */
        uint32_t fetched;
        uint64_t previewed; /* when the last preview was asked for, CLOCK_MONOTONIC */
};

static int finish(Track *t, ExitCode code)
{
        if (!t->has_ended) {
                t->has_ended = true;
                t->hooks.on_end(code, t->hooks.userdata);
        }
        return 0;
}

static int fail_bus(Track *t, const sd_bus_error *error, int r)
{
        return t->has_ended ? 0 : finish(t, bus_fail(t->client, error, r));
}

/* A call of the job, on the connection that has it; the answer goes to the callback. */
#define call(t, slot, interface, member, callback, ...) \
        bus_call_async((t)->client, new_slot(t, slot), (t)->service, (t)->job->path, interface, member, callback, t, \
                       __VA_ARGS__)

static sd_bus_slot **new_slot(Track *t, TrackSlot slot)
{
        t->slots[slot] = sd_bus_slot_unref(t->slots[slot]);
        return t->slots + slot;
}

/* The job's end as the user hears of it. */
static int conclude(Track *t)
{
        const JobInfo *job = t->job;

        switch (job_state(job)) {
        case JOB_DONE:
                return finish(t, CODE_OK);
        case JOB_CANCELLED:
                return finish(t, client_fail_named(t->client, CODE_CANCELLED, IMAGINE_ERROR_CANCELLED, NULL,
                                                   _("job %u was cancelled"), job->id));
        default: {
                sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(
                        job->error_name[0] ? job->error_name : IMAGINE_ERROR_FAILED,
                        job->error_message[0] ? job->error_message : _("the job failed"));
                return fail_bus(t, &error, -EIO);
        }
        }
}

static int advance(Track *t);

/* A descriptor at the message's place, mapped. */
static int read_picture(sd_bus_message *m, Picture *ret, Error *error)
{
        int fd;

        int r = sd_bus_message_read_basic(m, 'h', &fd);
        return r < 0 ? r : picture_map(fd, ret, error);
}

static int read_text(sd_bus_message *m, char *ret, size_t size)
{
        const char *text;

        int r = sd_bus_message_read(m, "v", "s", &text);
        if (r >= 0)
                (void)snprintf(ret, size, "%s", text);
        return r;
}

/* What is told of a picture: its seed, left as it is where there is none; its pixels and record. */
static int read_details(sd_bus_message *m, uint64_t *ret_seed, Picture *picture)
{
        const char *key;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r >= 0 && streq(key, "seed") && sd_bus_message_verify_type(m, 'v', "t") > 0)
                        r = sd_bus_message_read(m, "v", "t", ret_seed);
                else if (r >= 0 && streq(key, "pixels") && sd_bus_message_verify_type(m, 'v', "s") > 0)
                        r = read_text(m, picture->pixels, sizeof(picture->pixels));
                else if (r >= 0 && streq(key, "record") && sd_bus_message_verify_type(m, 'v', "s") > 0)
                        r = read_text(m, picture->record, sizeof(picture->record));
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int took(Track *t, ExitCode code)
{
        if (code != CODE_OK)
                return finish(t, code);
        t->fetched++;
        return advance(t);
}

static int take_picture(Track *t, sd_bus_message *m)
{
        _cleanup_(picture_unmap) Picture picture = { 0 };
        uint64_t seed = t->job->seed + t->fetched;
        Error error = { 0 };

        int r = read_picture(m, &picture, &error);
        if (r >= 0)
                r = read_details(m, &seed, &picture);
        if (r < 0)
                return finish(t, client_fail_error(t->client, CODE_FAILED, &error, r));

        return took(t, t->hooks.on_picture(t->client, t->job, t->fetched, seed, &picture, t->hooks.userdata));
}

static int take_prompt(Track *t, sd_bus_message *m)
{
        json_t *prompt = NULL;

        int r = enhance_read_result(m, &prompt);
        if (r < 0)
                return finish(t, client_fail(t->client, CODE_FAILED, _("the service's answer is no prompt")));
        ExitCode code = t->hooks.on_prompt(t->client, t->job, t->fetched, prompt, t->hooks.userdata);
        json_decref(prompt);
        return took(t, code);
}

static int on_result(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Track *t = userdata;

        (void)ret_error;
        t->is_fetching = false;
        if (t->has_ended)
                return 0;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(t, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        return t->hooks.on_prompt ? take_prompt(t, m) : take_picture(t, m);
}

/* A preview that cannot be had is no reason to stop. */
static int on_preview(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(picture_unmap) Picture preview = { 0 };
        Track *t = userdata;

        (void)ret_error;
        t->is_previewing = false;
        if (t->has_ended || sd_bus_message_is_method_error(m, NULL) || read_picture(m, &preview, NULL) < 0)
                return 0;
        t->hooks.on_preview(&preview, t->hooks.userdata);
        return 0;
}

static void ask_for_preview(Track *t)
{
        uint64_t now = clock_usec(CLOCK_MONOTONIC);

        if (!t->hooks.on_preview || t->is_previewing || job_state(t->job) != JOB_RUNNING ||
            (t->previewed > 0 && now - t->previewed < t->hooks.preview_usec))
                return;
        if (call(t, SLOT_PREVIEW, IMAGINE_JOB_INTERFACE, "GetPreview", on_preview, "") < 0)
                return;
        t->is_previewing = true;
        t->previewed = now;
}

/* What is next, now that something has changed: a picture to fetch, the end, or just another view. */
static int advance(Track *t)
{
        uint32_t wanted = t->hooks.on_picture || t->hooks.on_prompt ? t->job->pictures : 0;

        if (!t->is_known || t->is_fetching || t->has_ended)
                return 0;
        if (t->fetched < wanted) {
                int r = call(t, SLOT_RESULT, IMAGINE_JOB_INTERFACE, "GetResult", on_result, "u", t->fetched);
                if (r < 0)
                        return fail_bus(t, NULL, r);
                t->is_fetching = true;
                return 0;
        }
        if (t->is_over)
                return conclude(t);
        if (t->hooks.leaves)
                return finish(t, CODE_OK);
        if (t->hooks.on_update)
                t->hooks.on_update(t->job, t->hooks.userdata);
        ask_for_preview(t);
        return 0;
}

static bool is_of_job(const Track *t, sd_bus_message *m)
{
        const char *path = sd_bus_message_get_path(m), *sender = sd_bus_message_get_sender(m);

        return t->service[0] && t->job->path[0] && path && sender && streq(path, t->job->path) &&
               streq(sender, t->service);
}

static int on_updated(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Track *t = userdata;

        (void)ret_error;
        if (!is_of_job(t, m))
                return 0;
        int r = job_read(t->job, m);
        return r < 0 ? fail_bus(t, NULL, r) : advance(t);
}

static int on_finished(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Track *t = userdata;

        (void)ret_error;
        if (!is_of_job(t, m))
                return 0;
        int r = job_read_finished(t->job, m);
        if (r < 0)
                return fail_bus(t, NULL, r);
        t->is_over = true;
        return advance(t);
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Track *t = userdata;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(t, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        int r = job_read(t->job, m);
        if (r < 0)
                return fail_bus(t, NULL, r);
        t->is_known = true;
        t->is_over = t->is_over || job_has_ended(t->job);
        return advance(t);
}

static int on_cancel_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(userdata, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        return 0;
}

void track_cancel(Track *t)
{
        if (t->has_ended)
                return;
        if (!t->service[0]) {
                t->is_to_be_cancelled = true;
                return;
        }
        int r = call(t, SLOT_CANCEL, IMAGINE_JOB_INTERFACE, "Cancel", on_cancel_answer, "");
        if (r < 0)
                (void)fail_bus(t, NULL, r);
}

/* The answers to Generate and Watch have this in common: from now on it is known whose signals count. */
static int begin(Track *t, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m);

        (void)snprintf(t->service, sizeof(t->service), "%s", sender ? sender : "");
        if (t->is_to_be_cancelled)
                track_cancel(t);
        int r = call(t, SLOT_PROPERTIES, "org.freedesktop.DBus.Properties", "GetAll", on_properties, "s",
                     IMAGINE_JOB_INTERFACE);
        return r < 0 ? fail_bus(t, NULL, r) : 0;
}

/* Generate says which job it is; Watch says nothing. */
static int on_begun(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Track *t = userdata;
        const char *path;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(t, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        if (t->job->path[0])
                return begin(t, m);
        int r = sd_bus_message_read(m, "uo", &t->job->id, &path);
        if (r < 0)
                return fail_bus(t, NULL, r);
        (void)snprintf(t->job->path, sizeof(t->job->path), "%s", path);
        return begin(t, m);
}

static int lost(Track *t, const char *what)
{
        const char *hint = t->hooks.owns_job ? _("The same command may work again.") : NULL;

        if (t->has_ended)
                return 0;
        return finish(t, client_fail_named(t->client, CODE_UNREACHABLE, SD_BUS_ERROR_DISCONNECTED, hint, "%s", what));
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Track *t = userdata;
        const char *old_owner;

        (void)ret_error;
        int r = sd_bus_message_read(m, "sss", NULL, &old_owner, NULL);
        if (r < 0 || !t->service[0] || !streq(old_owner, t->service))
                return 0;
        return lost(t, _("the service ended before the job was done, and the job with it"));
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        (void)m;
        (void)ret_error;
        return lost(userdata, _("the connection to the bus was lost before the job was done, and the job with it"));
}

static int add_matches(Track *t)
{
        sd_bus *bus = t->client->bus;

        int r = sd_bus_match_signal(bus, t->slots + SLOT_UPDATED, IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE,
                                    "Updated", on_updated, t);
        if (r >= 0)
                r = sd_bus_match_signal(bus, t->slots + SLOT_FINISHED, IMAGINE_BUS_NAME, NULL, IMAGINE_JOB_INTERFACE,
                                        "Finished", on_finished, t);
        if (r >= 0)
                r = sd_bus_add_match(bus, t->slots + SLOT_OWNER,
                                     "type='signal',sender='org.freedesktop.DBus',"
                                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                     "arg0='" IMAGINE_BUS_NAME "'",
                                     on_owner_changed, t);
        if (r >= 0)
                r = sd_bus_match_signal(bus, t->slots + SLOT_DISCONNECTED, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, t);
        return r;
}

int track_new(Client *c, sd_bus_message *message, const TrackHooks *hooks, JobInfo *job, Track **ret)
{
        _cleanup_(track_freep) Track *t = malloc(sizeof(*t));

        if (!t)
                return -ENOMEM;
        *t = (Track) { .client = c, .hooks = *hooks, .job = job };
        int r = add_matches(t);
        if (r >= 0)
                r = sd_bus_call_async(c->bus, t->slots + SLOT_BEGIN, message, on_begun, t, 0);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

Track *track_free(Track *t)
{
        if (!t)
                return NULL;
        for (TrackSlot slot = 0; slot < SLOT_MAX; slot++)
                (void)sd_bus_slot_unref(t->slots[slot]);
        free(t);
        return NULL;
}
