/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "client/notify.h"

static ExitCode run(Client *c, int argc, char *argv[])
{
        Error error = { 0 };

        int r = options_parse(&c->options, argc, argv, &error);
        if (r < 0)
                return client_fail_named(c, CODE_USAGE, NULL, "'imagine --help' shows how it is used.", "%s",
                                         error.text[0] ? error.text : strerror(-r));
        if (c->options.notify) {
                r = notifier_new(&c->notifier, &error);
                if (r < 0)
                        client_warn(c, "%s", error.text);
        }
        ExitCode code = c->options.verb->run(c);
        notifier_finish(c->notifier, c, code);
        return code;
}

/* Where stdin, stdout or stderr is closed, the next descriptor would take its place, and our lines would go
 * there. */
static void fill_standard_descriptors(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                (void)close(fd);
}

static char **strings_free(char **strings)
{
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
        return NULL;
}

DEFINE_CLEANUP(char **, strings_free)

/* Everybody may read a process's command line, and a bus that starts a service for us writes the beginning of it
 * into its log: no place for a prompt. So the arguments are copied, and what the kernel shows is blanked. */
static char **take_arguments(int argc, char *argv[])
{
        _cleanup_(strings_freep) char **copy = calloc((size_t)argc + 1, sizeof(*copy));

        for (int i = 0; copy && i < argc; i++) {
                copy[i] = strdup(argv[i]);
                if (!copy[i])
                        return NULL;
        }
        for (int i = 1; copy && i < argc; i++)
                explicit_bzero(argv[i], strlen(argv[i]));
        return TAKE_PTR(copy);
}

int main(int argc, char *argv[])
{
        Client c = { 0 };
        _cleanup_(strings_freep) char **arguments = take_arguments(argc, argv);
        if (!arguments) {
                (void)fputs("imagine: out of memory\n", stderr);
                return CODE_FAILED;
        }

        fill_standard_descriptors();
        (void)setlocale(LC_CTYPE, ""); /* not the rest: numbers are read and written as programs do */
        (void)signal(SIGPIPE, SIG_IGN); /* whoever reads stdout may leave; then a write says so */

        ExitCode code = run(&c, argc, arguments);
        code = client_print_result(&c, code);

        c.notifier = notifier_free(c.notifier);
        json_decref(c.result);
        json_decref(c.error);
        free(c.hint);
        (void)sd_bus_flush_close_unref(c.bus);
        options_done(&c.options);
        return (int)code;
}
