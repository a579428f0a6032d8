/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "base/util.h"
#include "client/arguments.h"
#include "client/i18n.h"
#include "client/notify.h"
#include "client/terminal/preview.h"

/* All options of the verb; the one screen for who gave no word at all. */
static ExitCode fail_usage(Client *c, bool is_bare, const char *text)
{
        const Verb *verb = c->options.verb ? c->options.verb : verb_table + VERB_GENERATE;
        char hint[160];

        (void)snprintf(hint, sizeof(hint), _("'imagine %s --help' shows how it is used."), verb->name);
        return client_fail_named(c, CODE_USAGE, NULL, is_bare ? _("'imagine --help' shows how it is used.") : hint, "%s", text);
}

static ExitCode run(Client *c, int argc, char *argv[])
{
        Error error = { 0 };

        if (!options_want_json(argc, argv)) /* what is in there is for programs */
                i18n_init();
        int r = options_parse(&c->options, argc, argv, &error);
        if (r < 0)
                return fail_usage(c, argc < 2, error.text[0] ? error.text : strerror(-r));
        if (c->options.notify) {
                r = notifier_new(&c->notifier, &error);
                if (r < 0)
                        client_warn(c, "%s", error.text);
        }
        if (c->options.preview && !streq(c->options.preview, "none")) {
                r = preview_new(c->options.preview, &c->preview, &error);
                if (r < 0)
                        client_warn(c, "%s", error.text);
        }
        ExitCode code = c->options.verb->run(c);
        const Options *o = &c->options;
        const bool was_read = o->verb->id == VERB_GENERATE && o->n_words == 1 && streq(o->words[0], "-");
        notifier_set_command(c->notifier, argv, was_read ? o->prompt : NULL);
        notifier_finish(c->notifier, c, code);
        return code;
}

int main(int argc, char *argv[])
{
        Client c = { 0 };
        _cleanup_(arguments_freep) char **arguments = arguments_take(argc, argv);
        if (!arguments) {
                (void)fputs("imagine: out of memory\n", stderr);
                return CODE_FAILED;
        }

        arguments_fill_descriptors();
        (void)setlocale(LC_CTYPE, ""); /* not the rest: numbers are read and written as programs do */
        (void)signal(SIGPIPE, SIG_IGN); /* whoever reads stdout may leave; then a write says so */

        ExitCode code = run(&c, argc, arguments);
        code = client_print_result(&c, code);

        c.notifier = notifier_free(c.notifier);
        c.preview = preview_free(c.preview);
        json_decref(c.extra);
        json_decref(c.to_record);
        json_decref(c.result);
        json_decref(c.error);
        free(c.hint);
        (void)sd_bus_flush_close_unref(c.bus);
        options_done(&c.options);
        return (int)code;
}
