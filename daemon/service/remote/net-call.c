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

#define SLACK (15 * USEC_PER_SEC) /* for what the worker does before and after its own limit */

struct NetCall {
        NetCallHandlers handlers;
        void *userdata;
        int socket;
        pid_t pid; /* of a process that was started here; 0: none */
        sd_event_source *io, *timer;
        uint32_t expected, got;
        bool is_dry; /* a request may ask for several results */
};

NetCall *net_call_free(NetCall *call)
{
        if (!call)
                return NULL;
        call->io = sd_event_source_disable_unref(call->io);
        call->timer = sd_event_source_disable_unref(call->timer);
        closep(&call->socket);
        if (call->pid > 0) {
                (void)kill(call->pid, SIGKILL);
                while (waitpid(call->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        free(call);
        return NULL;
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
                if (call->handlers.progress)
                        call->handlers.progress(&m->progress, call->userdata);
        } else if (m->type == NET_RESULT && m->result.result == call->got && call->got < call->expected) {
                call->got += m->result.kind != NET_RESULT_PARTIAL;
                r = call->handlers.result(&m->result, fd, call->userdata);
                if (r < 0)
                        end(call, r, "What the server said cannot be taken");
        } else if (m->type == NET_FAILED) {
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
