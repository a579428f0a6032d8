/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "client/client.h"
#include "client/i18n.h"

#define WINDOW "imagine-window"
#define ARGUMENTS_MAX 12

/* The window is a program of its own, beside this one, so that this one needs no toolkit. */
static int find_window(char path[PATH_MAX])
{
        ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(WINDOW));
        if (n < 0)
                return -errno;
        path[n] = '\0';
        char *slash = strrchr(path, '/');
        (void)strcpy(slash ? slash + 1 : path, WINDOW);
        return 0;
}

static void collect(const Options *o, const char *arguments[ARGUMENTS_MAX])
{
        const struct {
                bool is_given;
                const char *option, *value;
        } all[] = {
                { o->folder, "--folder", o->folder }, { o->prompt_text, "--prompt", o->prompt_text },
                { o->from, "--from", o->from },       { o->user, "--user", NULL },
                { o->system, "--system", NULL },      { o->no_start, "--no-start", NULL },
        };
        size_t n = 0;

        arguments[n++] = WINDOW;
        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                if (!all[i].is_given)
                        continue;
                arguments[n++] = all[i].option;
                if (all[i].value)
                        arguments[n++] = all[i].value;
        }
        arguments[n] = NULL;
}

ExitCode verb_ask(Client *c)
{
        const char *arguments[ARGUMENTS_MAX];
        char path[PATH_MAX];

        collect(&c->options, arguments);
        int r = find_window(path);
        if (r >= 0) {
                (void)execv(path, (char *const *)arguments);
                r = -errno;
        }
        if (r == -ENOENT)
                return client_fail_named(c, CODE_FAILED, NULL,
                                         _("It is built where GTK 4 is (libgtk-4-dev). Without it: imagine \"a red fox\""),
                                         _("the prompt window, %s, is not installed"), WINDOW);
        return client_fail(c, CODE_FAILED, _("cannot start the prompt window, %s: %s"), path, strerror(-r));
}
