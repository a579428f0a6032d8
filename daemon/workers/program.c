/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "workers/program.h"

#define ENVIRONMENT_MAX 256
#define NICE 10 /* as the engine */

typedef struct Execution {
        char *const *arguments;
        char *environment[ENVIRONMENT_MAX];
        int input;
} Execution;

/* Descriptors first go where none of them is in another's way. */
static int run(const void *what, int output)
{
        const Execution *execution = what;
        int in = fcntl(execution->input, F_DUPFD_CLOEXEC, 3), out = fcntl(output, F_DUPFD_CLOEXEC, 3);

        child_give_way(NICE);
        if (in >= 0 && out >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
            close_range(3, ~0U, 0) >= 0)
                (void)execve(execution->arguments[0], execution->arguments, execution->environment);
        return 127;
}

/* It has nothing to say to the service manager or a bus. */
static void make_environment(char *ret[static ENVIRONMENT_MAX])
{
        static const char *const left_out[] = { "NOTIFY_SOCKET=", "WATCHDOG_", "DBUS_", "LISTEN_" };
        size_t n = 0;

        for (char **e = environ; *e && n < ENVIRONMENT_MAX - 1; e++) {
                bool skip = false;
                for (size_t i = 0; i < ELEMENTSOF(left_out); i++)
                        skip = skip || strncmp(*e, left_out[i], strlen(left_out[i])) == 0;
                if (!skip)
                        ret[n++] = *e;
        }
        ret[n] = NULL;
}

int program_new(Child **ret, sd_event *event, const ProgramSpec *spec, child_done_t done, void *userdata, Error *error)
{
        Execution execution = { .arguments = spec->arguments, .input = spec->input };
        const ChildSpec child = {
                .name = "answer",
                .run = run,
                .what = &execution,
                .bytes_max = spec->bytes_max,
                .usec = spec->seconds * USEC_PER_SEC,
        };

        if (access(spec->arguments[0], X_OK) < 0)
                return error_set(error, -errno, "%s cannot be run: %s", spec->arguments[0], strerror(errno));
        make_environment(execution.environment);
        return child_new(ret, event, &child, done, userdata, error);
}
