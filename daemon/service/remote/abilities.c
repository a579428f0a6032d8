/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config-file.h"
#include "service/remote/abilities.h"
#include "service/remote/remote.h"

int abilities_read_workflow(const Server *server, char **ret, Error *error)
{
        _cleanup_(freep) char *text = NULL;

        int r = config_file_read(server->workflow, &text);
        if (r >= 0 && strlen(text) > NET_WORKFLOW_MAX)
                r = -EFBIG;
        if (r < 0)
                return error_set(error, REMOTE_NOT_CONFIGURED, "%s: %s", server->workflow, strerror(-r));
        *ret = TAKE_PTR(text);
        return 0;
}

int abilities_of(const Server *server, const char *model, Capabilities *ret, Error *error)
{
        const int dialect = net_dialect_from_string(server->dialect);
        const Capabilities *can = dialect < 0 ? NULL : capabilities_get((NetDialect)dialect, model);
        _cleanup_(freep) char *workflow = NULL;

        if (!can)
                return error_set(error, REMOTE_NOT_CONFIGURED, "%s makes no pictures", server->name);
        int r = server->workflow[0] ? abilities_read_workflow(server, &workflow, error) : 0;
        if (r >= 0)
                *ret = workflow ? capabilities_of_workflow(can, workflow) : *can;
        return r;
}
