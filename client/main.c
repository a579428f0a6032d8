/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"

static ExitCode run(Client *c, int argc, char *argv[])
{
        Error error = { 0 };

        int r = options_parse(&c->options, argc, argv, &error);
        if (r < 0)
                return client_fail_named(c, CODE_USAGE, NULL, "'imagine --help' shows how it is used.", "%s",
                                         error.text[0] ? error.text : strerror(-r));
        return c->options.verb->run(c);
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

int main(int argc, char *argv[])
{
        Client c = { 0 };

        fill_standard_descriptors();
        (void)setlocale(LC_CTYPE, ""); /* not the rest: numbers are read and written as programs do */
        (void)signal(SIGPIPE, SIG_IGN); /* whoever reads stdout may leave; then a write says so */

        ExitCode code = run(&c, argc, argv);
        code = client_print_result(&c, code);

        json_decref(c.result);
        json_decref(c.error);
        (void)sd_bus_flush_close_unref(c.bus);
        options_done(&c.options);
        return (int)code;
}
