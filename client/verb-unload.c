/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/i18n.h"
#include "client/manager.h"

ExitCode verb_unload(Client *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;
        int r = bus_call_manager(c, "UnloadModel", &error, NULL, "");
        if (r < 0)
                return bus_fail(c, &error, r);
        client_say(c, _("The model's memory is free"));
        c->result = json_pack("{s:s}", "state", "unloaded");
        return CODE_OK;
}
