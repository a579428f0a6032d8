/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/batch.h"
#include "client/follow.h"
#include "client/generate.h"
#include "client/i18n.h"
#include "client/names.h"
#include "client/save.h"

/* The picture as it is; what is made of it is the service's. */
static ExitCode take_in(Client *c, const char *path, Saver *saver)
{
        const FollowHooks hooks = { .on_picture = saver_take, .userdata = saver, .owns_job = true };
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        JobInfo job = { 0 };

        ExitCode code = batch_file_read(c, path, &file);
        if (code == CODE_OK)
                code = bus_connect(c);
        if (code == CODE_OK)
                code = generate_new_import(c, file.fd, &call);
        if (code == CODE_OK)
                code = follow_generate(c, call, &hooks, &job);
        saver_report(c, saver, &job);
        return code;
}

/* Without --output it goes beside where it was, under a name that the prompt makes. */
ExitCode verb_import(Client *c)
{
        const char *prompt = c->options.prompt_text ? c->options.prompt_text : "";
        _cleanup_(saver_done) Saver saver = { 0 };
        _cleanup_(freep) char *path = batch_path(c->options.words[0]), *words = name_from_prompt(*prompt ? prompt : "imported");

        if (!c->options.provider)
                return client_fail(c, CODE_USAGE, _("'import' needs --provider: who has drawn it"));
        if (!path || !words)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        ExitCode code = batch_check_file(c, path);
        if (code == CODE_OK)
                code = saver_prepare(c, &saver, words, 1);
        return code == CODE_OK ? take_in(c, path, &saver) : code;
}
