/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "client/i18n.h"
#include "client/json.h"
#include "client/notify.h"
#include "client/provenance.h"
#include "client/recorded.h"
#include "client/save.h"
#include "client/terminal/preview.h"

ExitCode saver_prepare(Client *c, Saver *saver, const char *words, uint32_t count)
{
        Error error = { 0 };

        int r = output_prepare(&saver->output, c->options.output, c->options.force, words, count, &error);
        if (r < 0)
                return client_fail_error(c, r == -EINVAL ? CODE_USAGE : CODE_FAILED, &error, r);
        if (saver->output.kind == OUTPUT_STDOUT && c->options.json)
                return client_fail(c, CODE_USAGE, _("the picture and --json cannot both go to stdout"));
        saver->pictures = json_array();
        return CODE_OK;
}

void saver_show(Client *c, const Picture *picture)
{
        int r = preview_picture(c->preview, picture);
        if (r == -EOPNOTSUPP)
                client_warn(c, "%s", _("only PNG pictures can be shown in the terminal"));
        else if (r < 0)
                client_warn(c, _("cannot show the picture: %s"), strerror(-r));
}

static void keep(Saver *saver, const char *path, uint64_t seed, const Picture *picture)
{
        json_t *object = json_pack("{s:I, s:I, s:I}", "width", (json_int_t)picture->width, "height",
                                   (json_int_t)picture->height, "bytes", (json_int_t)picture->size);

        (void)json_object_set_new(object, "path", path ? json_from_text(path) : json_null());
        (void)json_object_set_new(object, "seed", json_from_u64(seed));
        if (picture->pixels[0])
                (void)json_object_set_new(object, "pixels", json_string(picture->pixels));
        if (picture->record[0])
                (void)json_object_set_new(object, "record", json_string(picture->record));
        (void)json_array_append_new(saver->pictures, object);
}

ExitCode saver_take(
        Client *c, const JobInfo *job, uint32_t index, uint64_t seed, const Picture *picture, void *userdata)
{
        _cleanup_(freep) char *path = NULL;
        Saver *saver = userdata;
        Error error = { 0 };

        (void)job;
        int r = output_write(&saver->output, index, seed, picture, &path, &error);
        if (r < 0)
                return client_fail_error(c, CODE_FAILED, &error, r);
        saver_show(c, picture);
        keep(saver, path, seed, picture);
        if (path)
                recorded_saved(c, picture, path);
        if (path)
                notifier_add_path(c->notifier, path);
        if (path && !c->options.json && (printf("%s\n", path) < 0 || fflush(stdout) == EOF))
                return client_fail(c, CODE_FAILED, _("cannot write to stdout"));
        return CODE_OK;
}

void saver_report(Client *c, Saver *saver, const JobInfo *job)
{
        char settings[256];

        if (!job->path[0])
                return;
        job_describe(job, settings, sizeof(settings));
        client_say(c, "%s", settings);
        json_t *provenance = provenance_read(c, job);
        if (provenance)
                provenance_say(c, job, provenance);
        if (job->truncated_tokens > 0)
                client_warn(c,
                            _("the model takes no prompt of that length: the last %u tokens of it were not "
                            "used"),
                            job->truncated_tokens);
        c->result = job_to_json(job);
        if (c->result)
                (void)json_object_set(c->result, "pictures", saver->pictures);
        if (c->result && provenance)
                (void)json_object_set(c->result, "provenance", provenance);
        json_decref(provenance);
}

void saver_done(Saver *saver)
{
        output_done(&saver->output);
        json_decref(saver->pictures);
        *saver = (Saver) { 0 };
}
