/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/recorded.h"

/* All prompts are in it: for nobody else's eyes. */
static FILE *make_file(const char *path)
{
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

        if (f)
                (void)TAKE_FD(fd);
        return f;
}

/* A file by its name; "-" and none are standard output, or input. */
static FILE *open_file(const char *path, bool writes)
{
        if (!path || streq(path, "-"))
                return writes ? stdout : stdin;
        return writes ? make_file(path) : fopen(path, "re");
}

static void close_file(FILE **f)
{
        if (*f && *f != stdout && *f != stdin)
                (void)fclose(*f);
}

static ExitCode export_to(Client *c, Records *records, FILE *f, const char *path)
{
        Error error = { 0 };
        uint64_t n = 0;

        int r = records_export(records, &(RecordsQuery) { 0 }, f, &n, &error);
        if (r < 0)
                return recorded_fail(c, &error, r);
        if (path)
                client_say(c, ngettext("%" PRIu64 " record is in %s", "%" PRIu64 " records are in %s", n), n, path);
        if (f != stdout)
                c->result = json_pack("{s:o}", "exported", json_from_u64(n));
        return CODE_OK;
}

static ExitCode import_from(Client *c, Records *records, FILE *f)
{
        RecordsImported imported;
        Error error = { 0 };

        int r = records_import(records, f, &imported, &error);
        client_say(c, _("%" PRIu64 " records were added, %" PRIu64 " were there already"), imported.added, imported.known);
        c->result = json_pack("{s:o, s:o}", "added", json_from_u64(imported.added), "known", json_from_u64(imported.known));
        return r < 0 ? recorded_fail(c, &error, r) : CODE_OK;
}

/* Also into records that are not there yet. */
static ExitCode open_for_import(Client *c, Records **ret)
{
        _cleanup_(freep) char *path = NULL;
        Error error = { 0 };

        int r = records_path(&path);
        if (r >= 0)
                r = records_open(ret, path, RECORDS_CREATE, &error);
        return r < 0 ? recorded_fail(c, &error, r) : CODE_OK;
}

ExitCode verb_log(Client *c)
{
        const char *what = c->options.words[0], *path = c->options.n_words > 1 ? c->options.words[1] : NULL;
        const bool exports = streq(what, "export");
        _cleanup_(records_closep) Records *records = NULL;
        _cleanup_(close_file) FILE *f = NULL;

        if (!exports && !streq(what, "import"))
                return client_fail(c, CODE_USAGE, _("'%s' is neither export nor import"), what);
        if (exports && c->options.json && (!path || streq(path, "-")))
                return client_fail(c, CODE_USAGE, "%s", _("the records and --json cannot both go to stdout"));
        ExitCode code = exports ? recorded_open(c, &records) : open_for_import(c, &records);
        if (code != CODE_OK)
                return code;
        f = open_file(path, exports);
        if (!f)
                return client_fail(c, CODE_FAILED, _("cannot open %s: %s"), path, strerror(errno));
        return exports ? export_to(c, records, f, path) : import_from(c, records, f);
}
