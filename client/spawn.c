/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memfd.h"
#include "client/spawn.h"

void spawn_be_alone(void)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
                (void)dup2(fd, i);
        (void)setsid();
}

/* A memfd instead of a pipe: it is as large as it has to be, and nobody waits. */
static void put_on_stdin(const char *input)
{
        int fd = memfd_new_sealed("input", input, strlen(input));

        if (fd >= 0)
                (void)dup2(fd, STDIN_FILENO);
}

static int spawn(const char *file, char *const argv[], const char *input)
{
        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                spawn_be_alone();
                if (input)
                        put_on_stdin(input);
                if (fork() == 0)
                        (void)execvp(file, argv);
                _exit(0);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return 0;
}

int spawn_detached(char *const argv[])
{
        return spawn(argv[0], argv, NULL);
}

int spawn_imagine(char *const argv[], const char *input)
{
        char path[PATH_MAX];

        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("imagine"));
        if (n < 0)
                return -errno;
        path[n] = '\0';
        char *slash = strrchr(path, '/');
        (void)strcpy(slash ? slash + 1 : path, "imagine");
        return spawn(path, argv, input);
}

char *spawn_file_uri(const char *path)
{
        size_t size = 0;
        char *uri = NULL;
        FILE *f = open_memstream(&uri, &size);

        if (!f)
                return NULL;
        (void)fputs("file://", f);
        for (const unsigned char *s = (const unsigned char *)path; *s; s++)
                (void)(isascii(*s) && (isalnum(*s) || strchr("/-_.~", *s)) ? fputc(*s, f) : fprintf(f, "%%%02X", *s));
        return fclose(f) == EOF ? NULL : uri; /* which moves it */
}
