/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/utf8.h"
#include "base/util.h"
#include "net/http-resolve.h"
#include "net/protocol.h"
#include "net/resolver.h"

#define HOST_MAX 255

/* What goes back: '=' and the addresses, or '!' and a sentence. */
typedef struct Reply {
        char text[1 + RESOLVER_TEXT_MAX];
} Reply;

static void answer(int socket, const char *host)
{
        char addresses[RESOLVER_TEXT_MAX];
        Error error = {};
        Reply reply;

        int r = http_resolve_host(addresses, host, &error);
        (void)snprintf(reply.text, sizeof(reply.text), "%c%s", r < 0 ? '!' : '=', r < 0 ? error.text : addresses);
        (void)send(socket, reply.text, strlen(reply.text), MSG_NOSIGNAL);
}

static _Noreturn void serve(int socket, pid_t parent)
{
        char host[HOST_MAX + 1];
        ssize_t n;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (getppid() != parent || dup2(socket, 3) < 0 || close_range(4, ~0U, 0) < 0)
                _exit(EXIT_FAILURE);
        while ((n = recv(3, host, HOST_MAX, 0)) > 0) {
                host[n] = '\0';
                answer(3, host);
        }
        _exit(EXIT_SUCCESS);
}

int resolver_start(int *ret, Error *error)
{
        const pid_t parent = getpid();
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set(error, -errno, "No socket to look up names: %s", strerror(errno));
        pid_t pid = fork();
        if (pid == 0)
                serve(pair[1], parent);
        int r = pid < 0 ? error_set(error, -errno, "No process to look up names: %s", strerror(errno)) : 0;
        (void)close(pair[1]);
        if (r < 0)
                (void)close(pair[0]);
        else
                *ret = pair[0];
        return r;
}

int resolver_send(int socket, const char *host, Error *error)
{
        const size_t n = strlen(host);

        if (n == 0 || n > HOST_MAX || send(socket, host, n, MSG_NOSIGNAL) != (ssize_t)n)
                return error_set(error, NET_UNREACHABLE, "A name that the server sends to cannot be looked up");
        return 0;
}

int resolver_receive(int socket, char ret[static RESOLVER_TEXT_MAX], Error *error)
{
        Reply reply;
        ssize_t n;

        do
                n = recv(socket, reply.text, sizeof(reply.text) - 1, 0);
        while (n < 0 && errno == EINTR);
        if (n < 2)
                return error_set(error, NET_UNREACHABLE, "What looks up names has ended");
        reply.text[n] = '\0';
        utf8_sanitize(reply.text);
        if (reply.text[0] != '=')
                return error_set(error, NET_UNREACHABLE, "%s", reply.text + 1);
        (void)snprintf(ret, RESOLVER_TEXT_MAX, "%s", reply.text + 1);
        return 0;
}
