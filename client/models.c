/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/json.h"
#include "client/models.h"

static int read_model(sd_bus_message *m, json_t *models)
{
        json_t *details = NULL;
        const char *name;

        int r = sd_bus_message_read_basic(m, 's', &name);
        if (r >= 0)
                r = json_read_dict(m, &details);
        if (r < 0)
                return r;

        json_t *model = json_pack("{s:s}", "name", name);
        if (!model || json_object_update_missing(model, details) < 0 ||
            json_array_append_new(models, model) < 0)
                r = -ENOMEM;
        json_decref(details);
        return r;
}

static int read_models(sd_bus_message *m, json_t *models)
{
        int r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");

        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'r', "sa{sv}");
                if (r <= 0)
                        return r;
                r = read_model(m, models);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

int models_read(sd_bus_message *reply, json_t **ret)
{
        json_t *models = json_array();

        int r = models ? read_models(reply, models) : -ENOMEM;
        if (r < 0)
                json_decref(models);
        else
                *ret = models;
        return r;
}

ExitCode models_list(Client *c, json_t **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = bus_call_manager(c, "ListModels", &error, &reply, "");
        if (r < 0)
                return bus_fail(c, &error, r);

        r = models_read(reply, ret);
        return r < 0 ? bus_fail(c, NULL, r) : CODE_OK;
}

json_t *models_pick(json_t *models, const char *name)
{
        json_t *model, *resident = NULL, *fallback = NULL;
        size_t i;

        json_array_foreach(models, i, model) {
                const char *its_name = json_string_value(json_object_get(model, "name"));
                if (name && its_name && streq(its_name, name))
                        return model;
                if (json_is_true(json_object_get(model, "resident")))
                        resident = model;
                if (json_is_true(json_object_get(model, "default")))
                        fallback = model;
        }
        return name ? NULL : resident ? resident : fallback;
}
