/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "client/i18n.h"
#include "client/input.h"
#include "client/shrink.h"

/* The exit status, or a negative errno. */
static int run(const char *program, unsigned side, bool is_lossless, int input, int output)
{
        char number[16], *const argv[] = { (char *)program, (char *)"--shrink", number, is_lossless ? (char *)"--lossless" : NULL, NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int status;

        (void)snprintf(number, sizeof(number), "%u", side);
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

static const char *engine(void)
{
        const char *program = getenv("IMAGINED_ENGINE");
        return program ? program : LIBEXECDIR "/imagined-engine";
}

static int shrink(int input, unsigned side, bool is_lossless, int *ret_fd)
{
        _cleanup_(closep) int output = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        int r = output < 0 ? -errno : run(engine(), side, is_lossless, input, output);
        if (r != 0)
                return r < 0 ? r : -EBADMSG;
        if (fcntl(output, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        *ret_fd = TAKE_FD(output);
        return 0;
}

int shrink_picture(int input, unsigned side, int *ret_fd)
{
        return shrink(input, side, false, ret_fd);
}

int shrink_to_png(int input, unsigned side, int *ret_fd)
{
        return shrink(input, side, true, ret_fd);
}

ExitCode shrink_file(Client *c, const char *path, int *ret_fd)
{
        _cleanup_(closep) int input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (input < 0)
                return client_fail(c, CODE_FAILED, _("cannot read %s: %s"), path, strerror(errno));
        input_note_private(input, &c->options.private);
        int r = shrink_picture(input, SHRINK_SIDE, ret_fd);
        if (r == -EBADMSG) /* the process has said why */
                return client_fail(c, CODE_FAILED, _("%s is no picture that can be read"), path);
        return r < 0 ? client_fail(c, CODE_FAILED, _("%s cannot be run: %s"), engine(), strerror(-r)) : CODE_OK;
}
