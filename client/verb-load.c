/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/i18n.h"
#include "client/job.h"
#include "client/manager.h"

static ExitCode load(Client *c, const char *name, ManagerInfo *manager)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        int r = bus_call_manager(c, "LoadModel", &error, NULL, "s", name);
        return r < 0 ? bus_fail(c, &error, r) : manager_read(c, manager);
}

/* LoadModel answers after 20 s at the latest, whether the model is there or not: then it is called again. */
ExitCode verb_load(Client *c)
{
        const char *name = c->options.n_words > 0 ? c->options.words[0] : "";
        ManagerInfo manager = { 0 };

        ExitCode code = bus_connect(c);
        if (code == CODE_OK)
                code = load(c, name, &manager);
        while (code == CODE_OK && streq(manager.state, "loading")) {
                client_say(c, _("Still loading %s"), manager.model);
                code = load(c, name, &manager);
        }
        if (code != CODE_OK)
                return code;
        if (streq(manager.state, "failed"))
                return client_fail(c, CODE_FAILED, _("the model could not be loaded"));
        client_say(c, _("%s is resident"), manager.model);
        c->result = json_pack("{s:s, s:s}", "state", manager.state, "model", manager.model);
        return CODE_OK;
}
