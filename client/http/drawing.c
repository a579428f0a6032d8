/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "client/http/drawing.h"
#include "client/http/routes.h"
#include "client/settings.h"

#define PREVIEW_USEC (500 * USEC_PER_MSEC)

static bool on_picture(
        uint32_t index, uint64_t seed, const JobInfo *job, const Picture *picture, Failure *failure, void *userdata)
{
        Drawing *d = userdata;
        Settings settings;

        (void)index;
        if (d->n_pictures == ELEMENTSOF(d->pictures))
                return true;
        Drawn *drawn = d->pictures + d->n_pictures;
        *drawn = (Drawn) { .seed = seed, .width = picture->width, .height = picture->height };
        drawn->base64 = base64_encode(picture->data, picture->size);
        if (!drawn->base64) {
                failure_say(failure, "out of memory");
                return false;
        }
        if (settings_find(picture->data, picture->size, &settings) > 0) {
                drawn->text = strdup(settings.text);
                settings_done(&settings);
        }
        d->n_pictures++;
        d->job = *job;
        if (d->on_picture)
                d->on_picture(d, drawn);
        return true;
}

static void on_preview(const Picture *preview, void *userdata)
{
        Drawing *d = userdata;

        free(d->preview);
        d->preview = base64_encode(preview->data, preview->size);
        if (d->on_change)
                d->on_change(d);
}

static void on_update(const JobInfo *job, void *userdata)
{
        Drawing *d = userdata;

        d->job = *job;
        if (d->on_change)
                d->on_change(d);
}

static void on_end(const JobInfo *job, const Failure *failure, void *userdata)
{
        Drawing *d = userdata;
        Exchange *x = d->exchange;

        d->job = *job;
        if (!failure || (d->was_interrupted && failure->code == CODE_CANCELLED)) {
                d->on_done(d);
        } else if (d->is_streaming) {
                const char *code;
                unsigned status = status_of(failure, x->route->manner, &code);
                json_t *event = error_body(x->route->manner, status, code, failure->message);
                (void)json_object_set_new(event, "type", json_string("error"));
                exchange_event(x, "error", event);
                exchange_end_events(x);
        } else {
                exchange_fail(x, failure);
        }
        drawing_stop(x);
}

void drawing_stop(Exchange *x)
{
        Drawing *d = x->state;

        if (!d)
                return;
        Drawing **at = &x->bridge->drawings;
        while (*at != d)
                at = &(*at)->next;
        *at = d->next;
        d->order = order_free(d->order);
        for (size_t i = 0; i < d->n_pictures; i++) {
                free(d->pictures[i].base64);
                free(d->pictures[i].text);
        }
        free(d->preview);
        json_decref(d->asked);
        free(d);
        x->state = NULL;
}

void drawing_begin(Exchange *x, json_t *asked, const Options *options, const Inputs *inputs, const Drawing *template)
{
        OrderHooks hooks = {
                .on_picture = on_picture, .on_preview = on_preview, .preview_usec = PREVIEW_USEC, .on_update = on_update, .on_end = on_end,
        };
        Drawing *d = malloc(sizeof(*d));
        Failure failure = { 0 };

        if (!d) {
                json_decref(asked);
                exchange_refuse(x, 503, NULL, "out of memory");
                return;
        }
        *d = *template;
        d->exchange = x;
        d->asked = asked;
        d->begun = clock_usec(CLOCK_REALTIME);
        d->next = x->bridge->drawings;
        x->bridge->drawings = d;
        x->state = d;
        hooks.userdata = d;
        if (order_new(&x->bridge->link, options, inputs, &hooks, &d->order, &failure) == CODE_OK)
                return;
        exchange_fail(x, &failure);
        drawing_stop(x);
}

Drawing *drawing_of(const Bridge *bridge, const char *app)
{
        Drawing *d = bridge->drawings;

        while (d && !streq(d->exchange->app, app))
                d = d->next;
        return d;
}

const char *provider_of(const char *model)
{
        return strncmp(model, PROVIDER_PREFIX, strlen(PROVIDER_PREFIX)) == 0 ? model + strlen(PROVIDER_PREFIX) : NULL;
}

int provider_take(Options *options, const char *model, Error *error)
{
        const char *name = model ? provider_of(model) : NULL;

        if (name && !*name)
                return error_set(error, -EINVAL, "model: the name of a provider is missing behind " PROVIDER_PREFIX);
        options->provider = name;
        return name != NULL;
}

int input_from_base64(const char *text, const char *name, int *ret_fd, Error *error)
{
        const char *comma = strncmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;
        _cleanup_(freep) char *copy = strdup(comma ? comma + 1 : text);

        if (!copy)
                return error_set(error, -ENOMEM, "out of memory");
        ssize_t size = base64_decode(copy, strlen(copy));
        if (size <= 0)
                return error_set(error, -EINVAL, "%s is no picture in base64", name);
        if (size > INPUT_BYTES_MAX)
                return error_set(error, -EFBIG, "%s: more than %u MiB", name, INPUT_BYTES_MAX >> 20);
        int r = memfd_new_sealed("input", copy, (size_t)size);
        if (r < 0)
                return error_set(error, r, "cannot take %s: %s", name, strerror(-r));
        *ret_fd = r;
        return 0;
}
