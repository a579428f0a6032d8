/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "client/folder.h"
#include "client/i18n.h"
#include "client/mcp/server.h"

static ExitCode open_shelf(Client *c, Shelf *ret)
{
        _cleanup_(freep) char *path = NULL;
        Error error = { 0 };

        ExitCode code = c->options.folder ? CODE_OK : folder_make(c, &path);
        if (code != CODE_OK)
                return code;
        int r = shelf_open(path ? path : c->options.folder, ret, &error);
        return r < 0 ? client_fail_error(c, CODE_FAILED, &error, r) : CODE_OK;
}

static int serve(Client *c, const Shelf *shelf)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Server *server = NULL;

        int r = sd_event_new(&event);
        if (r >= 0)
                r = server_new(event, &c->options, shelf, STDIN_FILENO, STDOUT_FILENO, &server);
        if (r >= 0)
                r = sd_event_loop(event);
        server_free(server);
        return r;
}

ExitCode verb_mcp(Client *c)
{
        _cleanup_(shelf_done) Shelf shelf = { .fd = -1 };

        c->options.json = false; /* it is, all the time */
        if (isatty(STDIN_FILENO))
                client_say(c, "%s", _("This is for chat assistants, which start it themselves and speak the Model Context "
                                      "Protocol with it; Ctrl-D ends it."));
        ExitCode code = open_shelf(c, &shelf);
        if (code != CODE_OK)
                return code;
        (void)setlocale(LC_MESSAGES, "C"); /* programs are told in English */
        int r = serve(c, &shelf);
        return r < 0 ? client_fail(c, CODE_FAILED, _("the event loop failed: %s"), strerror(-r)) : CODE_OK;
}
