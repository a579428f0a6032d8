/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "client/enhance-call.h"
#include "client/order.h"
#include "dbus/names.h"

struct Order {
        Link *link;
        Order *next; /* in link->abandoned */
        Client client;
        OrderHooks hooks;
        JobInfo job;
        Track *track;
        sd_event_source *ending;
        Failure failure;
        bool has_ended, is_abandoned;
};

static Order *destroy(Order *o);

void failure_say(Failure *failure, const char *format, ...)
{
        char text[2 * ERROR_TEXT_MAX];
        Error error = { 0 };
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        utf8_sanitize(text);
        (void)error_set(&error, -EINVAL, "%s", text); /* cuts between characters */
        memcpy(failure->message, error.text, sizeof(failure->message));
}

void failure_take(Failure *failure, const Client *c, ExitCode code)
{
        const char *name = json_string_value(json_object_get(c->error, "name"));
        const char *message = json_string_value(json_object_get(c->error, "message"));

        *failure = (Failure) { .code = code };
        (void)snprintf(failure->name, sizeof(failure->name), "%s", name ? name : "");
        failure_say(failure, "%s", message ? message : "failed");
}

ExitCode link_open(Link *link, Client *ret, Failure *failure)
{
        Client c = { .options = link->base, .is_silent = true };
        ExitCode code = CODE_OK;

        /* Orders on a lost connection hear of that from it, and hold it until then. */
        if (link->bus && sd_bus_is_open(link->bus) <= 0)
                link->bus = sd_bus_unref(link->bus);
        if (!link->bus) {
                code = bus_connect(&c);
                int r = code == CODE_OK ? sd_bus_attach_event(c.bus, link->event, SD_EVENT_PRIORITY_NORMAL) : 0;
                if (r < 0)
                        code = bus_fail(&c, NULL, r);
                if (code != CODE_OK) {
                        failure_take(failure, &c, code);
                        link_client_done(&c);
                        return code;
                }
                link->bus = c.bus;
                link->is_user_bus = c.is_user_bus;
        }
        c.bus = sd_bus_ref(link->bus);
        c.is_user_bus = link->is_user_bus;
        *ret = c;
        return CODE_OK;
}

void link_client_done(Client *c)
{
        json_decref(c->error);
        free(c->hint);
        (void)sd_bus_unref(c->bus);
        *c = (Client) { 0 };
}

void link_close(Link *link)
{
        while (link->abandoned) {
                Order *next = link->abandoned->next;
                destroy(link->abandoned);
                link->abandoned = next;
        }
        if (link->bus)
                (void)sd_bus_detach_event(link->bus);
        link->bus = sd_bus_flush_close_unref(link->bus);
}

static int on_ending(sd_event_source *source, void *userdata)
{
        Order *o = userdata;

        (void)source;
        if (o->is_abandoned) {
                Order **at = &o->link->abandoned;
                while (*at != o)
                        at = &(*at)->next;
                *at = o->next;
                destroy(o);
                return 0;
        }
        o->hooks.on_end(&o->job, o->failure.code == CODE_OK ? NULL : &o->failure, o->hooks.userdata);
        return 0;
}

/* Later, when nothing of the track is on the stack any more. */
static void on_end(ExitCode code, void *userdata)
{
        Order *o = userdata;

        o->has_ended = true;
        if (code != CODE_OK && o->failure.code == CODE_OK)
                failure_take(&o->failure, &o->client, code);
        (void)sd_event_source_set_enabled(o->ending, SD_EVENT_ONESHOT);
}

/* What a hook that takes results has said. */
static ExitCode taken(Order *o, bool is_taken)
{
        if (is_taken)
                return CODE_OK;
        if (o->failure.code == CODE_OK)
                o->failure.code = CODE_FAILED;
        return o->failure.code;
}

static ExitCode on_picture(
        Client *c, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture, void *userdata)
{
        Order *o = userdata;

        (void)c;
        if (o->is_abandoned) /* nobody wants it */
                return CODE_CANCELLED;
        return taken(o, o->hooks.on_picture(index, seed, job, picture, &o->failure, o->hooks.userdata));
}

static ExitCode on_prompt(Client *c, const JobInfo *job, uint32_t index, json_t *prompt, void *userdata)
{
        Order *o = userdata;

        (void)c, (void)job, (void)index;
        if (o->is_abandoned)
                return CODE_CANCELLED;
        return taken(o, o->hooks.on_prompt(prompt, &o->failure, o->hooks.userdata));
}

static void on_update(const JobInfo *job, void *userdata)
{
        Order *o = userdata;

        if (o->hooks.on_update && !o->is_abandoned)
                o->hooks.on_update(job, o->hooks.userdata);
}

static void on_preview(const Picture *preview, void *userdata)
{
        Order *o = userdata;

        if (!o->is_abandoned)
                o->hooks.on_preview(preview, o->hooks.userdata);
}

/* What is asked for: pictures, or prompts of an idea. */
typedef struct Asked {
        const Inputs *inputs;
        const char *idea;
        const json_t *lineage;
} Asked;

static ExitCode new_call(Order *o, const Options *options, const Asked *asked, sd_bus_message **ret)
{
        const Options base = o->client.options;
        ExitCode code = CODE_OK;

        o->client.options = *options;
        o->client.options.no_start = base.no_start;
        if (!asked->idea) {
                code = generate_new_call_with(&o->client, asked->inputs, ret);
        } else {
                int r = enhance_new_call(&o->client, asked->idea, asked->lineage, (uint32_t)options->count, ret);
                code = r < 0 ? bus_fail(&o->client, NULL, r) : CODE_OK;
        }
        o->client.options = base; /* what the others point at may go */
        return code;
}

static ExitCode begin(Order *o, const Options *options, const Asked *asked)
{
        const TrackHooks hooks = {
                .on_picture = o->hooks.on_picture ? on_picture : NULL,
                .on_prompt = o->hooks.on_prompt ? on_prompt : NULL,
                .on_preview = o->hooks.on_preview ? on_preview : NULL,
                .preview_usec = o->hooks.preview_usec,
                .on_update = on_update,
                .on_end = on_end,
                .userdata = o,
                .owns_job = true,
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        ExitCode code = new_call(o, options, asked, &call);
        if (code != CODE_OK)
                return code;
        int r = track_new(&o->client, call, &hooks, &o->job, &o->track);
        return r < 0 ? bus_fail(&o->client, NULL, r) : CODE_OK;
}

static ExitCode start(
        Link *link, const Options *options, const Asked *asked, const OrderHooks *hooks, Order **ret, Failure *failure)
{
        Order *o = calloc(1, sizeof(*o));

        if (o)
                *o = (Order) { .link = link, .hooks = *hooks, .job = { .guidance = -1 } };
        if (!o || sd_event_add_defer(link->event, &o->ending, on_ending, o) < 0 ||
            sd_event_source_set_enabled(o->ending, SD_EVENT_OFF) < 0) {
                *failure = (Failure) { .code = CODE_FAILED, .message = "out of memory" };
                if (o)
                        destroy(o);
                return CODE_FAILED;
        }
        ExitCode code = link_open(link, &o->client, failure);
        if (code == CODE_OK) {
                code = begin(o, options, asked);
                if (code != CODE_OK)
                        failure_take(failure, &o->client, code);
        }
        if (code != CODE_OK) {
                destroy(o);
                return code;
        }
        *ret = o;
        return CODE_OK;
}

ExitCode order_new(
        Link *link, const Options *options, const Inputs *inputs, const OrderHooks *hooks, Order **ret, Failure *failure)
{
        return start(link, options, &(Asked) { .inputs = inputs }, hooks, ret, failure);
}

ExitCode order_new_prompts(
        Link *link, const Options *options, const char *idea, const json_t *lineage, const OrderHooks *hooks, Order **ret,
        Failure *failure)
{
        return start(link, options, &(Asked) { .idea = idea, .lineage = lineage }, hooks, ret, failure);
}

void order_cancel(Order *o)
{
        if (!o->has_ended)
                track_cancel(o->track);
}

static Order *destroy(Order *o)
{
        o->track = track_free(o->track);
        (void)sd_event_source_disable_unref(o->ending);
        link_client_done(&o->client);
        free(o);
        return NULL;
}

Order *order_free(Order *o)
{
        if (!o)
                return NULL;
        if (!o->track || o->has_ended)
                return destroy(o);
        /* It may not be known yet which job it is, so it has to be waited for. */
        o->is_abandoned = true;
        o->next = o->link->abandoned;
        o->link->abandoned = o;
        track_cancel(o->track);
        return NULL;
}
