/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/memfd.h"
#include "base/request.h"
#include "base/utf8.h"
#include "base/util.h"
#include "client/batch.h"
#include "client/generate.h"
#include "client/i18n.h"
#include "client/input.h"
#include "client/json.h"
#include "client/notify.h"
#include "client/recorded.h"
#include "dbus/names.h"

#define STEM_MAX 200 /* bytes of a file's name that go into another one, which may have 255 */

static int hex_digit(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "/a b.png" of "file:///a%20b.png" (RFC 8089); the text itself if it is no such URI, or names a zero byte. */
static void decode_uri(char *text)
{
        static const char scheme[] = "file://";
        char *to = text;

        if (strncmp(text, scheme, strlen(scheme)) != 0 || text[strlen(scheme)] != '/' || strstr(text, "%00"))
                return;
        for (const char *from = text + strlen(scheme); *from; from++) {
                const int high = *from == '%' ? hex_digit(from[1]) : -1, low = high >= 0 ? hex_digit(from[2]) : -1;
                *to++ = (char)(low >= 0 ? high << 4 | low : *from);
                from += low >= 0 ? 2 : 0;
        }
        *to = '\0';
}

char *batch_path(const char *word)
{
        /* Not standard input, whatever a file is called. */
        char *path = strdup(streq(word, "-") ? "./-" : word);

        if (path)
                decode_uri(path);
        return path;
}

/* The directory of a path with its slash, "./" without one. */
static char *directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
}

/* The name in a path, without its extension, and what is added to it. */
static char *words_of(const char *path, const char *word)
{
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        const char *dot = strrchr(base, '.');
        char *words;

        if (!dot || dot == base)
                dot = base + strlen(base);
        const size_t length = utf8_cut(base, (size_t)(dot - base), STEM_MAX);
        int n = asprintf(&words, "%.*s%s%s", (int)length, base, word ? "-" : "", word ? word : "");
        return n < 0 ? NULL : words;
}

static ExitCode make(Client *c, const Batch *batch, const char *path, int number, int total)
{
        _cleanup_(freep) char *directory = directory_of(path), *words = words_of(path, batch->word);

        if (!directory || !words)
                return client_fail(c, CODE_FAILED, _("out of memory"));
        const char *slash = strrchr(path, '/');
        notifier_set_subject(c->notifier, slash ? slash + 1 : path, (unsigned)number, (unsigned)total);
        ExitCode code = batch->prepare(c, path, batch->userdata);
        if (code != CODE_OK)
                return code;
        if (!c->options.output)
                c->options.output = directory;
        if (batch->word)
                recorded_made_of(c, path, batch->word);
        return generate_pictures(c, words);
}

ExitCode batch_check_file(Client *c, const char *path)
{
        char hint[256];

        if (access(path, R_OK) >= 0)
                return CODE_OK;
        (void)snprintf(hint, sizeof(hint), _("For a picture of these words write: imagine generate %s ..."),
                       c->options.verb->name);
        return client_fail_named(c, CODE_FAILED, NULL, hint, _("cannot open %s: %s"), path, strerror(errno));
}

ExitCode batch_run(Client *c, const Batch *batch)
{
        const Options before = c->options;
        json_t *jobs = json_array();
        ExitCode worst = CODE_OK;

        for (int i = 0; i < before.n_words; i++) {
                _cleanup_(freep) char *path = batch_path(before.words[i]);

                if (!path) {
                        json_decref(jobs);
                        return client_fail(c, CODE_FAILED, _("out of memory"));
                }
                if (before.n_words > 1)
                        client_say(c, _("%d of %d: %s"), i + 1, before.n_words, path);
                ExitCode code = batch_check_file(c, path);
                if (code == CODE_OK)
                        code = make(c, batch, path, i + 1, before.n_words);
                c->options = before;
                if (c->result)
                        (void)json_array_append_new(jobs, TAKE_PTR(c->result));
                /* Chosen as this one was done: it is meant for the rest. */
                if (code == CODE_OK && i + 1 < before.n_words && notifier_is_cancelled(c->notifier))
                        code = client_fail_named(c, CODE_CANCELLED, IMAGINE_ERROR_CANCELLED, NULL, "%s", _("the rest was cancelled"));
                worst = code != CODE_OK ? code : worst;
                if (code == CODE_CANCELLED || code == CODE_UNREACHABLE)
                        break;
        }
        c->result = json_pack("{s:o}", "jobs", jobs);
        return worst;
}

ExitCode batch_file_read(Client *c, const char *path, BatchFile *ret)
{
        _cleanup_(closep) int fd = -1;
        Error error = { 0 };
        size_t size = 0;

        int r = input_read(path, &fd, &c->options.private, &error);
        if (r < 0)
                return client_fail_error(c, CODE_FAILED, &error, r);
        r = memfd_check_sealed(fd, INPUT_BYTES_MAX, &size);
        void *data = r < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return client_fail(c, CODE_FAILED, _("cannot read %s: %s"), path, strerror(r < 0 ? -r : errno));
        *ret = (BatchFile) { .data = data, .size = size, .fd = TAKE_FD(fd) };
        return CODE_OK;
}

void batch_file_done(BatchFile *file)
{
        if (file->data)
                (void)munmap(file->data, file->size);
        if (file->data)
                (void)close(file->fd);
        *file = (BatchFile) { .fd = -1 };
}
