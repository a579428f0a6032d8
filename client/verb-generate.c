/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/aspect.h"
#include "client/enhance.h"
#include "client/generate.h"
#include "client/i18n.h"
#include "client/models.h"
#include "client/names.h"
#include "client/notify.h"
#include "client/provenance.h"
#include "client/recorded.h"
#include "client/save.h"
#include "dbus/names.h"

static uint64_t number_of(json_t *model, const char *key)
{
        json_int_t value = json_integer_value(json_object_get(model, key));
        return value > 0 ? (uint64_t)value : 0;
}

/* Makes the model known to the service, which says its size once it was loaded. It is going to be needed
 * anyway. */
static ExitCode load_model(Client *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        client_say(c, _("Loading the model, to know its size"));
        int r = bus_call_manager(c, "LoadModel", &error, NULL, "s",
                                 c->options.model ? c->options.model : "");
        return r < 0 ? bus_fail(c, &error, r) : CODE_OK;
}

static ExitCode size_from_model(Client *c, json_t *models)
{
        json_t *model = models_pick(models, c->options.model);
        uint64_t width = number_of(model, "width"), height = number_of(model, "height");
        uint64_t multiple = number_of(model, "size-multiple");
        Error error = { 0 };

        if (!width || !height || width > REQUEST_SIZE_MAX || height > REQUEST_SIZE_MAX)
                width = height = 512;
        if (!multiple || multiple > REQUEST_SIZE_MAX)
                multiple = ASPECT_MULTIPLE_UNKNOWN;
        int r = aspect_find_size(c->options.aspect, width * height, (uint32_t)multiple, &c->options.width,
                                 &c->options.height, &error);
        return r < 0 ? client_fail_error(c, CODE_USAGE, &error, r) : CODE_OK;
}

static ExitCode resolve_aspect(Client *c)
{
        json_t *models = NULL;

        ExitCode code = models_list(c, &models);
        if (code == CODE_OK && !number_of(models_pick(models, c->options.model), "width")) {
                json_decref(models);
                models = NULL;
                code = load_model(c);
                if (code == CODE_OK)
                        code = models_list(c, &models);
        }
        if (code == CODE_OK)
                code = size_from_model(c, models);
        json_decref(models);
        return code;
}

/* What would be sent is printed, and no picture made. */
static bool shows_requests(const Options *options)
{
        return options->dry_run && !options->enhance;
}

static ExitCode generate(Client *c, Saver *saver)
{
        const FollowHooks hooks = {
                .on_picture = c->options.detach || shows_requests(&c->options) ? NULL : saver_take,
                .userdata = saver,
                .owns_job = true,
                .leaves = c->options.detach,
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        JobInfo job = { 0 };

        ExitCode code = bus_connect(c);
        if (code == CODE_OK && c->options.aspect > 0)
                code = resolve_aspect(c);
        if (code != CODE_OK)
                return code;

        code = generate_new_call(c, &call);
        if (code != CODE_OK)
                return code;
        code = follow_generate(c, call, &hooks, &job);
        if (shows_requests(&c->options))
                return code == CODE_OK ? provenance_print_requests(c, &job) : code;
        saver_report(c, saver, &job);
        if (code == CODE_OK && c->options.detach)
                client_say(c,
                           _("Job %u goes on by itself: 'imagine watch %u' follows it, 'imagine get %u' "
                           "writes its pictures, 'imagine cancel %u' ends it."),
                           job.id, job.id, job.id, job.id);
        return code;
}

ExitCode generate_pictures(Client *c, const char *words)
{
        _cleanup_(saver_done) Saver saver = { 0 };

        if (!c->options.detach && !shows_requests(&c->options)) {
                ExitCode code = saver_prepare(c, &saver, words, (uint32_t)c->options.count);
                if (code != CODE_OK)
                        return code;
        }
        return generate(c, &saver);
}

/* Whether it ends with the prompt, or with what would be sent for one. */
static bool draws_nothing(const Options *o)
{
        return o->prompt_only || (o->dry_run && o->enhance);
}

/* What --enhance says; the words of the idea stay those of the file. */
static ExitCode enhance_first(Client *c, json_t **ret)
{
        _cleanup_(freep) char *asked = strdup(c->options.prompt);
        ExitCode code = asked ? enhance_options(c, ret) : client_fail(c, CODE_FAILED, _("out of memory"));

        if (code != CODE_OK)
                return code;
        recorded_made_from(c, asked, *ret);
        enhance_say_notes(c, *ret);
        if (!draws_nothing(&c->options))
                client_say(c, _("Drawing: %s"), c->options.prompt);
        else if (!c->options.json)
                (void)puts(c->options.prompt);
        return CODE_OK;
}

ExitCode verb_generate(Client *c)
{
        _cleanup_(freep) char *words = name_from_prompt(c->options.prompt);
        json_t *enhanced = NULL;

        if (!words)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        ExitCode code = c->options.enhance ? enhance_first(c, &enhanced) : CODE_OK;
        if (code == CODE_OK && !draws_nothing(&c->options)) {
                notifier_set_subject(c->notifier, c->options.prompt, 0, 0);
                if (c->options.from && !streq(c->options.from, "-")) /* which can be read once */
                        recorded_made_of(c, c->options.from, "from");
                code = generate_pictures(c, words);
        }
        if (enhanced && !c->result)
                c->result = json_object();
        if (enhanced)
                (void)json_object_set(c->result, "enhanced", enhanced);
        if (json_string_value(json_object_get(enhanced, "negative")) == c->options.negative)
                c->options.negative = NULL;
        json_decref(enhanced);
        return code;
}
