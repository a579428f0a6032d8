/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "client/i18n.h"
#include "client/shrink.h"

#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)

/* The exit status, or a negative errno. */
static int run(const char *program, int input, int output)
{
        char *const argv[] = { (char *)program, (char *)"--shrink", (char *)QUOTE(SHRINK_SIDE), NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int status;

        int r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(&pid, program, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

ExitCode shrink_file(Client *c, const char *path, int *ret_fd)
{
        static const char engine[] = LIBEXECDIR "/imagined-engine";
        const char *program = getenv("IMAGINED_ENGINE");
        _cleanup_(closep) int input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        _cleanup_(closep) int output = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (input < 0 || output < 0)
                return client_fail(c, CODE_FAILED, _("cannot read %s: %s"), path, strerror(errno));
        int r = run(program ? program : engine, input, output);
        if (r < 0)
                return client_fail(c, CODE_FAILED, _("%s cannot be run: %s"), program ? program : engine, strerror(-r));
        if (r > 0) /* which has said why */
                return client_fail(c, CODE_FAILED, _("%s is no picture that can be read"), path);
        if (fcntl(output, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return client_fail(c, CODE_FAILED, _("cannot read %s: %s"), path, strerror(errno));
        *ret_fd = TAKE_FD(output);
        return CODE_OK;
}
