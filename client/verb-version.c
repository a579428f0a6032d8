/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/client.h"

ExitCode verb_version(Client *c)
{
        if (c->options.json)
                c->result = json_pack("{s:s}", "version", VERSION);
        else
                (void)printf("imagine %s\n", VERSION);
        return CODE_OK;
}
