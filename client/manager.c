/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/manager.h"
#include "dbus/names.h"

static void copy(json_t *properties, const char *key, char *field, size_t size)
{
        const char *text = json_string_value(json_object_get(properties, key));

        (void)snprintf(field, size, "%s", text ? text : "");
        client_clean_text(field);
}

const char *manager_state_text(const char *state)
{
        static const char *const names[] = { N_("unloaded"), N_("loading"), N_("ready"), N_("failed") };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(state, names[i]))
                        return _(names[i]);
        return state;
}

ExitCode manager_read(Client *c, ManagerInfo *ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *properties = NULL;

        int r = bus_get_all(c, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, &error, &reply);
        if (r >= 0)
                r = json_read_dict(reply, &properties);
        if (r < 0)
                return bus_fail(c, &error, r);
        copy(properties, "Version", ret->version, sizeof(ret->version));
        copy(properties, "State", ret->state, sizeof(ret->state));
        copy(properties, "ResidentModel", ret->model, sizeof(ret->model));
        json_decref(properties);
        return CODE_OK;
}
