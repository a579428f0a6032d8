/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/folder.h"
#include "client/generate.h"
#include "client/names.h"
#include "client/recorded.h"
#include "client/remake.h"
#include "client/window/window.h"

#define PREVIEW_USEC UINT64_C(200000)
#define VARIATION 0.5 /* as the verb vary has it */

/* The notification, when the user looks elsewhere. */
static Notifier *notifier_when_away(Window *w)
{
        if (gtk_window_is_active(w->window))
                return NULL;
        if (!w->client.notifier && notifier_new(&w->client.notifier, NULL) >= 0) {
                notifier_attach(w->client.notifier, w->event, (void (*)(void *))work_cancel, w);
                notifier_set_subject(w->client.notifier, w->asked.prompt, 0, 0);
        }
        return w->client.notifier;
}

static void on_update(const JobInfo *job, void *userdata)
{
        Window *w = userdata;

        view_progress(w, job);
        notifier_progress(notifier_when_away(w), job);
}

static void on_preview(const Picture *preview, void *userdata)
{
        Window *w = userdata;

        view_preview(w, preview);
        notifier_preview(notifier_when_away(w), preview);
}

/* Written at once: what was made is not lost when the window is closed. */
static ExitCode on_picture(
        Client *c, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture, void *userdata)
{
        Window *w = userdata;

        ExitCode code = saver_take(c, job, index, seed, picture, &w->saver);
        if (code != CODE_OK)
                return code;
        json_t *saved = json_array_get(w->saver.pictures, index);
        Result *result = g_new0(Result, 1);
        result->path = g_strdup(json_string_value(json_object_get(saved, "path")));
        result->prompt = g_strdup(w->asked.prompt);
        result->seed = seed;
        result->bytes = g_bytes_new(picture->data, picture->size);
        result->texture = gdk_texture_new_from_bytes(result->bytes, NULL);
        view_add_result(w, result);
        return CODE_OK;
}

static void end(Window *w, ExitCode code)
{
        w->is_working = false;
        view_end(w, code);
        if (notifier_when_away(w))
                notifier_show_end(w->client.notifier, &w->client, code);
}

static void on_end(ExitCode code, void *userdata)
{
        end(userdata, code);
}

/* What was left of the job before. */
static void clean(Window *w)
{
        Client *c = &w->client;

        w->track = track_free(w->track);
        saver_done(&w->saver);
        c->notifier = notifier_free(c->notifier);
        json_decref(c->error);
        c->error = NULL;
        free(c->hint);
        c->hint = NULL;
        json_decref(c->extra);
        json_decref(c->to_record);
        c->extra = c->to_record = NULL;
        if (c->bus && sd_bus_is_open(c->bus) <= 0)
                c->bus = sd_bus_flush_close_unref(c->bus);
}

ExitCode work_connect(Window *w)
{
        Client *c = &w->client;
        bool is_new = !c->bus;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK || !is_new)
                return code;
        int r = sd_bus_attach_event(c->bus, w->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? bus_fail(c, NULL, r) : CODE_OK;
}

/* The folder that was named, or that of the user's pictures. */
static ExitCode find_folder(Window *w)
{
        char *folder = NULL;

        ExitCode code = w->base.folder ? CODE_OK : folder_make(&w->client, &folder);
        if (code == CODE_OK)
                w->asked.output = g_strconcat(w->base.folder ? w->base.folder : folder, "/", NULL);
        free(folder);
        return code;
}

static void give(Options *o, OptionId id, bool is_given)
{
        o->given[id] |= is_given;
}

static const char *text_of(const json_t *record, const char *key)
{
        return json_string_value(json_object_get(record, key));
}

/* What the command line would have been. */
static void set_options(Window *w)
{
        const Asked *a = &w->asked;
        Options *o = &w->client.options;

        *o = w->base;
        memset(o->given, 0, sizeof(o->given));
        o->prompt = a->text;
        o->output = a->output;
        o->width = a->width;
        o->height = a->height;
        o->from = a->from;
        o->count = a->count;
        give(o, OPTION_COUNT, a->count > 1);
        o->priority = "interactive";
        o->model = text_of(a->original, "model");
        o->provider = a->original ? text_of(a->original, "provider") : a->provider;
        if (a->original && o->provider) /* others may have no seeds: what they draw is another picture anyway */
                o->best_effort = true;
        o->negative = text_of(a->original, "negative");
        if (!a->varies)
                return;
        o->seed = a->seed;
        o->vary = VARIATION;
        give(o, OPTION_SEED, true);
        give(o, OPTION_VARY, true);
}

/* What is made again is so with all settings of its record, and is linked to it: as `imagine remake`. */
static ExitCode set_original(Client *c, const json_t *original)
{
        if (!original)
                return CODE_OK;
        c->to_record = json_pack("{s:s, s:s}", "parent", recorded_text(original, "id"), "relation", "remake");
        return remake_set_extra(c, json_object_get(original, "settings"));
}

static ExitCode begin(Window *w)
{
        const TrackHooks hooks = {
                .on_picture = on_picture,
                .on_preview = on_preview,
                .preview_usec = PREVIEW_USEC,
                .on_update = on_update,
                .on_end = on_end,
                .userdata = w,
                .owns_job = true,
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(freep) char *words = name_from_prompt(w->asked.prompt);
        Client *c = &w->client;

        ExitCode code = words ? find_folder(w) : client_fail(c, CODE_FAILED, _("out of memory"));
        if (code != CODE_OK)
                return code;
        set_options(w);
        code = saver_prepare(c, &w->saver, words, w->asked.count);
        if (code == CODE_OK)
                code = work_connect(w);
        if (code == CODE_OK)
                code = set_original(c, w->asked.original);
        if (code == CODE_OK)
                code = generate_new_call(c, &call);
        if (code != CODE_OK)
                return code;
        w->job = (JobInfo) { .guidance = -1 };
        int r = track_new(c, call, &hooks, &w->job, &w->track);
        return r < 0 ? bus_fail(c, NULL, r) : CODE_OK;
}

void work_begin(Window *w, const Asked *asked)
{
        Asked copy;

        if (w->is_working)
                return;
        clean(w);
        asked_copy(asked, &copy); /* it may be the last one itself */
        asked_done(&w->asked);
        w->asked = copy;
        g_free(w->asked.output);
        w->asked.output = NULL;
        w->is_working = true;
        view_begin(w);
        ExitCode code = begin(w);
        if (code != CODE_OK)
                end(w, code);
        else
                on_update(&w->job, w);
}

void work_cancel(Window *w)
{
        if (!w->is_working)
                return;
        view_say(w, _("Cancelling"));
        if (w->track)
                track_cancel(w->track);
}

void work_end(Window *w)
{
        w->is_working = false;
        clean(w);
        asked_done(&w->asked);
        providers_done(w);
        (void)sd_bus_flush_close_unref(w->client.bus);
        w->client.bus = NULL;
}

/* Whatever systemd says: the call itself may start the service, or tell why not. */
static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Window *w = userdata;

        (void)m, (void)error;
        work_begin(w, &w->asked);
        return 0;
}

void work_start_service(Window *w)
{
        Client *c = &w->client;

        if (w->is_working)
                return;
        w->base.no_start = false;
        view_say(w, _("Starting the service"));
        int r = c->bus ? bus_call_async(c, NULL, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                        "org.freedesktop.systemd1.Manager", "StartUnit", on_started, w, "ss",
                                        "imagined.service", "replace")
                       : -ENOTCONN;
        if (r < 0)
                work_begin(w, &w->asked);
}

void work_use_machine(Window *w)
{
        if (w->is_working)
                return;
        w->base.user = false;
        w->base.system = true;
        w->track = track_free(w->track);
        w->client.bus = sd_bus_flush_close_unref(w->client.bus);
        w->client.options.user = false;
        w->client.options.system = true;
        work_begin(w, &w->asked);
}
