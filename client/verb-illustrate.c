/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/i18n.h"

/* The file's text as a prompt: as much of it as may be one. */
static ExitCode prepare(Client *c, const char *path, void *userdata)
{
        _cleanup_(batch_file_done) BatchFile file = { .fd = -1 };
        char *text = userdata;

        ExitCode code = batch_file_read(c, path, &file);
        if (code != CODE_OK)
                return code;
        size_t size = utf8_cut(file.data, file.size, REQUEST_PROMPT_MAX);
        if (memchr(file.data, '\0', size) || !utf8_is_valid(file.data, size))
                return client_fail(c, CODE_FAILED, _("%s is no text in UTF-8"), path);
        memcpy(text, file.data, size);
        while (size > 0 && strchr(" \t\r\n", text[size - 1]))
                size--;
        text[size] = '\0';
        if (size == 0)
                return client_fail(c, CODE_FAILED, _("there is no text in %s"), path);
        c->options.prompt = text;
        return CODE_OK;
}

ExitCode verb_illustrate(Client *c)
{
        char text[REQUEST_PROMPT_MAX + 1] = "";

        return batch_run(c, &(Batch) { .prepare = prepare, .userdata = text });
}
