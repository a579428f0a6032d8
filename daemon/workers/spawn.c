/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/cpu.h"
#include "base/util.h"
#include "workers/child.h"
#include "workers/spawn.h"

#define ENVIRONMENT_MAX 256
/* Who asks the service something waits for the bus and the service, which must not wait for the engine on a machine whose
 * processors all compute. With 200 clients answers came three times as soon. */
#define ENGINE_NICE 10
#define SETTINGS_MAX 5
#define ARGUMENTS_MAX 16
#define DIGESTS_NICE 19 /* the scheduler of disks goes by it, too */
/* Where memory ends a worker is what the kernel takes, whatever else is large: it costs a picture's time, and nothing else. */
#define WORKER_OOM_SCORE "1000"

/* What the worker's environment must say; all else is inherited. */
typedef struct Setting {
        const char *name;
        char value[64];
        bool gives_way; /* to what the administrator has set */
} Setting;

static size_t make_settings(Setting settings[static SETTINGS_MAX], uint64_t threads)
{
        size_t n = 0;

        /* Products are cut into tiles, and the threads share out tiles: OpenBLAS itself must stay single-threaded. */
        settings[n++] = (Setting) { "OPENBLAS_NUM_THREADS", "1", false };
        settings[n++] = (Setting) { "OMP_WAIT_POLICY", "passive", false };
        settings[n++] = (Setting) { "GOMP_SPINCOUNT", CPU_SPINS, true };
        const char *core = cpu_blas_core();
        if (core) {
                settings[n] = (Setting) { .name = "OPENBLAS_CORETYPE", .gives_way = true };
                (void)snprintf(settings[n++].value, sizeof(settings[0].value), "%s", core);
        }
        if (threads > 0) {
                settings[n] = (Setting) { .name = "OMP_NUM_THREADS" };
                (void)snprintf(settings[n++].value, sizeof(settings[0].value), "%llu", (unsigned long long)threads);
        }
        return n;
}

static bool is_named(const char *variable, const char *name)
{
        size_t n = strlen(name);
        return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

/* The environment of the worker: pointers into ours and into lines. */
static void make_environment(
                char *ret[static ENVIRONMENT_MAX], char lines[static SETTINGS_MAX][128], const Setting *settings,
                size_t n_settings, bool has_bus)
{
        size_t n = 0;

        for (size_t i = 0; i < n_settings; i++) {
                if (settings[i].gives_way && getenv(settings[i].name))
                        continue;
                (void)snprintf(lines[i], sizeof(lines[i]), "%s=%s", settings[i].name, settings[i].value);
                ret[n++] = lines[i];
        }
        for (char **e = environ; *e && n < ENVIRONMENT_MAX - 1; e++) {
                /* The worker has nothing to say to the service manager, and only one of them to the bus. */
                bool skip = is_named(*e, "NOTIFY_SOCKET") || is_named(*e, "WATCHDOG_USEC") ||
                            is_named(*e, "WATCHDOG_PID") ||
                            (!has_bus && is_named(*e, "DBUS_SESSION_BUS_ADDRESS")) ||
                            is_named(*e, "DBUS_SYSTEM_BUS_ADDRESS") || is_named(*e, "DBUS_STARTER_ADDRESS");
                for (size_t i = 0; i < n_settings && !skip; i++)
                        skip = !settings[i].gives_way && is_named(*e, settings[i].name);
                if (!skip)
                        ret[n++] = *e;
        }
        ret[n] = NULL;
}

/* Gives the descriptors (0: none) the numbers from `first` on, and closes all others above. First they go where none of
 * them is in another's way; dup2 to the same number would leave the flag that closes it, too. */
static int arrange_descriptors(int fds[], int n, int first)
{
        for (int i = 0; i < n; i++)
                if (fds[i] > 0 && (fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, first + n)) < 0)
                        return -errno;
        for (int i = 0; i < n; i++)
                if (fds[i] > 0 ? dup2(fds[i], first + i) < 0 : close(first + i) < 0 && errno != EBADF)
                        return -errno;
        return close_range((unsigned)(first + n), ~0U, 0) < 0 ? -errno : 0;
}

/* Whoever may not raise it goes without. */
static void be_expendable(void)
{
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        (void)!write(fd, WORKER_OOM_SCORE, strlen(WORKER_OOM_SCORE));
        (void)close(fd);
}

/* Between fork and exec: system calls only. */
_Noreturn static void become_worker(
                const WorkerSpec *spec, char *const argv[], char *const environment[], int socket, pid_t parent)
{
        int fds[] = { socket, spec->pack, spec->new_pack };

        if (!child_begin(parent))
                _exit(127);
        (void)setpgid(0, 0);
        be_expendable();
        child_give_way(spec->task == WORKER_DIGESTS ? DIGESTS_NICE : ENGINE_NICE);

        if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
                _exit(127);
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0)
                _exit(127);
        if (arrange_descriptors(fds, ELEMENTSOF(fds), SPAWN_SOCKET) < 0)
                _exit(127);

        (void)execve(argv[0], argv, environment);
        _exit(127);
}

/* What spawn_worker's words are made of, and where they lie. */
typedef struct Arguments {
        char socket[16], pack[16], new_pack[16];
        char *words[ARGUMENTS_MAX]; /* NULL-terminated */
} Arguments;

static void make_arguments(Arguments *ret, const WorkerSpec *spec)
{
        static const char *const tasks[] = {
                [WORKER_VERIFIES] = "--verify",
                [WORKER_DIGESTS] = "--digest",
                [WORKER_DECODES] = "--decode",
                [WORKER_ASKS] = NULL,
        };
        char **word = ret->words;

        (void)snprintf(ret->socket, sizeof(ret->socket), "%d", SPAWN_SOCKET);
        (void)snprintf(ret->pack, sizeof(ret->pack), "%d", SPAWN_PACK);
        (void)snprintf(ret->new_pack, sizeof(ret->new_pack), "%d", SPAWN_NEW_PACK);
        *word++ = (char *)spec->program;
        *word++ = (char *)"--socket";
        *word++ = ret->socket;
        if (spec->model_directory) {
                *word++ = (char *)"--model";
                *word++ = (char *)spec->model_directory;
        }
        if (tasks[spec->task])
                *word++ = (char *)tasks[spec->task];
        if (spec->precision != PRECISION_AUTO) {
                *word++ = (char *)"--precision";
                *word++ = (char *)precision_to_string(spec->precision);
        }
        if (spec->pack > 0) {
                *word++ = (char *)"--pack";
                *word++ = ret->pack;
        }
        if (spec->new_pack > 0) {
                *word++ = (char *)"--new-pack";
                *word++ = ret->new_pack;
        }
        *word = NULL;
}

int spawn_worker(const WorkerSpec *spec, int socket, pid_t *ret_pid, Error *error)
{
        if (access(spec->program, X_OK) < 0)
                return error_set(error, -errno, "The engine %s cannot be run: %s", spec->program, strerror(errno));

        Setting settings[SETTINGS_MAX];
        char lines[SETTINGS_MAX][128], *environment[ENVIRONMENT_MAX];
        Arguments arguments;
        make_environment(environment, lines, settings, make_settings(settings, spec->threads),
                         spec->task == WORKER_ASKS); /* a keyring is on the session bus */
        make_arguments(&arguments, spec);

        pid_t parent = getpid(), pid = fork();
        if (pid < 0)
                return error_set(error, -errno, "The engine cannot be started: %s", strerror(errno));
        if (pid == 0)
                become_worker(spec, arguments.words, environment, socket, parent);

        *ret_pid = pid;
        return 0;
}
