/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/bus.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/remake.h"
#include "client/values.h"
#include "dbus/names.h"
#include "records/records.h"

/* --- from a file --- */

typedef enum ValueKind {
        VALUE_TEXT,
        VALUE_INTEGER,
        VALUE_NUMBER,
        VALUE_NAME, /* in small letters, dashes for spaces */
        VALUE_YES, /* true, whatever it is */
} ValueKind;

/* Names in the text of settings (engine/image/parameters.h), and of the options that make the same again. */
static const struct {
        const char *name, *key;
        ValueKind kind;
} values[] = {
        { "Steps", "steps", VALUE_INTEGER },
        { "Schedule type", "schedule", VALUE_NAME },
        { "CFG scale", "guidance", VALUE_NUMBER },
        { "Seed", "seed", VALUE_INTEGER },
        { "Variation seed", "variation-seed", VALUE_INTEGER },
        { "Variation seed strength", "variation-strength", VALUE_NUMBER },
        { "Denoising strength", "strength", VALUE_NUMBER },
        { "Hires upscale", "hires", VALUE_NUMBER },
        { "Hires steps", "hires-steps", VALUE_INTEGER },
        { "Reuse deep", "reuse-deep", VALUE_INTEGER },
        { "Token merging ratio", "merge-tokens", VALUE_NUMBER },
        { "Clip skip", "clip-skip", VALUE_INTEGER },
        { "Precision", "precision", VALUE_TEXT },
        { "Remove artefacts", "remove-artefacts", VALUE_NUMBER },
        { "Smooth edges", "smooth-edges", VALUE_NUMBER },
        { "Sharpen", "sharpen", VALUE_NUMBER },
        { "Fast", "fast", VALUE_YES },
};

static json_t *name_of(char *text)
{
        for (char *c = text; *c; c++)
                *c = *c == ' ' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        return json_string(text);
}

/* NULL: it is none of its kind. */
static json_t *value_of(ValueKind kind, char *text)
{
        uint64_t integer;
        double number;

        switch (kind) {
        case VALUE_TEXT:
                return json_string(text);
        case VALUE_NAME:
                return name_of(text);
        case VALUE_YES:
                return json_true();
        case VALUE_INTEGER:
                return value_parse_integer(text, 0, UINT64_MAX, &integer, NULL) >= 0 ? json_from_u64(integer) : NULL;
        case VALUE_NUMBER:
                return value_parse_number(text, 0, REQUEST_GUIDANCE_MAX, &number, NULL) >= 0 ? json_real(number) : NULL;
        }
        return NULL;
}

/* Those whose value is not simply another way to write the option's. */
static void set_others(json_t *options, const Settings *s)
{
        uint32_t width, height;
        char text[64];

        if (settings_value(s, "Size", text, sizeof(text)) && value_parse_size(text, &width, &height, NULL) >= 0) {
                (void)json_object_set_new(options, "width", json_integer(width));
                (void)json_object_set_new(options, "height", json_integer(height));
        }
        if (settings_value(s, "Sampler", text, sizeof(text))) {
                SigmaSchedule schedule = SIGMA_SCHEDULE_DEFAULT;
                int sampler = sampler_from_string(text, &schedule);
                if (sampler > 0)
                        (void)json_object_set_new(options, "sampler", json_string(sampler_to_string((Sampler)sampler)));
                if (sampler > 0 && schedule != SIGMA_SCHEDULE_DEFAULT)
                        (void)json_object_set_new(options, "schedule", json_string(sigma_schedule_to_string(schedule)));
        }
        if (settings_value(s, "RNG", text, sizeof(text)) && streq(text, "NV"))
                (void)json_object_set_new(options, "rng", json_string("philox"));
        if (settings_value(s, "Tiling", text, sizeof(text)))
                (void)json_object_set_new(options, "tiling", json_string(streq(text, "True") ? "xy" : text));
        /* The web UI says with this name how strongly the second pass paints. */
        if (json_object_get(options, "hires") && json_object_get(options, "strength")) {
                (void)json_object_set(options, "hires-strength", json_object_get(options, "strength"));
                (void)json_object_del(options, "strength");
        }
}

json_t *remake_settings_of_file(const Settings *s)
{
        json_t *options = json_object();
        char text[128];

        for (size_t i = 0; i < ELEMENTSOF(values) && options; i++) {
                json_t *value = settings_value(s, values[i].name, text, sizeof(text)) ? value_of(values[i].kind, text) : NULL;
                if (value)
                        (void)json_object_set_new(options, values[i].key, value);
        }
        if (options)
                set_others(options, s);
        return options;
}

/* --- to the service --- */

/* Its options and their types, as an object. */
static ExitCode read_types(Client *c, json_t **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *key, *type;

        int r = sd_bus_get_property(
                        c->bus, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "SupportedOptions", &error, &reply, "a{ss}");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        if (r < 0)
                return bus_fail(c, &error, r);
        *ret = json_object();
        while (sd_bus_message_read(reply, "{ss}", &key, &type) > 0)
                (void)json_object_set_new(*ret, key, json_string(type));
        return CODE_OK;
}

ExitCode remake_set_extra(Client *c, const json_t *settings)
{
        json_t *types = NULL, *value;
        const char *key;

        ExitCode code = read_types(c, &types);
        if (code != CODE_OK)
                return code;
        json_decref(c->extra);
        c->extra = json_object();
        json_object_foreach((json_t *)(uintptr_t)settings, key, value)
        {
                const json_t *type = json_object_get(types, key);
                if (!record_setting_is_valid(key))
                        client_warn(c, _("the setting %s is left out: it says nothing of the picture"), key);
                else if (type)
                        (void)json_object_set_new(c->extra, key, json_pack("[O, O]", type, value));
                else
                        client_warn(c, _("the service does not know the option %s"), key);
        }
        json_decref(types);
        return CODE_OK;
}

/* --- what differs --- */

static void compare(json_t *differences, const char *name, const json_t *before, const json_t *after)
{
        const bool both_numbers = json_is_number(before) && json_is_number(after);

        if (both_numbers ? json_number_value(before) == json_number_value(after) : json_equal(before, after) || before == after)
                return;
        (void)json_object_set_new(differences, name, json_pack("[O?, O?]", before, after));
}

/* The members of two objects, one of which may be missing. */
static void compare_members(json_t *differences, const json_t *before, const json_t *after)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)(uintptr_t)before, key, value)
                compare(differences, key, value, json_object_get(after, key));
        json_object_foreach((json_t *)(uintptr_t)after, key, value)
                if (!json_object_get(before, key))
                        compare(differences, key, NULL, value);
}

json_t *remake_compare_records(const json_t *before, const json_t *after)
{
        static const char *const keys[] = { "provider", "model", "model_version", "model_digest", "prompt", "negative" };
        json_t *differences = json_object();

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                compare(differences, keys[i], json_object_get(before, keys[i]), json_object_get(after, keys[i]));
        const json_t *old_files = json_object_get(before, "model_files"), *new_files = json_object_get(after, "model_files");
        if (old_files && new_files)
                compare_members(differences, old_files, new_files);
        compare_members(differences, json_object_get(before, "settings"), json_object_get(after, "settings"));
        compare_members(differences, json_object_get(before, "made_with"), json_object_get(after, "made_with"));
        return differences;
}

/* The last line of the settings as an object. */
static json_t *members_of(const Settings *s)
{
        json_t *object = json_object();
        char *name, *value;

        for (const char *at = s->values; settings_next(&at, &name, &value) > 0;) {
                (void)json_object_set_new(object, name, json_from_text(value));
                freep(&name);
                freep(&value);
        }
        return object;
}

json_t *remake_compare_files(const Settings *before, const Settings *after)
{
        json_t *differences = json_object(), *old = members_of(before), *new = members_of(after);
        json_t *prompts[] = { json_from_text(before->prompt), json_from_text(after->prompt) };

        compare(differences, "prompt", prompts[0], prompts[1]);
        compare_members(differences, old, new);
        for (size_t i = 0; i < ELEMENTSOF(prompts); i++)
                json_decref(prompts[i]);
        json_decref(old);
        json_decref(new);
        return differences;
}
