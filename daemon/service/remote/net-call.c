/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/util.h"
#include "service/remote/net-call.h"
#include "workers/spawn.h"

#define LEAVING_SLACK_MS 1000
#define SLACK (15 * USEC_PER_SEC) /* for what the worker does before and after its own limit */

struct NetCall {
        NetCallHandlers handlers;
        void *userdata;
        int socket;
        pid_t pid; /* of a process that was started here; 0: none */
        sd_event_source *io, *timer;
        uint32_t expected, got;
        bool is_dry; /* a request may ask for several results */
        bool may_cost;
        sd_event *event;
};

/* A process that may still tell its server that the task is wanted no more. Its two event sources share it, and neither holds
 * the other or the event loop. */
typedef struct Leaving {
        pid_t pid; /* 0: it has ended */
        unsigned references;
} Leaving;

static void leaving_unref(void *userdata)
{
        Leaving *leaving = userdata;

        if (--leaving->references == 0)
                free(leaving);
}

static int on_left(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Leaving *leaving = userdata;
        (void)info;

        leaving->pid = 0;
        return sd_event_source_set_floating(source, false); /* nobody else holds it */
}

static int on_stays(sd_event_source *source, uint64_t usec, void *userdata)
{
        const Leaving *leaving = userdata;
        (void)usec;

        if (leaving->pid > 0)
                (void)kill(leaving->pid, SIGKILL);
        return sd_event_source_set_floating(source, false);
}

static void let_go(sd_event_source *source, Leaving *leaving)
{
        leaving->references++;
        (void)sd_event_source_set_destroy_callback(source, leaving_unref);
        (void)sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
}

static int let_leave(const NetCall *call)
{
        sd_event_source *child, *timer;
        Leaving *leaving = calloc(1, sizeof(Leaving));
        if (!leaving)
                return -ENOMEM;

        leaving->pid = call->pid;
        int r = sd_event_add_child(call->event, &child, call->pid, WEXITED, on_left, leaving);
        if (r < 0) {
                free(leaving);
                return r;
        }
        let_go(child, leaving);
        r = sd_event_add_time_relative(
                        call->event, &timer, CLOCK_MONOTONIC, (NET_CANCEL_MS + LEAVING_SLACK_MS) * USEC_PER_MSEC, 0, on_stays, leaving);
        if (r >= 0)
                let_go(timer, leaving);
        else
                (void)kill(call->pid, SIGKILL);
        return 0;
}

NetCall *net_call_free(NetCall *call)
{
        if (!call)
                return NULL;
        call->io = sd_event_source_disable_unref(call->io);
        call->timer = sd_event_source_disable_unref(call->timer);
        closep(&call->socket);
        if (call->pid > 0 && let_leave(call) < 0) {
                (void)kill(call->pid, SIGKILL);
                while (waitpid(call->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        sd_event_unref(call->event);
        free(call);
        return NULL;
}

/* Before anything goes out the worker says so, and it goes out only if that is heard. What a busy server was asked is as if it
 * had not been; but what it has begun before goes on there. */
static bool has_asked(const NetProgress *progress)
{
        return progress->may_cost || (progress->stage != NET_STAGE_KEY && progress->stage != NET_STAGE_BACKING_OFF);
}

/* The worker can tell us nothing more; what it has told before is taken in. */
static void stop_hearing(NetCall *call)
{
        NetMessage m;

        call->io = sd_event_source_disable_unref(call->io);
        (void)shutdown(call->socket, SHUT_RD);
        for (int r = 1; r > 0;) {
                _cleanup_(closep) int fd = -1;
                r = net_receive(call->socket, &m, &fd);
                if (r > 0 && m.type == NET_PROGRESS)
                        call->may_cost = has_asked(&m.progress);
        }
}

bool net_call_may_cost(NetCall *call)
{
        if (call->io)
                stop_hearing(call);
        return call->may_cost;
}

static void end(NetCall *call, int code, const char *text)
{
        Error error = {};

        call->io = sd_event_source_disable_unref(call->io);
        call->timer = sd_event_source_disable_unref(call->timer);
        if (code < 0)
                (void)error_set(&error, code, "%s", text);
        call->handlers.ended(code < 0 ? &error : NULL, call->userdata);
}

static void handle(NetCall *call, const NetMessage *m, int fd)
{
        int r = 0;

        if (m->type == NET_PROGRESS) {
                call->may_cost = has_asked(&m->progress);
                if (call->handlers.progress)
                        call->handlers.progress(&m->progress, call->userdata);
        } else if (m->type == NET_RESULT && m->result.result == call->got && call->got < call->expected) {
                call->got += m->result.kind != NET_RESULT_PARTIAL;
                r = call->handlers.result(&m->result, fd, call->userdata);
                if (r < 0)
                        end(call, r == -EBADMSG ? NET_BAD_ANSWER : r, "What the server said cannot be taken");
        } else if (m->type == NET_FAILED) {
                call->may_cost = m->failed.may_cost;
                end(call, m->failed.code, m->failed.text);
        } else if (m->type == NET_DONE && (call->got == call->expected || (call->is_dry && call->got > 0))) {
                end(call, 0, NULL);
        } else {
                end(call, -EOWNERDEAD, "The network worker sent something that it must not send");
        }
}

static int on_io(sd_event_source *source, int socket, uint32_t events, void *userdata)
{
        _cleanup_(closep) int fd = -1;
        NetCall *call = userdata;
        NetMessage m;
        (void)source, (void)events;

        int r = net_receive(socket, &m, &fd);
        if (r > 0)
                handle(call, &m, fd);
        else if (r == 0)
                end(call, -EOWNERDEAD, "The network worker ended unexpectedly");
        else if (r != -EAGAIN)
                end(call, -EOWNERDEAD, "The network worker sent something that it must not send");
        return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        end(userdata, NET_UNREACHABLE, "The network worker did not end in time");
        return 0;
}

/* -ENOENT: nobody listens there. */
static int connect_to_manager(void)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (!runtime || runtime[0] != '/' ||
            snprintf(address.sun_path, sizeof(address.sun_path), "%s/imagined/net", runtime) >= (int)sizeof(address.sun_path))
                return -ENOENT;
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return errno == ECONNREFUSED || errno == ENOTDIR ? -ENOENT : -errno;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
                return -EPERM;
        return TAKE_FD(fd);
}

static int start_here(NetCall *call, const char *program, Error *error)
{
        const WorkerSpec spec = { .program = program, .task = WORKER_ASKS };
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set(error, -errno, "No socket for the network worker: %s", strerror(errno));
        call->socket = pair[0];
        _cleanup_(closep) int theirs = pair[1];
        if (fcntl(call->socket, F_SETFL, O_NONBLOCK) < 0)
                return error_set(error, -errno, "No socket for the network worker: %s", strerror(errno));
        return spawn_worker(&spec, theirs, &call->pid, error);
}

static int reach(NetCall *call, const char *program, Error *error)
{
        int fd = connect_to_manager();

        if (fd == -ENOENT)
                return start_here(call, program, error);
        if (fd < 0)
                return error_set(error, -EOWNERDEAD, "The network worker cannot be reached: %s", strerror(-fd));
        call->socket = fd;
        return 0;
}

static int send_all(const NetCall *call, const NetAsk *ask, const int parts[static NET_PART_MAX])
{
        NetMessage m = { .version = NET_VERSION };
        int r = 0;

        for (uint32_t i = 0; i < NET_PART_MAX && r >= 0; i++) {
                m.type = NET_PART;
                m.part = i;
                r = parts[i] >= 0 ? net_send(call->socket, &m, parts[i]) : 0;
        }
        m.type = NET_ASK;
        m.ask = *ask;
        return r < 0 ? r : net_send(call->socket, &m, -1);
}

int net_call_new(
                NetCall **ret, sd_event *event, const char *program, const NetAsk *ask, const int parts[static NET_PART_MAX],
                const NetCallHandlers *handlers, void *userdata, Error *error)
{
        _cleanup_(net_call_freep) NetCall *call = calloc(1, sizeof(NetCall));
        if (!call)
                return error_set(error, -ENOMEM, "Out of memory");
        call->socket = -1;
        call->event = sd_event_ref(event);
        call->handlers = *handlers;
        call->userdata = userdata;
        call->expected = ask->count;
        call->is_dry = ask->flags & NET_ASK_DRY_RUN;
        int r = reach(call, program, error);
        if (r < 0)
                return r;
        r = send_all(call, ask, parts);
        if (r >= 0)
                r = sd_event_add_io(event, &call->io, call->socket, EPOLLIN, on_io, call);
        if (r >= 0)
                r = sd_event_add_time_relative(
                                event, &call->timer, CLOCK_MONOTONIC, ask->limits.total_ms * USEC_PER_MSEC + SLACK, 0, on_late, call);
        if (r < 0)
                return error_set(error, -EOWNERDEAD, "The network worker cannot be told what to ask: %s", strerror(-r));
        *ret = TAKE_PTR(call);
        return 0;
}
