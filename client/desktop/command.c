/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/desktop/command.h"

#define OUTPUT_MAX 65536

static int start(char *const argv[], int output, pid_t *ret)
{
        posix_spawn_file_actions_t actions;

        int r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static char *read_output(int fd)
{
        char *text = calloc(1, OUTPUT_MAX);
        size_t size = 0;

        while (text && size < OUTPUT_MAX - 1) {
                ssize_t n = read(fd, text + size, OUTPUT_MAX - 1 - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                size += (size_t)n;
        }
        if (size > 0 && text[size - 1] == '\n')
                text[size - 1] = '\0';
        return text;
}

int command_run(char *const argv[], char **ret)
{
        int pipe_fds[2], status;
        pid_t pid = -1;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        int r = start(argv, pipe_fds[1], &pid);
        (void)close(pipe_fds[1]);
        _cleanup_(freep) char *text = r >= 0 ? read_output(pipe_fds[0]) : NULL;
        (void)close(pipe_fds[0]);
        if (r < 0)
                return r;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
        if (!text)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
