/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "client/batch.h"
#include "client/generate.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/models.h"
#include "client/names.h"
#include "client/recorded.h"
#include "client/remake.h"

#define DIGEST_PAUSE 200 /* milliseconds, before it is asked for again */

/* What is made again. */
typedef struct Original { /* original_done() */
        json_t *record; /* NULL: there is none */
        bool is_file;
        Settings settings; /* that a file has */
        char digest[PIXELS_DIGEST_SIZE]; /* of its pixels; "": not known */
        char model[128]; /* that the file names; "": none */
        char *source; /* the picture that it was made of; or NULL */
} Original;

static void original_done(Original *original)
{
        json_decref(original->record);
        free(original->source);
        settings_done(&original->settings);
}

static ExitCode read_settings(Client *c, const char *path, Settings *ret)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };

        ExitCode code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        int r = settings_find(file.data, file.size, ret);
        return r < 0 ? client_fail(c, CODE_FAILED, "%s: %s", path, strerror(-r)) : CODE_OK;
}

/* A file tells by its record, or by itself. */
static ExitCode find_original(Client *c, const char *word, Original *o)
{
        _cleanup_(records_closep) Records *records = NULL;
        _cleanup_(freep) char *path = batch_path(word);

        if (!path)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        o->is_file = access(path, F_OK) >= 0;
        if (o->is_file) {
                o->record = recorded_find_file(path);
                if (!recorded_read_digest(path, o->digest) && o->record)
                        (void)snprintf(o->digest, sizeof(o->digest), "%s", recorded_text(o->record, "pixels"));
                return read_settings(c, path, &o->settings);
        }
        ExitCode code = recorded_open(c, &records);
        if (code == CODE_OK)
                code = recorded_find(c, records, word, &o->record);
        if (code == CODE_OK)
                (void)snprintf(o->digest, sizeof(o->digest), "%s", recorded_text(o->record, "pixels"));
        return code;
}

/* --- make --- */

/* The picture that it was made of, as far as that is where it was saved. */
static ExitCode find_source(Client *c, Original *o)
{
        _cleanup_(records_closep) Records *records = NULL;

        if (recorded_open(c, &records) == CODE_OK)
                c->options.from = o->source = recorded_find_source(records, o->record);
        return c->options.from ? CODE_OK
                               : client_fail(c, CODE_FAILED, "%s",
                                             _("it was made of another picture, which is not where it was: --from says where it is"));
}

/* The installed model that a file names, which may be by what the model calls itself; without it the usual one draws. */
static ExitCode find_model(Client *c, Original *o)
{
        json_t *models = NULL;
        char wanted[128];

        if (!settings_value(&o->settings, "Model", wanted, sizeof(wanted)))
                return CODE_OK;
        ExitCode code = models_list(c, &models);
        const json_t *model = models_pick(models, wanted);
        for (size_t i = 0; !model && i < json_array_size(models); i++)
                if (streq(recorded_text(json_array_get(models, i), "title"), wanted))
                        model = json_array_get(models, i);
        if (model)
                (void)snprintf(o->model, sizeof(o->model), "%s", recorded_text(model, "name"));
        else if (code == CODE_OK)
                client_warn(c, _("the model %s is not installed: another one draws"), wanted);
        c->options.model = model ? o->model : NULL;
        json_decref(models);
        return code;
}

static void take_prompts(Options *options, const Original *o)
{
        static char nothing[] = "";
        const bool by_record = json_object_get(o->record, "prompt");

        options->prompt = by_record           ? (char *)(uintptr_t)recorded_text(o->record, "prompt")
                          : o->settings.prompt ? o->settings.prompt
                                               : nothing;
        if (!options->negative)
                options->negative = by_record ? recorded_text(o->record, "negative") : o->settings.negative;
        if (options->negative && !*options->negative)
                options->negative = NULL;
}

/* The options that are not given on the command line. */
static ExitCode take_options(Client *c, Original *o)
{
        Options *options = &c->options;
        json_t *settings = o->record ? json_incref(json_object_get(o->record, "settings")) : remake_settings_of_file(&o->settings);

        take_prompts(options, o);
        ExitCode code = !settings ? client_fail(c, CODE_FAILED, _("out of memory")) : bus_connect(c);
        /* Another provider has models of its own. */
        const bool is_elsewhere = options->provider != NULL;
        if (!is_elsewhere && *recorded_text(o->record, "provider"))
                options->provider = recorded_text(o->record, "provider");
        if (code == CODE_OK && !options->model && !is_elsewhere && o->record)
                options->model = recorded_text(o->record, "model");
        else if (code == CODE_OK && !options->model && !is_elsewhere)
                code = find_model(c, o);
        if (code == CODE_OK && json_object_get(settings, "strength") && !options->from)
                code = find_source(c, o);
        if (code == CODE_OK)
                code = remake_set_extra(c, settings);
        json_decref(settings);
        return code;
}

/* --- verify --- */

/* Digests are computed when nothing else is to be done, which is now. */
static void wait_for_digest(Client *c, const char *name)
{
        for (bool is_computing = true; is_computing;) {
                json_t *models = NULL;
                if (models_list(c, &models) != CODE_OK)
                        return;
                is_computing = streq(recorded_text(models_pick(models, name), "digest-state"), "computing");
                json_decref(models);
                if (is_computing)
                        (void)poll(NULL, 0, DIGEST_PAUSE);
        }
}

/* The new picture's record; with the digest of its model, where that of the old one has such. NULL: there is none. */
static json_t *find_record(Client *c, const Original *o, const json_t *picture)
{
        const char *id = recorded_text(picture, "record");
        _cleanup_(records_closep) Records *records = NULL;
        json_t *record = NULL;

        if (!o->record || recorded_open(c, &records) != CODE_OK || records_get(records, id, &record, NULL) < 0)
                return NULL;
        if (!*recorded_text(o->record, "model_digest") || *recorded_text(record, "provider") || *recorded_text(record, "model_digest"))
                return record;
        wait_for_digest(c, recorded_text(record, "model"));
        json_decref(record);
        record = NULL;
        return records_get(records, id, &record, NULL) < 0 ? NULL : record;
}

static json_t *differences_of(Client *c, const Original *o, const json_t *picture)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        json_t *record = find_record(c, o, picture), *differences = NULL;

        if (record)
                differences = remake_compare_records(o->record, record);
        else if (o->settings.values && read_settings(c, recorded_text(picture, "path"), &settings) == CODE_OK && settings.values)
                differences = remake_compare_files(&o->settings, &settings);
        json_decref(record);
        return differences ? differences : json_object();
}

static void say_differences(const Client *c, const json_t *differences)
{
        const char *name;
        json_t *both;

        json_object_foreach((json_t *)(uintptr_t)differences, name, both)
        {
                _cleanup_(freep) char *before = json_dumps(json_array_get(both, 0), JSON_ENCODE_ANY),
                                      *after = json_dumps(json_array_get(both, 1), JSON_ENCODE_ANY);
                client_say(c, _("%s was %s, and is %s"), name, before ? before : "?", after ? after : "?");
        }
}

static ExitCode verify(Client *c, const Original *o)
{
        json_t *picture = json_array_get(json_object_get(c->result, "pictures"), 0);
        const char *digest = recorded_text(picture, "pixels");

        if (!*digest || !o->digest[0])
                return client_fail(c, CODE_FAILED, "%s", _("nothing is known of the pixels to compare them by"));
        if (json_object_get(o->record, "imported"))
                client_warn(c, "%s", _("the record was taken in from a file, which can say what it likes of the picture and its model"));
        const bool same = streq(digest, o->digest);
        json_t *differences = differences_of(c, o, picture);
        (void)json_object_set_new(c->result, "same", json_boolean(same));
        (void)json_object_set_new(c->result, "imported", json_boolean(json_object_get(o->record, "imported")));
        (void)json_object_set(c->result, "differences", differences);
        if (!same)
                say_differences(c, differences);
        const bool known = json_object_size(differences) > 0;
        json_decref(differences);
        if (!same)
                return client_fail(c, CODE_FAILED, "%s",
                                   known ? _("the pixels are not the same")
                                         : _("the pixels are not the same, though nothing differs that is known"));
        client_say(c, "%s", _("The pixels are the same"));
        return CODE_OK;
}

static ExitCode remake(Client *c, Original *o)
{
        ExitCode code = find_original(c, c->options.words[0], o);
        if (code != CODE_OK)
                return code;
        if (!json_object_get(o->record, "prompt") && !o->settings.prompt)
                return client_fail(c, CODE_FAILED, "%s",
                                   o->is_file ? _("neither the file nor its record says how it was made")
                                              : _("its prompt is not on record any more"));
        code = take_options(c, o);
        if (code != CODE_OK)
                return code;
        _cleanup_(freep) char *words = name_from_prompt(c->options.prompt);
        if (!words)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        if (o->record)
                c->to_record = json_pack("{s:s, s:s}", "parent", recorded_text(o->record, "id"), "relation", "remake");
        code = generate_pictures(c, words);
        return code == CODE_OK && c->options.verify ? verify(c, o) : code;
}

ExitCode verb_remake(Client *c)
{
        _cleanup_(original_done) Original original = { 0 };

        ExitCode code = remake(c, &original);
        c->options.prompt = NULL; /* the original's, as is the rest */
        c->options.negative = c->options.model = c->options.from = c->options.provider = NULL;
        return code;
}
