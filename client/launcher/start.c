/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memfd.h"
#include "base/util.h"
#include "client/folder.h"
#include "client/i18n.h"
#include "client/launcher/start.h"

/* In a session of its own, with its stdin there; the launcher ignores the end of its children, they must not. */
static int spawn(char *const argv[], int input)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t set;
        pid_t pid;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGCHLD);
        int r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r == 0) {
                (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
                (void)posix_spawnattr_setsigdefault(&attributes, &set);
                r = input >= 0 ? posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
                               : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
                if (r == 0)
                        r = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
                (void)posix_spawnattr_destroy(&attributes);
        }
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int start_picture(const char *prompt, Error *error)
{
        _cleanup_(freep) char *folder = NULL, *output = NULL;
        /* A memfd instead of a pipe: it is as large as it has to be, and nobody waits. */
        _cleanup_(closep) int input = memfd_new_sealed("prompt", prompt, strlen(prompt));

        int r = folder_prepare(&folder);
        if (r < 0)
                return error_set(error, r, _("cannot make the folder of your pictures, %s: %s"), folder ? folder : "Imagine",
                                 strerror(-r));
        if (input < 0 || asprintf(&output, "%s/", folder) < 0)
                return error_set(error, input < 0 ? input : -ENOMEM, _("out of memory"));
        char *argv[] = { (char[]) { "imagine" }, (char[]) { "generate" }, (char[]) { "--notify" }, (char[]) { "--quiet" },
                         (char[]) { "--output" }, output, (char[]) { "-" }, NULL };
        r = spawn(argv, input);
        return r < 0 ? error_set(error, r, _("cannot start imagine: %s"), strerror(-r)) : 0;
}

int start_window(const char *prompt, Error *error)
{
        _cleanup_(freep) char *option = NULL;

        if (asprintf(&option, "--prompt=%s", prompt) < 0)
                return error_set(error, -ENOMEM, _("out of memory"));
        char *argv[] = { (char[]) { "imagine" }, (char[]) { "ask" }, prompt[0] ? option : NULL, NULL };
        int r = spawn(argv, -1);
        return r < 0 ? error_set(error, r, _("cannot start imagine: %s"), strerror(-r)) : 0;
}
