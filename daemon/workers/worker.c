/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "workers/oom.h"
#include "workers/pulse.h"
#include "workers/spawn.h"
#include "workers/worker.h"

#define PING_INTERVAL_MAX (10 * USEC_PER_SEC)
#define STOP_GRACE (2 * USEC_PER_SEC)
#define MESSAGES_AT_ONCE 16 /* before other events have their turn */
#define LATE (USEC_PER_SEC / 2) /* for a timer: the whole machine, or our cgroup, stood still */

struct Worker {
        sd_event *event;
        WorkerHandlers handlers;
        void *userdata;

        pid_t pid; /* 0: reaped */
        int socket; /* -1: closed */
        sd_event_source *io, *child;
        sd_event_source *timer; /* until READY; between pings; until it is killed */

        bool ending; /* stopped, killed, or gone by itself */
        WorkerEnd end;
        uint64_t load_limit, ping_limit; /* µs */
        Pulse pulse;
        uint64_t oom_kills;
};

static const char *const end_texts[] = {
        [WORKER_STOPPED] = "The engine was ended",
        [WORKER_EXITED] = "The engine ended unexpectedly",
        [WORKER_KILLED_BY_SIGNAL] = "The engine ended unexpectedly",
        [WORKER_OUT_OF_MEMORY] = "The engine was ended by the kernel because memory ran out",
        [WORKER_HUNG] = "The engine did not answer or did not come forward any more and was ended",
        [WORKER_OUT_OF_TIME] = "The engine took too much processor time and was ended",
        [WORKER_DISTRUSTED] = "The engine sent something that it must not send, and was ended",
};

pid_t worker_pid(const Worker *worker)
{
        return worker->pid;
}

static void close_socket(Worker *worker)
{
        worker->io = sd_event_source_disable_unref(worker->io);
        if (worker->socket >= 0)
                (void)close(worker->socket);
        worker->socket = -1;
}

Worker *worker_free(Worker *worker)
{
        if (!worker)
                return NULL;
        worker->timer = sd_event_source_disable_unref(worker->timer);
        worker->child = sd_event_source_disable_unref(worker->child);
        close_socket(worker);
        if (worker->pid > 0) {
                (void)kill(worker->pid, SIGKILL);
                while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        sd_event_unref(worker->event);
        free(worker);
        return NULL;
}

static int set_timer(Worker *worker, uint64_t usec, sd_event_time_handler_t handler)
{
        worker->timer = sd_event_source_disable_unref(worker->timer);
        return sd_event_add_time_relative(worker->event, &worker->timer, CLOCK_MONOTONIC, usec, 0, handler, worker);
}

void worker_kill(Worker *worker, WorkerEnd why)
{
        if (!worker->ending)
                worker->end = why;
        worker->ending = true;
        worker->timer = sd_event_source_disable_unref(worker->timer);
        close_socket(worker);
        if (worker->pid > 0)
                (void)kill(worker->pid, SIGKILL);
}

static int on_grace_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        worker_kill(userdata, WORKER_STOPPED);
        return 0;
}

/* The process is to end by itself, and soon. */
static void await_end(Worker *worker, WorkerEnd why)
{
        if (worker->ending)
                return;
        worker->ending = true;
        worker->end = why;
        close_socket(worker);
        if (set_timer(worker, STOP_GRACE, on_grace_over) < 0)
                worker_kill(worker, why);
}

void worker_pause(Worker *worker, bool paused)
{
        if (worker->pid > 0)
                (void)kill(worker->pid, paused ? SIGSTOP : SIGCONT);
}

void worker_stop(Worker *worker)
{
        await_end(worker, WORKER_STOPPED);
}

/* A timer that comes this late tells that nothing ran, a worker's answer neither: then its time begins anew. (A suspended
 * machine stops CLOCK_MONOTONIC; a frozen cgroup, SIGSTOP and a hypervisor do not.) */
static bool was_asleep(uint64_t due)
{
        return clock_usec(CLOCK_MONOTONIC) > due + LATE;
}

/* By us, or by an administrator who wants it to stand still. */
static bool is_stopped(const Worker *worker)
{
        siginfo_t info = {};

        return waitid(P_PID, (id_t)worker->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid == worker->pid;
}

static bool is_excused(const Worker *worker, uint64_t due)
{
        return was_asleep(due) || is_stopped(worker);
}

static int on_load_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Worker *worker = userdata;
        (void)source;

        if (is_excused(worker, usec) && set_timer(worker, worker->load_limit, on_load_over) >= 0)
                return 0;
        log_warning("The engine did not load its model in time");
        worker_kill(worker, WORKER_HUNG);
        return 0;
}

void worker_send(Worker *worker, const Message *message, int fd)
{
        if (worker->ending)
                return;
        int r = protocol_send(worker->socket, message, fd);
        /* A dead one is reported when it is reaped, after what it said last. A full socket: it has not read for long. */
        if (r < 0 && r != -EPIPE && r != -ECONNRESET)
                worker_kill(worker, WORKER_HUNG);
}

static int on_ping_time(sd_event_source *source, uint64_t usec, void *userdata);

static void schedule_ping(Worker *worker)
{
        uint64_t interval = MIN(PING_INTERVAL_MAX, worker->ping_limit / 2);
        if (set_timer(worker, interval, on_ping_time) < 0)
                log_warning("The engine is not supervised: no timer");
}

static int on_ping_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        Worker *worker = userdata;
        (void)source;

        uint64_t now = clock_usec(CLOCK_MONOTONIC);
        if (is_excused(worker, usec))
                pulse_forgive(&worker->pulse, now);
        if (pulse_has_stopped(&worker->pulse, now)) {
                worker_kill(worker, WORKER_HUNG);
                return 0;
        }
        if (pulse_asks(&worker->pulse, now)) {
                const Message ping = { .version = PROTOCOL_VERSION, .type = MESSAGE_PING, .ping = worker->pulse.ping };
                worker_send(worker, &ping, -1);
        }
        if (!worker->ending)
                schedule_ping(worker);
        return 0;
}

void worker_set_busy(Worker *worker, bool busy)
{
        if (worker->ending)
                return;
        worker->timer = sd_event_source_disable_unref(worker->timer);
        pulse_begin(&worker->pulse, worker->ping_limit, clock_usec(CLOCK_MONOTONIC));
        if (busy)
                schedule_ping(worker);
}

static bool is_from_worker(const Message *message)
{
        return message->type >= MESSAGE_READY;
}

static void handle(Worker *worker, const Message *message, int fd)
{
        if (!is_from_worker(message)) {
                closep(&fd);
                worker_kill(worker, WORKER_DISTRUSTED);
                return;
        }
        if (message->type == MESSAGE_PONG) {
                if (!pulse_hear(&worker->pulse, &message->pong, clock_usec(CLOCK_MONOTONIC)))
                        worker_kill(worker, WORKER_DISTRUSTED);
                return;
        }
        if (message->type == MESSAGE_READY)
                worker->timer = sd_event_source_disable_unref(worker->timer);
        worker->handlers.message(worker, message, fd, worker->userdata);
}

/* One message. False: there is none, or there will be no more. */
static bool receive(Worker *worker)
{
        Message message;
        int fd;

        if (worker->socket < 0)
                return false;
        int r = protocol_receive(worker->socket, &message, &fd);
        if (r == -EAGAIN)
                return false;
        if (r == 0) {
                await_end(worker, WORKER_EXITED);
                return false;
        }
        if (r < 0) {
                worker_kill(worker, WORKER_DISTRUSTED);
                return false;
        }
        handle(worker, &message, fd);
        return true;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Worker *worker = userdata;
        (void)source, (void)fd, (void)events;

        for (int i = 0; i < MESSAGES_AT_ONCE && receive(worker); i++)
                ;
        return 0;
}

static void describe_end(const Worker *worker, const siginfo_t *info, WorkerEnd *end, Error *error)
{
        if (worker->ending && *end != WORKER_EXITED) {
                (void)error_set(error, -EOWNERDEAD, "%s", end_texts[*end]);
        } else if (info->si_code == CLD_EXITED) {
                *end = WORKER_EXITED;
                (void)error_set(error, -EOWNERDEAD, "%s (exit status %d)", end_texts[*end], info->si_status);
        } else if (info->si_status == SIGKILL && oom_kills() != worker->oom_kills) {
                *end = WORKER_OUT_OF_MEMORY;
                (void)error_set(error, -ENOMEM, "%s", end_texts[*end]);
        } else if (info->si_status == SIGXCPU) {
                *end = WORKER_OUT_OF_TIME;
                (void)error_set(error, -ETIME, "%s", end_texts[*end]);
        } else {
                *end = WORKER_KILLED_BY_SIGNAL;
                (void)error_set(error, -EOWNERDEAD, "%s (signal %d)", end_texts[*end], info->si_status);
        }
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Worker *worker = userdata;
        (void)source;

        /* What it said last is heard first. */
        while (receive(worker))
                ;
        worker->pid = 0;
        worker->timer = sd_event_source_disable_unref(worker->timer);
        close_socket(worker);

        Error error = {};
        WorkerEnd end = worker->end;
        describe_end(worker, info, &end, &error);
        worker->ending = true;
        if (end == WORKER_STOPPED)
                log_debug("%s", error.text);
        else
                log_warning("%s", error.text);
        worker->handlers.ended(worker, end, &error, worker->userdata);
        return 0;
}

static int watch(Worker *worker)
{
        int r = sd_event_add_child(worker->event, &worker->child, worker->pid, WEXITED, on_child, worker);
        if (r < 0)
                return r;
        r = sd_event_add_io(worker->event, &worker->io, worker->socket, EPOLLIN, on_io, worker);
        if (r < 0)
                return r;
        /* Callers come before progress. */
        r = sd_event_source_set_priority(worker->io, SD_EVENT_PRIORITY_NORMAL + 5);
        if (r < 0)
                return r;
        return worker->load_limit > 0 ? set_timer(worker, worker->load_limit, on_load_over) : 0;
}

int worker_new(
                Worker **ret, sd_event *event, const WorkerSpec *spec, const WorkerHandlers *handlers, void *userdata,
                Error *error)
{
        _cleanup_(worker_freep) Worker *worker = calloc(1, sizeof(Worker));
        if (!worker)
                return error_set(error, -ENOMEM, "Out of memory");
        worker->event = sd_event_ref(event);
        worker->handlers = *handlers;
        worker->userdata = userdata;
        worker->socket = -1;
        worker->load_limit = spec->load_seconds * USEC_PER_SEC;
        worker->ping_limit = spec->ping_seconds * USEC_PER_SEC;
        worker->oom_kills = oom_kills();

        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set(error, -errno, "No socket for the engine: %s", strerror(errno));
        worker->socket = pair[0];
        _cleanup_(closep) int theirs = pair[1];
        if (fcntl(worker->socket, F_SETFL, O_NONBLOCK) < 0)
                return error_set(error, -errno, "No socket for the engine: %s", strerror(errno));

        int r = spawn_worker(spec, theirs, &worker->pid, error);
        if (r < 0)
                return r;
        r = watch(worker);
        if (r < 0)
                return error_set(error, r, "The engine cannot be watched: %s", strerror(-r));

        *ret = TAKE_PTR(worker);
        return 0;
}
