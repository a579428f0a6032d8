/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "client/client.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/progress.h"
#include "client/terminal/preview.h"

#define TEXT_MAX 2048

void client_clean_text(char *text)
{
        utf8_sanitize(text);
        for (unsigned char *s = (unsigned char *)text; *s; s++) {
                if (*s < 0x20 || *s == 0x7f)
                        *s = ' ';
                else if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) /* U+0080 to U+009F */
                        s[0] = s[1] = ' ';
        }
}

void client_put_line(const char *text)
{
        _cleanup_(freep) char *line = strdup(text);

        if (!line)
                return;
        client_clean_text(line);
        (void)puts(line);
}

/* For a line on stderr. */
static void make_room(const Client *c)
{
        preview_forget(c->preview);
        if (c->progress)
                progress_clear(c->progress);
}

static void say(const Client *c, const char *prefix, const char *format, va_list ap)
{
        char text[TEXT_MAX];

        if (c->is_silent)
                return;
        make_room(c);
        (void)vsnprintf(text, sizeof(text), format, ap);
        client_clean_text(text);
        (void)fprintf(stderr, "%s%s\n", prefix, text);
}

void client_say(const Client *c, const char *format, ...)
{
        va_list ap;

        if (c->options.quiet)
                return;
        va_start(ap, format);
        say(c, "", format, ap);
        va_end(ap);
}

void client_warn(const Client *c, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        say(c, "imagine: ", format, ap);
        va_end(ap);
}

ExitCode client_fail_named(
        Client *c, ExitCode code, const char *name, const char *hint, const char *format, ...)
{
        char text[TEXT_MAX];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        client_clean_text(text);

        if (!c->is_silent) {
                make_room(c);
                (void)fprintf(stderr, "imagine: %s\n", text);
                if (hint)
                        (void)fprintf(stderr, "%s\n", hint);
        }
        free(c->hint);
        c->hint = hint ? strdup(hint) : NULL;
        json_decref(c->error);
        c->error = json_pack("{s:s?, s:s, s:i}", "name", name, "message", text, "exit", (int)code);
        return code;
}

ExitCode client_fail_error(Client *c, ExitCode code, const Error *error, int r)
{
        return client_fail(c, code, "%s", error->text[0] ? error->text : strerror(-r));
}

ExitCode client_print_result(Client *c, ExitCode code)
{
        if (!c->options.json) {
                if (fflush(stdout) != EOF && !ferror(stdout))
                        return code;
                return code == CODE_OK ? client_fail(c, CODE_FAILED, _("cannot write to stdout")) : code;
        }

        json_t *object = c->result ? TAKE_PTR(c->result) : json_object();
        if (c->error)
                (void)json_object_set(object, "error", c->error);
        return json_print(object) == CODE_OK ? code : CODE_FAILED;
}
